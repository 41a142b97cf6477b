"""Bodies at and over the limits of the wire form, and bodies that are none."""

import pytest

from ingest.contexts import wire_body
from ingest.readings import MALFORMED, TOO_LARGE, TOO_LONG, raw, refused, refused_bytes, taken, taken_bytes
from mallard.ingest.drop_reasons import Dropped
from mallard.ingest.request import EventRequest, parse_body

# Limits


@pytest.mark.parametrize(("key", "limit"), [("d", 200), ("n", 256), ("u", 2048)])
def test_text_at_its_limit_is_accepted_and_one_character_more_refused(key: str, limit: int) -> None:
    assert isinstance(parse_body(wire_body(**{key: "a" * limit})), EventRequest)
    assert refused(**{key: "a" * (limit + 1)}) == TOO_LONG


def test_limits_count_characters_and_not_bytes() -> None:
    assert taken(n="é" * 256).name == "é" * 256
    assert refused(n="é" * 257) == TOO_LONG


def test_body_of_64_kb_is_accepted_and_one_byte_more_refused() -> None:
    body = wire_body()
    body += b" " * (64 * 1024 - len(body))
    assert taken_bytes(body) == taken()
    assert refused_bytes(body + b" ") == TOO_LARGE


def test_body_over_64_kb_is_413_for_any_content() -> None:
    assert refused_bytes(b"\x00" * (64 * 1024 + 1)) == TOO_LARGE


@pytest.mark.parametrize(("given", "width"), [(1, 1), (1280.0, 1280), (100_000, 100_000), (0, None)])
def test_width_is_accepted_up_to_100_000_px_and_0_is_none(given: float, width: int | None) -> None:
    assert taken(w=given).width_px == width


# Malformed bodies


@pytest.mark.parametrize(
    "body",
    [b"{", b"}", b"null", b"true", b"1", b'"x"', b"[]", b"d=example.com&n=pageview&u=/", b"\xff\xfe\x00", b"\x00"],
)
def test_a_body_that_is_no_json_object_is_malformed(body: bytes) -> None:
    assert refused_bytes(body) == MALFORMED


def test_body_with_an_array_of_events_is_malformed() -> None:
    assert refused_bytes(b"[" + wire_body() + b"]") == MALFORMED


@pytest.mark.parametrize("garbage", [b"x", b"{}", b",", b"\x00", b"//", wire_body()])
def test_trailing_garbage_is_malformed(garbage: bytes) -> None:
    assert refused_bytes(wire_body() + garbage) == MALFORMED


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("key", ["ra", "w", "p", "z"])
def test_nan_and_infinity_are_no_json(key: str, constant: str) -> None:
    assert refused_bytes(raw(f'"{key}":{constant}')) == MALFORMED


@pytest.mark.parametrize(
    ("key", "field"), [("ra", "revenue"), ("w", "width"), ("sd", "scroll_depth"), ("e", "engagement")]
)
@pytest.mark.parametrize("number", ["1e999", "-1e999"])
def test_parse_body_ignores_a_number_too_big_for_a_float(key: str, field: str, number: str) -> None:
    assert taken_bytes(raw(f'"n":"engagement","{key}":{number}')).ignored == (field,)


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
def test_deeply_nested_body_is_malformed(body: bytes) -> None:
    assert refused_bytes(body) == MALFORMED


@pytest.mark.parametrize("depth", [900, 960, 990, 1010, 1500, 2000])
def test_properties_near_the_parser_depth_raise_no_error(depth: int) -> None:
    nested = '{"a":' + "[" * depth + "]" * depth + "}"
    assert isinstance(parse_body(raw(f'"p":{nested}')), EventRequest | Dropped)
    assert isinstance(parse_body(wire_body(p=nested)), EventRequest | Dropped)


@pytest.mark.parametrize("sign", ["\x00", "\t", "\n", "\r", "\x1b", "\x1f", "\x7f"])
@pytest.mark.parametrize("key", ["d", "n", "u"])
def test_a_control_character_in_a_text_is_malformed(key: str, sign: str) -> None:
    assert refused(**{key: f"/a{sign}b"}) == MALFORMED


@pytest.mark.parametrize("surrogate", ["\\ud800", "\\udfff", "\\ude00\\ud83d"])
@pytest.mark.parametrize("key", ["d", "n", "u"])
def test_a_lone_surrogate_in_a_text_is_malformed(key: str, surrogate: str) -> None:
    assert refused_bytes(raw(f'"{key}":"/a{surrogate}"')) == MALFORMED


@pytest.mark.parametrize(
    ("props", "stored"),
    [
        ('{"a":"x\\ud83d"}', '{"a":"x"}'),
        ('{"\\ud800":1,"b":2}', '{"b":2}'),
        ('{"a\\ud800":1}', '{"a":1}'),
        ('{"a":["\\ud800"]}', '{"a":"[\\"\\"]"}'),
        ('{"a":{"\\ud800":1}}', '{"a":"{\\"\\":1}"}'),
        ('"{\\"a\\":\\"\\\\ud800\\"}"', '{"a":""}'),
    ],
)
def test_parse_body_removes_lone_surrogates_from_properties(props: str, stored: str) -> None:
    found = taken_bytes(raw(f'"p":{props}'))
    assert (found.props, found.ignored) == (stored, ("props",))


def test_a_surrogate_as_raw_bytes_is_malformed() -> None:
    assert refused_bytes(b'{"d":"a.com","n":"\xed\xa0\x80","u":"/"}') == MALFORMED
