"""The wire form of an event: what is taken, what is refused, and with which reason."""

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from ingest.contexts import SITE, wire, wire_body
from ingest.readings import (
    EMPTY,
    MALFORMED,
    MISSING,
    TOO_LONG,
    TYPE,
    kept,
    long_props,
    props_of,
    raw,
    refused,
    refused_bytes,
    taken,
    taken_bytes,
)
from mallard.ingest.drop_reasons import Dropped, DropReason
from mallard.ingest.ignored_fields import IgnoredField
from mallard.ingest.request import EventRequest, parse_body, parse_pixel

# What is taken


def test_required_keys_are_sufficient() -> None:
    assert taken() == EventRequest(SITE, "pageview", f"https://{SITE}/")


def test_keys_are_all_read() -> None:
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
def test_empty_optional_text_equals_an_absent_one(key: str) -> None:
    assert taken(**{key: ""}) == taken()


def test_last_of_duplicate_keys_is_used() -> None:
    assert taken_bytes(raw('"n":"first","n":"second"')).name == "second"


def test_white_space_around_the_object_is_accepted() -> None:
    assert taken_bytes(b" \r\n" + wire_body() + b"\n\t ") == taken()


def test_non_ascii_text_is_kept() -> None:
    assert taken(n="Anmeldung 😀 日本").name == "Anmeldung 😀 日本"
    assert taken_bytes(json.dumps(wire(n="größe"), ensure_ascii=False).encode()).name == "größe"


# The site id


@pytest.mark.parametrize("site_id", ["example.com", "a", "sub.example.com", "my_app-2", "localhost:8080", "1.2.3.4"])
def test_site_id_of_letters_digits_and_four_signs_is_accepted(site_id: str) -> None:
    assert taken(d=site_id).site_id == site_id


def test_site_id_is_lower_cased() -> None:
    assert taken(d="WWW.Example.COM").site_id == "www.example.com"


@pytest.mark.parametrize(
    "site_id",
    ["exa mple.com", "a/b", "a\\b", "a%2fb", ".", "..", "...", "a=b", "*.a", "mün chen.de", "\u0080.de", "ü" * 64],
)
def test_site_id_with_other_characters_is_malformed(site_id: str) -> None:
    assert refused(d=site_id) == MALFORMED


@pytest.mark.parametrize(
    ("given", "site_id"),
    [
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example:8080", "xn--bcher-kva.example:8080"),
        ("bu\u0308cher.example", "xn--bcher-kva.example"),
        ("faß.example", "xn--fa-hia.example"),
        ("例え。jp", "xn--r8jz45g.jp"),
        ("☕.example", "xn--53h.example"),
        ("\u212aite.com", "kite.com"),
        (" example.com ", "example.com"),
    ],
)
def test_site_id_is_ascii_when_name_is_international(given: str, site_id: str) -> None:
    assert taken(d=given).site_id == site_id


# Missing, wrong type, empty


@pytest.mark.parametrize("key", ["d", "n", "u"])
def test_a_missing_required_key_is_422_and_is_named(key: str) -> None:
    keys = wire(u="/")
    del keys[key]
    dropped = parse_body(json.dumps(keys).encode())
    assert isinstance(dropped, Dropped)
    assert (dropped.reason, dropped.status) == MISSING
    assert dropped.sentence == f"The key {key} is missing."


@pytest.mark.parametrize("value", [None, 1, 1.5, True, [], ["x"], {}, {"a": 1}])
@pytest.mark.parametrize("key", ["d", "n", "u"])
def test_a_required_key_of_the_wrong_type_is_422(key: str, value: Any) -> None:
    assert refused(**{key: value}) == TYPE


