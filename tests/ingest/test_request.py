"""The wire form of an event: what is taken, what is refused, and with which reason."""

import json
import re
from decimal import Decimal
from typing import Any, NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.doors import SITE, wire, wire_body
from mallard.ingest.dropped import Dropped, Reason
from mallard.ingest.request import EventRequest, parse_body, parse_pixel, strict_json

MALFORMED = (Reason.MALFORMED, 400)
EMPTY = (Reason.EMPTY, 400)
TOO_LONG = (Reason.TOO_LONG, 400)
RANGE = (Reason.RANGE, 400)
MISSING = (Reason.MISSING, 422)
TYPE = (Reason.TYPE, 422)
TOO_LARGE = (Reason.TOO_LARGE, 413)


def taken_bytes(body: bytes) -> EventRequest:
    request = parse_body(body)
    assert isinstance(request, EventRequest), request
    return request


def refused_bytes(body: bytes) -> tuple[Reason, int]:
    dropped = parse_body(body)
    assert isinstance(dropped, Dropped), dropped
    assert dropped.sentence.endswith(".")
    return dropped.reason, dropped.status


def taken(**keys: Any) -> EventRequest:
    return taken_bytes(wire_body(**keys))


def refused(**keys: Any) -> tuple[Reason, int]:
    return refused_bytes(wire_body(**keys))


def raw(tail: str) -> bytes:
    """A body with one more key, written by hand."""
    return f'{{"d":"{SITE}","n":"x","u":"/",{tail}}}'.encode()


def props_of(value: Any) -> Any:
    props = taken(p=value).props
    return None if props is None else json.loads(props)


def long_props(length: int) -> str:
    """A JSON object of exactly so many characters."""
    return '{"a":"' + "x" * (length - 8) + '"}'


# What is taken


def test_the_three_required_keys_are_enough() -> None:
    assert taken() == EventRequest(SITE, "pageview", f"https://{SITE}/")


def test_every_key_is_read() -> None:
    request = taken(
        n="signup", r="https://google.com/", w=1280, p={"plan": "pro"}, ra=9.5, rc="EUR", i="c1", sd=40, e=1000
    )
    assert request == EventRequest(
        site_id=SITE,
        name="signup",
        url=f"https://{SITE}/",
        referrer="https://google.com/",
        width_px=1280,
        props='{"plan":"pro"}',
        revenue_amount=Decimal("9.50"),
        revenue_currency="EUR",
        client_id="c1",
    )


def test_unknown_keys_are_ignored() -> None:
    assert taken(z=[1], ts="2020-01-01T00:00:00Z", ip="192.0.2.1") == taken()


@pytest.mark.parametrize("key", ["r", "w", "p", "ra", "rc", "i"])
def test_null_is_the_same_as_an_absent_optional_key(key: str) -> None:
    assert taken(**{key: None}) == taken()


@pytest.mark.parametrize("key", ["r", "p", "i"])
def test_an_empty_optional_text_is_the_same_as_an_absent_one(key: str) -> None:
    assert taken(**{key: ""}) == taken()


def test_the_last_of_duplicate_keys_counts() -> None:
    assert taken_bytes(raw('"n":"first","n":"second"')).name == "second"


def test_white_space_around_the_object_is_no_garbage() -> None:
    assert taken_bytes(b" \r\n" + wire_body() + b"\n\t ") == taken()


def test_text_outside_ascii_is_kept() -> None:
    assert taken(n="Anmeldung 😀 日本").name == "Anmeldung 😀 日本"
    assert taken_bytes(json.dumps(wire(n="größe"), ensure_ascii=False).encode()).name == "größe"


# The site id


@pytest.mark.parametrize("site_id", ["example.com", "a", "sub.example.com", "my_app-2", "localhost:8080", "1.2.3.4"])
def test_a_site_id_of_letters_digits_and_four_signs_is_taken(site_id: str) -> None:
    assert taken(d=site_id).site_id == site_id


def test_a_site_id_is_taken_in_lower_case() -> None:
    assert taken(d="WWW.Example.COM").site_id == "www.example.com"


@pytest.mark.parametrize(
    "site_id", ["exa mple.com", "münchen.de", "a/b", "a\\b", "a%2fb", ".", "..", "...", "a=b", "*.a", "例え.jp"]
)
def test_a_site_id_with_anything_else_is_malformed(site_id: str) -> None:
    assert refused(d=site_id) == MALFORMED


