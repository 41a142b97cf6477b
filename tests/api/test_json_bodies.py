"""A body is JSON as it is written down, of a size and a depth that somebody may mean; anything else is refused."""

import gzip
import json
import math
import re
import time
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallard.api.middleware.json_body import ENCODED, MAX_BODY_BYTES, NOT_JSON, TOO_LARGE
from mallard.normalize.strict_json import HALF, MAX_DEPTH, MAX_VALUES, NO_JSON, NO_UTF8, TOO_DEEP, TOO_MANY, fault_in
from support.raw_http import as_json, ask, exchange, put

QUICK_SECONDS = 20.0
"""What takes a time that grows with the square of a body's length takes minutes."""

TWICE = "The body gives a key more than once."
BOMBS = {
    "nothing of JSON": (b"{", NO_JSON),
    "two values": (b"{} {}", NO_JSON),
    "single quotes": (b"{'a': 1}", NO_JSON),
    "a comma too many": (b'{"a": 1,}', NO_JSON),
    "a comment": (b"{} // a", NO_JSON),
    "a mark of byte order": (b"\xef\xbb\xbf{}", NO_JSON),
    "a raw line end in a text": (b'{"a": "b\nc"}', NO_JSON),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), NO_UTF8),
    "UTF-32": ('{"a": 1}'.encode("utf-32-le"), NO_JSON),
    "Latin-1": (b'{"a": "\xe9"}', NO_UTF8),
    "a long zero": (b'{"a": "\xc0\x80"}', NO_UTF8),
    "a surrogate as bytes": (b'{"a": "\xed\xa0\x80"}', NO_UTF8),
    "half of a character": (b'{"a": "\\ud800"}', HALF),
    "half of a character as a key": (b'{"\\udfff": 1}', HALF),
    "half of a character, deep": (b'[[[{"a": ["\\ud83d"]}]]]', HALF),
    "NaN": (b'{"a": NaN}', "The body holds NaN, which is no JSON."),
    "Infinity": (b'{"a": -Infinity}', "The body holds -Infinity, which is no JSON."),
    "a number over all numbers": (
        b'{"a": 1e999}',
        "The body holds a number that is too large, or has too many digits.",
    ),
    "a number of many digits": (b'{"a": %s}' % (b"9" * 500_000), "The body holds a number of over 40 digits."),
    "a fraction of many digits": (
        b'{"a": 0.%s}' % (b"3" * 500_000),
        "The body holds a number that is too large, or has too many digits.",
    ),
    "a key twice": (b'{"password": "a", "password": "b"}', TWICE),
    "a key twice, deep": (b'{"a": [{"b": 1, "b": 1}]}', TWICE),
    "a key twice in two spellings": (b'{"a": 1, "\\u0061": 2}', TWICE),
    "lists in lists": (b"[" * 40_000, TOO_DEEP),
    "lists in lists, closed": (b"[" * 500 + b"]" * 500, TOO_DEEP),
    "objects in objects": (b'{"a":' * 40_000 + b"1" + b"}" * 40_000, TOO_DEEP),
    "lists in lists in lists": (b"[" * 500_000, TOO_MANY),
    "many commas in texts": (b'{"a": "%s' % (b"[," * 400_000), NO_JSON),
    "a text of quotes without an end": (b'"' + b'\\"' * 500_000, NO_JSON),
    "a text of backslashes without an end": (b'"' + b"\\" * 1_000_001, NO_JSON),
    "many values": (b"[" + b"1," * 500_000 + b"1]", TOO_MANY),
    "many lists": (b"[" + b"[]," * 300_000 + b"[]]", TOO_MANY),
    "many keys": (b"{" + b",".join(b'"%d":1' % n for n in range(60_000)) + b"}", TOO_MANY),
}


@pytest.fixture(scope="session")
def operations(origin: str) -> list[tuple[str, str]]:
    """Every operation of the API that takes a body, with something in each place of its path."""
    paths = as_json(ask(origin, "GET", "/openapi.json"))["paths"]
    found = [
        (method.upper(), re.sub("{(slug|key_hash|goal|segment_id)}", "7", path.replace("{site_id}", "a.example")))
        for path, methods in paths.items()
        for method, operation in methods.items()
        if "requestBody" in operation
    ]
    assert len(found) >= 6
    assert "{" not in str(found)
    return [*found, ("POST", "/auth/login"), ("POST", "/auth/setup"), ("POST", "/auth/password")]