@pytest.mark.parametrize(
    ("key", "field", "values"),
    [
        ("r", "referrer", [1, True, [], {}]),
        ("i", "id", [1.5, [], {}, 10**64, "x" * 65, "a\x00b", "\ud800"]),
        ("w", "width", [True, [], {}, "wide", "1.5", -1, 100_001, 10**30, -(10**400), 1e300, "-5", "1" * 5000]),
        ("p", "props", [1, True, 1.5, [], [{"a": 1}], "{", "[]", "null", "1", "plan=pro", '{"a":NaN}', "{'a':1}"]),
        ("ra", "revenue", ["1,299", "free", True, [], {}, 10**10, -(10**10), 9_999_999_999.996, 1e300, 10**400]),
    ],
)
def test_parse_body_ignores_an_unreadable_optional_value(key: str, field: str, values: list[Any]) -> None:
    for value in values:
        found = taken(**{key: value})
        assert found.ignored == (field,), value
        assert msgspec.structs.replace(found, ignored=()) == taken(), value


def test_parse_body_reads_a_number_written_as_text() -> None:
    assert taken(w="1280", ra="49.99") == taken(w=1280, ra=49.99)
    assert taken(n="engagement", sd="50", e=" 1000 ") == taken(n="engagement", sd=50, e=1000)


def test_parse_body_reads_a_numeric_client_id() -> None:
    assert taken(i=4711) == taken(i="4711")


@pytest.mark.parametrize(
    ("keys", "interactive", "ignored"),
    [
        ({"i": False}, False, ()),
        ({"interactive": False}, False, ()),
        ({"i": "a", "interactive": False}, False, ()),
        ({"i": True, "interactive": False}, None, ()),
        ({"interactive": True}, None, ()),
        ({"interactive": None}, None, ()),
        ({"interactive": "no"}, None, ("interactive",)),
        ({"n": "pageview", "i": False}, None, ("interactive",)),
        ({"n": "engagement", "i": False, "e": 1}, None, ()),
    ],
)
def test_parse_body_reads_the_interactive_mark(
    keys: dict[str, Any], interactive: bool | None, ignored: tuple[str, ...]
) -> None:
    found = taken(**{"n": "signup", **keys})
    assert (found.interactive, found.ignored) == (interactive, ignored)
    assert found.client_id == ("a" if keys.get("i") == "a" else None)


def test_parse_body_repairs_a_referrer() -> None:
    long = "https://google.com/" + "a" * 2048
    assert taken(r=long).referrer == long[:2048]
    assert taken(r="https://google.com/\x00a\ud83d").referrer == "https://google.com/a"
    assert kept(r=long) == kept(r="/a\x00b") == kept(r="\ud800") == ("referrer",)


def test_parse_body_rounds_a_width_down() -> None:
    assert taken(w=1280.7).width_px == 1280
    assert kept(w=1280.7) == ("width",)


def test_parse_body_names_every_ignored_value_once() -> None:
    wrong = {"r": 1, "w": "x", "p": "{", "ra": "x", "i": [], "sd": 101, "e": -1}
    fields = ("revenue", "referrer", "width", "props", "id", "scroll_depth", "engagement")
    assert kept(n="engagement", **wrong) == fields


@pytest.mark.parametrize("keys", [{"n": None}, {"n": "x" * 257}, {"n": " "}, {"u": 1}, {"u": "/\x00"}])
def test_parse_body_names_the_site_of_a_refusal(keys: dict[str, Any]) -> None:
    dropped = parse_body(wire_body(**keys))
    assert isinstance(dropped, Dropped)
    assert dropped.site_id == SITE


@pytest.mark.parametrize("name", [" Signup ", "\u00a0Signup\u00a0", "Signup"])
def test_parse_body_trims_an_event_name(name: str) -> None:
    assert taken(n=name).name == "Signup"


def test_parse_body_normalises_a_name_to_nfc() -> None:
    assert taken(n="Cafe\u0301").name == "Café"


@pytest.mark.parametrize("value", ["", " ", "\u00a0"])
@pytest.mark.parametrize("key", ["d", "n", "u"])
def test_an_empty_required_text_is_400(key: str, value: str) -> None:
    assert refused(**{key: value}) == EMPTY


@pytest.mark.parametrize("body", [b"", b" ", b"\r\n\t "])
def test_an_empty_body_is_400(body: bytes) -> None:
    assert refused_bytes(body) == EMPTY


# Properties