def test_a_letter_that_only_becomes_ascii_in_lower_case_is_malformed() -> None:
    # The Kelvin sign is no ASCII letter, though its lower case is k.
    assert refused(d="\u212aite.com") == MALFORMED


# Missing, wrong type, empty


@pytest.mark.parametrize("key", ["d", "n", "u"])
def test_a_missing_required_key_is_422_and_is_named(key: str) -> None:
    keys = wire()
    del keys[key]
    dropped = parse_body(json.dumps(keys).encode())
    assert isinstance(dropped, Dropped)
    assert (dropped.reason, dropped.status) == MISSING
    assert dropped.sentence == f"The key {key} is missing."


@pytest.mark.parametrize("value", [None, 1, 1.5, True, [], ["x"], {}, {"a": 1}])
@pytest.mark.parametrize("key", ["d", "n", "u"])
def test_a_required_key_of_the_wrong_type_is_422(key: str, value: Any) -> None:
    assert refused(**{key: value}) == TYPE


@pytest.mark.parametrize("value", [1, True, [], {}])
@pytest.mark.parametrize("key", ["r", "i"])
def test_an_optional_text_of_the_wrong_type_is_422(key: str, value: Any) -> None:
    assert refused(**{key: value}) == TYPE


@pytest.mark.parametrize("value", ["1280", True, 1.5, [], {}])
def test_a_width_that_is_no_whole_number_is_422(value: Any) -> None:
    assert refused(w=value) == TYPE


@pytest.mark.parametrize("value", ["9.99", True, [], {}])
def test_a_revenue_that_is_no_number_is_422(value: Any) -> None:
    assert refused(ra=value) == TYPE


@pytest.mark.parametrize("value", [1, True, 1.5, [], [{"a": 1}]])
def test_properties_that_are_neither_object_nor_text_are_422(value: Any) -> None:
    assert refused(p=value) == TYPE


@pytest.mark.parametrize("value", ["", " ", "\u00a0"])
@pytest.mark.parametrize("key", ["d", "n", "u"])
def test_an_empty_required_text_is_400(key: str, value: str) -> None:
    assert refused(**{key: value}) == EMPTY


@pytest.mark.parametrize("body", [b"", b" ", b"\r\n\t "])
def test_an_empty_body_is_400(body: bytes) -> None:
    assert refused_bytes(body) == EMPTY


# Limits


@pytest.mark.parametrize(("key", "limit"), [("d", 200), ("n", 256), ("u", 2048), ("r", 2048), ("i", 64)])
def test_a_text_may_have_its_limit_and_not_one_character_more(key: str, limit: int) -> None:
    assert isinstance(parse_body(wire_body(**{key: "a" * limit})), EventRequest)
    assert refused(**{key: "a" * (limit + 1)}) == TOO_LONG


def test_limits_count_characters_and_not_bytes() -> None:
    assert taken(n="é" * 256).name == "é" * 256
    assert refused(n="é" * 257) == TOO_LONG


def test_a_body_may_have_64_kb_and_not_one_byte_more() -> None:
    body = wire_body()
    body += b" " * (64 * 1024 - len(body))
    assert taken_bytes(body) == taken()
    assert refused_bytes(body + b" ") == TOO_LARGE


def test_a_body_over_64_kb_is_413_whatever_it_holds() -> None:
    assert refused_bytes(b"\x00" * (64 * 1024 + 1)) == TOO_LARGE


@pytest.mark.parametrize(("given", "width"), [(1, 1), (1280.0, 1280), (100_000, 100_000), (0, None)])
def test_a_width_is_taken_up_to_100_000_px_and_0_is_none(given: float, width: int | None) -> None:
    assert taken(w=given).width_px == width


@pytest.mark.parametrize("width", [-1, 100_001, 10**30, -(10**400), 1e300])
def test_a_width_out_of_range_is_400(width: float) -> None:
    assert refused(w=width) == RANGE


# Malformed bodies


