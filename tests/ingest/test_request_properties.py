"""Property tests of the wire form: any bytes are a request or a drop, and JSON is what the standard library reads."""

import json
import re
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.contexts import SITE, wire, wire_body
from mallard.ingest.drop_reasons import Dropped
from mallard.ingest.request import EventRequest, parse_body, parse_pixel
from mallard.normalize.strict_json import parse_json

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


@given(st.binary(max_size=300))
def test_body_of_any_bytes_is_a_request_or_a_drop(body: bytes) -> None:
    assert_closed(parse_body(body))


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
        return parse_json(text)
    except (ValueError, RecursionError):
        return ValueError


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
def test_ambiguous_json_is_read_as_the_standard_library_reads_it(text: bytes) -> None:
    assert repr(read(text)) == repr(read_by_json(text))


@given(st.dictionaries(KEYS, ANY_JSON | st.text(max_size=300), max_size=10))
def test_any_json_object_is_a_request_or_a_drop(keys: dict[str, Any]) -> None:
    assert_closed(parse_body(json.dumps(keys).encode()))
    assert_closed(parse_body(json.dumps(wire(**keys)).encode()))


@given(FITTING)
def test_any_nearly_right_event_is_a_request_or_a_drop(keys: dict[str, Any]) -> None:
    assert_closed(parse_body(json.dumps(wire(**keys)).encode()))


@given(st.dictionaries(KEYS, st.text(max_size=60), max_size=6))
def test_pixel_query_of_any_text_is_a_request_or_a_drop(query: dict[str, str]) -> None:
    assert_closed(parse_pixel(query))
    assert_closed(parse_pixel({"d": SITE, "n": "x", "u": "/", **query}))