@pytest.mark.parametrize("name", BOMBS)
def test_hostile_body_is_refused_at_once_on_every_route(
    origin: str, operations: list[tuple[str, str]], name: str
) -> None:
    body, sentence = BOMBS[name]
    for method, path in operations:
        begun = time.perf_counter()
        reply = put(origin, path, body, method)
        assert (reply.status, reply.error) == (400, sentence), path
        assert time.perf_counter() - begun < QUICK_SECONDS, path


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"0", b'"a"', b'{"nothing": "known"}', b"{}", b'{"a": "\\u0000"}']
)
def test_json_of_another_shape_is_never_a_server_error(
    origin: str, operations: list[tuple[str, str]], body: bytes
) -> None:
    for method, path in operations:
        reply = put(origin, path, body, method)
        assert reply.status < 500, path
        if reply.status >= 400:
            # Plausible's own words have no full stop.
            assert reply.error.endswith(".") or path.startswith("/api/v1/")


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(b"{}" + b" " * 50_000_000, mtime=0)),
        ("deflate", zlib.compress(b"{}")),
        ("br", b"{}"),
        ("zstd", b"{}"),
        ("identity, gzip", gzip.compress(b"{}", mtime=0)),
        ("GZIP", b"{}"),
    ],
)
def test_compressed_body_is_never_decompressed(
    origin: str, operations: list[tuple[str, str]], encoding: str, body: bytes
) -> None:
    for method, path in [*operations, ("POST", "/api/event"), ("POST", "/api/events")]:
        reply = put(origin, path, body, method, **{"Content-Encoding": encoding})
        assert (reply.status, reply.error, reply.headers["accept-encoding"]) == (415, ENCODED, "identity"), path


def test_body_with_identity_encoding_is_accepted(origin: str) -> None:
    for encoding in ("identity", "Identity", ""):
        assert put(origin, "/api/sites/a.example", b"{}", **{"Content-Encoding": encoding}).status == 200


@pytest.mark.parametrize(
    "media", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a", "text/json", ""]
)
def test_body_of_a_cors_simple_media_type_is_refused(
    origin: str, operations: list[tuple[str, str]], media: str
) -> None:
    for method, path in operations:
        reply = put(origin, path, b"{}", method, **{"Content-Type": media})
        assert (reply.status, reply.error) == (415, NOT_JSON), path
        assert reply.headers["accept"] == "application/json"


@pytest.mark.parametrize("media", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
def test_json_media_type_is_accepted_in_any_spelling(origin: str, media: str) -> None:
    assert put(origin, "/api/sites/a.example", b"{}", **{"Content-Type": media}).status == 200


def test_request_without_a_body_needs_no_media_type(origin: str) -> None:
    assert ask(origin, "POST", "/api/auth/logout").status == 200


# Size


def test_a_body_over_its_size_is_refused_as_json_on_every_route(origin: str, operations: list[tuple[str, str]]) -> None:
    body = b'{"a": "' + b"a" * MAX_BODY_BYTES + b'"}'
    for method, path in operations:
        reply = put(origin, path, body, method)
        assert (reply.status, reply.error) == (413, TOO_LARGE), path


def test_content_length_over_the_limit_is_refused_before_the_body(origin: str) -> None:
    head = b"PUT /api/sites/a.example HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
    (reply,) = exchange(origin, head + b"Content-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1))
    assert (reply.status, reply.error) == (413, TOO_LARGE)


def test_chunked_body_has_the_same_limit(origin: str) -> None:
    head = b"PUT /api/sites/a.example HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    (reply,) = exchange(origin, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 17)
    assert (reply.status, reply.error) == (413, TOO_LARGE)
    (taken,) = exchange(origin, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 2 + b"2\r\n{}\r\n0\r\n\r\n")
    assert taken.status == 200


@pytest.mark.parametrize("path", ["/api/event", "/api/events"])
def test_event_bodies_have_their_own_limits(origin: str, path: str) -> None:
    reply = put(origin, path, b" " * (MAX_BODY_BYTES + 1), "POST")
    # A batch asks for a key first.
    assert (reply.status, as_json(reply)["reason"]) in ((413, "too_large"), (401, "key"))


# Reading


@pytest.mark.parametrize("name", BOMBS)
def test_hostile_bodies_have_their_own_error_sentences(name: str) -> None:
    body, sentence = BOMBS[name]
    assert fault_in(body) == sentence


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


def test_body_depth_and_value_limits_are_exact() -> None:
    assert fault_in(nested(MAX_DEPTH)) is None
    assert fault_in(nested(MAX_DEPTH + 1)) == TOO_DEEP
    assert fault_in(json.dumps([1] * (MAX_VALUES - 1)).encode()) is None
    assert fault_in(json.dumps([1] * MAX_VALUES).encode()) == TOO_MANY
    assert fault_in(json.dumps("[," * 100_000).encode()) is None
    assert fault_in(json.dumps('\\"[,' * 100_000).encode()) is None
    assert fault_in(b"9" * 40) is None
    assert fault_in(b"9" * 41) is not None


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**15), 10**15)
    | st.floats(allow_nan=False, allow_infinity=False)
    # Texts have no half characters.
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(VALUES, st.booleans())
def test_body_written_by_the_json_module_is_accepted(value: Any, ascii_only: bool) -> None:
    assert fault_in(json.dumps(value, ensure_ascii=ascii_only).encode()) is None


@given(st.binary(max_size=40) | st.text(alphabet='{}[]",:0123456789.eE+-nul\\ud8 ', max_size=40).map(str.encode))
def test_any_body_is_refused_with_a_sentence_or_can_be_serialised_again(body: bytes) -> None:
    fault = fault_in(body)
    if fault is None:
        value = json.loads(body)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
        assert not isinstance(value, float) or math.isfinite(value)
    else:
        assert fault.endswith((".", "alone."))