@pytest.mark.parametrize(
    "body",
    [b"{", b"}", b"null", b"true", b"1", b'"x"', b"[]", b"d=example.com&n=pageview&u=/", b"\xff\xfe\x00", b"\x00"],
)
def test_a_body_that_is_no_json_object_is_malformed(body: bytes) -> None:
    assert refused_bytes(body) == MALFORMED


def test_an_array_of_events_is_malformed_here() -> None:
    assert refused_bytes(b"[" + wire_body() + b"]") == MALFORMED


@pytest.mark.parametrize("garbage", [b"x", b"{}", b",", b"\x00", b"//", wire_body()])
def test_garbage_after_the_object_is_malformed(garbage: bytes) -> None:
    assert refused_bytes(wire_body() + garbage) == MALFORMED


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("key", ["ra", "w", "p", "z"])
def test_nan_and_infinity_are_no_json(key: str, constant: str) -> None:
    assert refused_bytes(raw(f'"{key}":{constant}')) == MALFORMED


@pytest.mark.parametrize("key", ["ra", "w", "sd", "e"])
@pytest.mark.parametrize("number", ["1e999", "-1e999"])
def test_a_number_too_big_for_a_float_is_refused(key: str, number: str) -> None:
    assert refused_bytes(raw(f'"n":"engagement","{key}":{number}')) in (RANGE, TYPE)


@pytest.mark.parametrize("key", ["ra", "w", "z"])
def test_a_number_of_thousands_of_digits_is_refused(key: str) -> None:
    assert refused_bytes(raw(f'"{key}":{"9" * 60_000}')) == MALFORMED


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 60_000,
        b'{"a":' * 12_000,
        b"[" * 30_000 + b"]" * 30_000,
        raw('"p":' + "[" * 20_000 + "]" * 20_000),
        raw('"z":' + '{"a":' * 10_000 + "1" + "}" * 10_000),
    ],
    ids=["open arrays", "open objects", "closed arrays", "in p", "in an unknown key"],
)
def test_deep_nesting_is_malformed_and_no_fault(body: bytes) -> None:
    assert refused_bytes(body) == MALFORMED


@pytest.mark.parametrize("depth", [900, 960, 990, 1010, 1500, 2000])
def test_properties_near_the_parser_s_depth_raise_nothing(depth: int) -> None:
    nested = '{"a":' + "[" * depth + "]" * depth + "}"
    assert isinstance(parse_body(raw(f'"p":{nested}')), EventRequest | Dropped)
    assert isinstance(parse_body(wire_body(p=nested)), EventRequest | Dropped)


@pytest.mark.parametrize("sign", ["\x00", "\t", "\n", "\r", "\x1b", "\x1f", "\x7f"])
@pytest.mark.parametrize("key", ["d", "n", "u", "r", "i"])
def test_a_control_character_in_a_text_is_malformed(key: str, sign: str) -> None:
    assert refused(**{key: f"/a{sign}b"}) == MALFORMED


@pytest.mark.parametrize("surrogate", ["\\ud800", "\\udfff", "\\ude00\\ud83d"])
@pytest.mark.parametrize("key", ["d", "n", "u", "r", "i"])
def test_a_lone_surrogate_in_a_text_is_malformed(key: str, surrogate: str) -> None:
    assert refused_bytes(raw(f'"{key}":"/a{surrogate}"')) == MALFORMED


@pytest.mark.parametrize(
    "props",
    ['{"a":"\\ud800"}', '{"\\ud800":1}', '{"a":["\\ud800"]}', '{"a":{"\\ud800":1}}', '"{\\"a\\":\\"\\\\ud800\\"}"'],
)
def test_a_lone_surrogate_in_properties_is_malformed(props: str) -> None:
    assert refused_bytes(raw(f'"p":{props}')) == MALFORMED


def test_a_surrogate_as_raw_bytes_is_malformed() -> None:
    assert refused_bytes(b'{"d":"a.com","n":"\xed\xa0\x80","u":"/"}') == MALFORMED


# Properties


def test_properties_are_the_same_as_object_and_as_text() -> None:
    assert taken(p={"a": 1, "b": "x"}).props == taken(p='{ "a": 1, "b": "x" }').props == '{"a":1,"b":"x"}'


def test_scalars_keep_their_type() -> None:
    props = {"text": "x", "whole": 1, "part": 1.5, "yes": True, "no": False}
    assert props_of(props) == props