def test_properties_are_the_same_as_object_and_as_text() -> None:
    assert taken(p={"a": 1, "b": "x"}).props == taken(p='{ "a": 1, "b": "x" }').props == '{"a":1,"b":"x"}'


def test_scalars_keep_their_type() -> None:
    props = {"text": "x", "whole": 1, "part": 1.5, "yes": True, "no": False}
    assert props_of(props) == props


def test_nested_property_values_are_stored_as_json_text() -> None:
    assert props_of({"list": [1, "é", None], "map": {"b": {"c": 1}}}) == {
        "list": '[1,"é",null]',
        "map": '{"b":{"c":1}}',
    }


def test_null_properties_are_omitted() -> None:
    assert props_of({"a": None, "b": 1}) == {"b": 1}


@pytest.mark.parametrize("value", [{}, "{}", "", "  ", {"a": None}])
def test_empty_properties_are_none(value: Any) -> None:
    assert taken(p=value).props is None


def test_line_breaks_within_a_property_are_preserved() -> None:
    assert props_of({"message": "two\nlines\x00"}) == {"message": "two\nlines\x00"}


def test_parse_body_drops_the_31st_property() -> None:
    many = {f"k{number}": number for number in range(31)}
    thirty = dict(list(many.items())[:30])
    assert props_of(thirty) == props_of(many) == props_of(json.dumps(many)) == thirty
    assert kept(p=many) == kept(p=json.dumps(many)) == ("props",)
    assert kept(p=thirty) == kept(p={**thirty, "none": None}) == ()


def test_parse_body_cuts_the_longest_properties_to_4096_characters() -> None:
    for fits, over in [
        (long_props(4096), long_props(4097)),
        (json.loads(long_props(4096)), json.loads(long_props(4097))),
    ]:
        assert taken(p=fits).props == taken(p=over).props == long_props(4096)
        assert (kept(p=fits), kept(p=over)) == ((), ("props",))


def test_parse_body_cuts_the_longest_text_and_keeps_the_others() -> None:
    found = props_of({"trace": "x" * 9000, "plan": "pro", "note": "y" * 300, "n": 5})
    assert (found["plan"], found["note"], found["n"]) == ("pro", "y" * 300, 5)
    assert 3000 < len(found["trace"]) < 4096


def test_parse_body_drops_the_last_properties_when_keys_are_too_long() -> None:
    found = props_of({f"{number}{'k' * 1000}": number for number in range(9)})
    assert list(found.values()) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("number", "stored"),
    [("5.0", "5"), ("1e3", "1000"), ("-0", "0"), ("-0.0", "0"), ("1.50", "1.5"), ("1e22", "1e+22")],
)
def test_parse_body_normalises_numbers(number: str, stored: str) -> None:
    assert taken_bytes(raw(f'"p":{{"a":{number}}}')).props == f'{{"a":{stored}}}'


def test_parse_body_normalises_properties_to_nfc() -> None:
    assert props_of({"cafe\u0301": "e\u0301", "b": ["\n\u0303e\u0301"]}) == {"café": "é", "b": '["\\n\u0303é"]'}
    assert kept(p={"cafe\u0301": "e\u0301"}) == ()


def test_parse_body_drops_a_property_beyond_the_float_range() -> None:
    assert taken_bytes(raw('"p":{"a":1e999,"b":1}')).props == '{"b":1}'
    assert taken_bytes(raw('"p":{"a":[-1e999],"b":1}')).props == '{"b":1}'
    assert taken_bytes(raw('"p":{"a":1e999}')).ignored == ("props",)


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


@pytest.mark.parametrize(("given", "code"), [("EUR", "EUR"), ("usd", "USD"), ("Gbp", "GBP"), (None, None), ("", None)])
def test_currency_is_upper_cased(given: str | None, code: str | None) -> None:
    assert taken(ra=1, rc=given).revenue_currency == code


@pytest.mark.parametrize("code", ["E", "EU", "E1R", "$", "E R", "ЕUR", "ßa", "EURO", 978, True, []])
def test_parse_body_ignores_an_invalid_currency(code: Any) -> None:
    found = taken(ra=1, rc=code)
    assert (found.revenue_amount, found.revenue_currency, found.ignored) == (Decimal("1.00"), None, ("currency",))