def test_nested_values_are_kept_as_json_text() -> None:
    assert props_of({"list": [1, "é", None], "map": {"b": {"c": 1}}}) == {
        "list": '[1,"é",null]',
        "map": '{"b":{"c":1}}',
    }


def test_null_properties_are_left_out() -> None:
    assert props_of({"a": None, "b": 1}) == {"b": 1}


@pytest.mark.parametrize("value", [{}, "{}", "", "  ", {"a": None}])
def test_no_properties_are_none(value: Any) -> None:
    assert taken(p=value).props is None


def test_line_breaks_within_a_property_are_kept() -> None:
    assert props_of({"message": "two\nlines\x00"}) == {"message": "two\nlines\x00"}


def test_30_properties_are_taken_and_31_are_too_many() -> None:
    many = {f"k{number}": number for number in range(31)}
    thirty = dict(list(many.items())[:30])
    assert props_of(thirty) == thirty
    assert props_of(json.dumps(thirty)) == thirty
    assert refused(p=many) == TOO_LONG
    assert refused(p=json.dumps(many)) == TOO_LONG


def test_properties_may_have_4096_characters_and_not_one_more() -> None:
    for fits, over in [
        (long_props(4096), long_props(4097)),
        (json.loads(long_props(4096)), json.loads(long_props(4097))),
    ]:
        assert taken(p=fits).props == long_props(4096)
        assert refused(p=over) == TOO_LONG


@pytest.mark.parametrize("text", ["{", "[]", "null", "1", "plan=pro", '{"a":NaN}', '{"a":1}x', "{'a':1}"])
def test_properties_as_text_that_is_no_json_object_are_malformed(text: str) -> None:
    assert refused(p=text) == MALFORMED


def test_a_property_beyond_every_float_is_malformed() -> None:
    assert refused_bytes(raw('"p":{"a":1e999}')) == MALFORMED
    assert refused_bytes(raw('"p":{"a":[-1e999]}')) == MALFORMED


# Revenue


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        (10, "10.00"),
        (0, "0.00"),
        (29.9, "29.90"),
        (0.1, "0.10"),
        (2.675, "2.68"),
        (0.125, "0.12"),
        (0.135, "0.14"),
        (9.999, "10.00"),
        (1e-9, "0.00"),
        (-5.25, "-5.25"),
        (9_999_999_999.99, "9999999999.99"),
        (-9_999_999_999.99, "-9999999999.99"),
    ],
)
def test_revenue_is_rounded_half_even_to_two_places(given: float, stored: str) -> None:
    assert str(taken(ra=given).revenue_amount) == stored


@pytest.mark.parametrize("amount", [10**10, -(10**10), 9_999_999_999.996, 1e300, 10**400])
def test_revenue_beyond_ten_digits_is_out_of_range(amount: float) -> None:
    assert refused(ra=amount) == RANGE


@pytest.mark.parametrize(("given", "code"), [("EUR", "EUR"), ("usd", "USD"), ("Gbp", "GBP"), (None, None), ("", None)])
def test_a_currency_is_taken_in_upper_case(given: str | None, code: str | None) -> None:
    assert taken(ra=1, rc=given).revenue_currency == code


@pytest.mark.parametrize("code", ["E", "EU", "E1R", "€", "E R", "ЕUR"])
def test_a_currency_that_is_not_three_letters_is_malformed(code: str) -> None:
    assert refused(ra=1, rc=code) == MALFORMED


def test_a_currency_of_letters_that_only_become_ascii_in_upper_case_is_malformed() -> None:
    # The upper case of ßa is SSA.
    assert refused(ra=1, rc="ßa") == MALFORMED


def test_a_currency_too_long_or_of_the_wrong_type_is_refused() -> None:
    assert refused(ra=1, rc="EURO") == TOO_LONG
    assert refused(ra=1, rc=978) == TYPE


def test_a_currency_without_an_amount_is_left_out() -> None:
    assert taken(rc="EUR") == taken()


# Engagement


def test_scroll_depth_and_engaged_time_are_read_from_the_ping() -> None:
    ping = taken(n="engagement", sd=100, e=15_000)
    assert (ping.scroll_depth, ping.engagement_ms) == (100, 15_000)


def test_zero_is_a_scroll_depth_and_an_engaged_time() -> None:
    ping = taken(n="engagement", sd=0, e=0)
    assert (ping.scroll_depth, ping.engagement_ms) == (0, 0)


@pytest.mark.parametrize("name", ["pageview", "signup", "Engagement"])
def test_scroll_depth_and_engaged_time_are_ignored_on_every_other_event(name: str) -> None:
    assert taken(n=name, sd=50, e=1000) == taken(n=name, sd="x", e=-1) == taken(n=name)


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("sd", 101, RANGE),
        ("sd", -1, RANGE),
        ("sd", 0.5, TYPE),
        ("sd", "50", TYPE),
        ("e", -1, RANGE),
        ("e", 86_400_001, RANGE),
        ("e", True, TYPE),
    ],
)
def test_a_wrong_scroll_depth_or_engaged_time_refuses_the_ping(
    key: str, value: Any, expected: tuple[Reason, int]
) -> None:
    assert refused(n="engagement", **{key: value}) == expected


# The pixel


def pixel_refused(**query: str) -> tuple[Reason, int]:
    dropped = parse_pixel({"d": SITE, "n": "pageview", "u": "/", **query})
    assert isinstance(dropped, Dropped), dropped
    return dropped.reason, dropped.status


def test_the_pixel_reads_site_name_url_referrer_and_width() -> None:
    query = {"d": "Example.com", "n": "open", "u": "/mail", "r": "https://bing.com/", "w": "800"}
    assert parse_pixel(query) == EventRequest("example.com", "open", "/mail", "https://bing.com/", 800)


def test_the_pixel_takes_no_properties_no_revenue_and_no_engagement() -> None:
    query = {"d": SITE, "n": "engagement", "u": "/", "p": "{", "ra": "x", "rc": "EUR", "sd": "50", "e": "1", "z": ""}
    assert parse_pixel(query) == EventRequest(SITE, "engagement", "/")


def test_the_pixel_needs_no_referrer_and_no_width() -> None:
    assert parse_pixel({"d": SITE, "n": "x", "u": "/", "r": "", "w": ""}) == EventRequest(SITE, "x", "/")


@pytest.mark.parametrize("key", ["d", "n", "u"])
def test_the_pixel_refuses_a_missing_or_empty_required_parameter(key: str) -> None:
    query = {"d": SITE, "n": "x", "u": "/"}
    del query[key]
    dropped = parse_pixel(query)
    assert isinstance(dropped, Dropped)
    assert dropped.reason is Reason.MISSING
    assert pixel_refused(**{key: ""}) == EMPTY


@pytest.mark.parametrize("width", ["abc", "12px", "1.5", "0x10", " ", "1" * 5000, "--1"])
def test_the_pixel_refuses_a_width_that_is_no_whole_number(width: str) -> None:
    assert pixel_refused(w=width) == TYPE


def test_the_pixel_keeps_the_limits_of_the_body() -> None:
    assert pixel_refused(n="x" * 257) == TOO_LONG
    assert pixel_refused(u="/" + "x" * 2048) == TOO_LONG
    assert pixel_refused(r="x" * 2049) == TOO_LONG
    assert pixel_refused(d="a b") == MALFORMED
    assert pixel_refused(n="a\x00b") == MALFORMED
    assert pixel_refused(w="-5") == RANGE


# Properties of the parser

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40)
ANY_JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
KEYS = st.sampled_from(["d", "n", "u", "r", "w", "p", "ra", "rc", "i", "sd", "e"]) | st.text(max_size=3)
FITTING = st.fixed_dictionaries(
    {"d": st.from_regex(r"[A-Za-z0-9._:-]{1,20}", fullmatch=True), "u": st.just("/")},
    optional={
        "n": st.sampled_from(["pageview", "engagement", "signup"]),
        "w": st.integers(-1, 3000) | st.floats(0, 3000),
        "ra": st.integers() | st.floats(),
        "rc": st.text("EURs", min_size=3, max_size=3),
        "sd": st.integers(-1, 101),
        "e": st.integers(-1, 10**9),
        "p": st.dictionaries(st.text(max_size=8), ANY_JSON, max_size=4),
    },
)