@pytest.mark.parametrize(("amount", "code"), [("CHF 12.50", "CHF"), ("12,50 €", "EUR"), ("$12.50", None)])
def test_parse_body_reads_the_currency_from_the_amount(amount: str, code: str | None) -> None:
    assert (str(taken(ra=amount).revenue_amount), taken(ra=amount).revenue_currency) == ("12.50", code)
    assert taken(ra=amount, rc=code or "AUD").ignored == ()


def test_parse_body_ignores_an_amount_with_a_contradicting_currency() -> None:
    assert taken(ra="CHF 12.50", rc="EUR") == msgspec.structs.replace(taken(), ignored=(IgnoredField.REVENUE,))


def test_currency_without_an_amount_is_ignored() -> None:
    assert taken(rc="EUR") == taken()


# Engagement


def test_scroll_depth_and_engaged_time_are_read_from_the_ping() -> None:
    ping = taken(n="engagement", sd=100, e=15_000)
    assert (ping.scroll_depth, ping.engagement_ms) == (100, 15_000)


def test_scroll_depth_and_engaged_time_may_be_zero() -> None:
    ping = taken(n="engagement", sd=0, e=0)
    assert (ping.scroll_depth, ping.engagement_ms) == (0, 0)


@pytest.mark.parametrize("name", ["pageview", "signup", "Engagement"])
def test_scroll_depth_and_engaged_time_are_ignored_on_every_other_event(name: str) -> None:
    assert taken(n=name, sd=50, e=1000) == taken(n=name, sd="x", e=-1) == taken(n=name)


@pytest.mark.parametrize(
    ("key", "value", "field"),
    [
        ("sd", 101, "scroll_depth"),
        ("sd", -1, "scroll_depth"),
        ("sd", "far", "scroll_depth"),
        ("e", -1, "engagement"),
        ("e", 86_400_001, "engagement"),
        ("e", True, "engagement"),
    ],
)
def test_parse_body_ignores_an_invalid_scroll_depth_or_engaged_time(key: str, value: Any, field: str) -> None:
    found = taken(n="engagement", **{key: value})
    assert (found.scroll_depth, found.engagement_ms, found.ignored) == (None, None, (field,))


# The pixel


def pixel_refused(**query: str) -> tuple[DropReason, int]:
    dropped = parse_pixel({"d": SITE, "n": "pageview", "u": "/", **query})
    assert isinstance(dropped, Dropped), dropped
    return dropped.reason, dropped.status


def test_the_pixel_reads_site_name_url_referrer_and_width() -> None:
    query = {"d": "Example.com", "n": "open", "u": "/mail", "r": "https://bing.com/", "w": "800"}
    assert parse_pixel(query) == EventRequest("example.com", "open", "/mail", "https://bing.com/", 800)


def test_pixel_ignores_properties_revenue_and_engagement() -> None:
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
    assert dropped.reason is DropReason.MISSING
    assert pixel_refused(**{key: ""}) == EMPTY


def pixel_kept(**query: str) -> EventRequest:
    found = parse_pixel({"d": SITE, "n": "pageview", "u": "/", **query})
    assert isinstance(found, EventRequest), found
    return found


@pytest.mark.parametrize("width", ["abc", "12px", "1.5", "0x10", " ", "1" * 5000, "--1", "-5"])
def test_parse_pixel_ignores_a_width_that_is_no_integer(width: str) -> None:
    assert (pixel_kept(w=width).width_px, pixel_kept(w=width).ignored) == (None, ("width",))


def test_the_pixel_keeps_the_limits_of_the_body() -> None:
    assert pixel_refused(n="x" * 257) == TOO_LONG
    assert pixel_refused(u="/" + "x" * 2048) == TOO_LONG
    assert pixel_refused(d="a b") == MALFORMED
    assert pixel_refused(n="a\x00b") == MALFORMED
    assert pixel_kept(r="x" * 2049).referrer == "x" * 2048