def assert_checked(request: EventRequest) -> None:
    """What every later step relies on."""
    assert re.fullmatch(r"[a-z0-9._:-]{1,200}", request.site_id)
    for text, limit in [
        (request.name, 256),
        (request.url, 2048),
        (request.referrer or "", 2048),
        (request.client_id or "", 64),
        (request.props or "", 4096),
    ]:
        assert len(text.encode().decode()) <= limit
    assert request.width_px is None or 1 <= request.width_px <= 100_000
    assert request.scroll_depth is None or 0 <= request.scroll_depth <= 100
    assert request.name == "engagement" or (request.scroll_depth, request.engagement_ms) == (None, None)
    assert request.revenue_currency is None or re.fullmatch("[A-Z]{3}", request.revenue_currency)
    if request.revenue_amount is not None:
        assert request.revenue_amount.as_tuple().exponent == -2
        assert abs(request.revenue_amount) < 10**10
    if request.props is not None:
        props = json.loads(request.props)
        assert 1 <= len(props) <= 30
        assert not any(value is None or isinstance(value, dict | list) for value in props.values())


def assert_closed(outcome: EventRequest | Dropped) -> None:
    if isinstance(outcome, EventRequest):
        assert_checked(outcome)
    else:
        assert isinstance(outcome, Dropped)
        assert outcome.status in (400, 413, 422)


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=300))
def test_any_bytes_are_a_request_or_a_drop(body: bytes) -> None:
    assert_closed(parse_body(body))


@settings(deadline=None, max_examples=300)
@given(st.integers(0, len(wire_body())), st.integers(0, 3), st.binary(max_size=6))
def test_a_damaged_body_is_a_request_or_a_drop(at: int, removed: int, added: bytes) -> None:
    body = wire_body()
    assert_closed(parse_body(body[:at] + added + body[at + removed :]))


def read_by_json(text: bytes) -> Any:
    """What the standard library makes of a text, NaN and Infinity refused; the class of error where it is no JSON."""

    def refuse(word: str) -> NoReturn:
        raise ValueError(word)

    try:
        return json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError):
        return ValueError


def read(text: bytes) -> Any:
    try:
        return strict_json(text)
    except (ValueError, RecursionError):
        return ValueError


@settings(deadline=None, max_examples=300)
@given(ANY_JSON, st.booleans(), st.integers(0, 300), st.binary(max_size=4))
def test_json_is_read_as_the_standard_library_reads_it(value: Any, ascii_only: bool, at: int, added: bytes) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only).encode(errors="surrogatepass")
    for each in (text, text[:at] + added + text[at:], text[:at] + text[at + 1 :]):
        assert repr(read(each)) == repr(read_by_json(each))


@pytest.mark.parametrize(
    "text",
    [
        *(b"9" * 25, b"-0", b"-0.0", b"1e400", b"1e-400", b"0.1234567890123456789", b"01", b"1.", b'{"a":1,"a":2}'),
        *('"größe"'.encode("utf-16"), '"größe"'.encode("utf-32"), b"\xef\xbb\xbf{}"),
        *(b'"\\ud800"', b'"\xed\xa0\x80"', b"[" * 900 + b"]" * 900),
    ],
)
def test_what_readers_of_json_disagree_about_is_read_as_the_standard_library_reads_it(text: bytes) -> None:
    assert repr(read(text)) == repr(read_by_json(text))


@settings(deadline=None, max_examples=300)
@given(st.dictionaries(KEYS, ANY_JSON | st.text(max_size=300), max_size=10))
def test_any_json_object_is_a_request_or_a_drop(keys: dict[str, Any]) -> None:
    assert_closed(parse_body(json.dumps(keys).encode()))
    assert_closed(parse_body(json.dumps(wire(**keys)).encode()))


@settings(deadline=None, max_examples=300)
@given(FITTING)
def test_any_nearly_right_event_is_a_request_or_a_drop(keys: dict[str, Any]) -> None:
    assert_closed(parse_body(json.dumps(wire(**keys)).encode()))


@settings(deadline=None)
@given(st.dictionaries(KEYS, st.text(max_size=60), max_size=6))
def test_any_query_is_a_request_or_a_drop(query: dict[str, str]) -> None:
    assert_closed(parse_pixel(query))
    assert_closed(parse_pixel({"d": SITE, "n": "x", "u": "/", **query}))
