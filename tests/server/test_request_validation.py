"""A head is one request to everybody who reads it, or none: nothing behind it is taken for another."""

import pytest

from mallard.server.request_validation import MAX_HEADERS, MAX_TARGET_BYTES
from support.raw_http import Reply, ask, exchange
from support.server import FIREFOX

NEXT = b"GET /health?next HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
EVENT = b'{"d": "smuggled.example", "n": "pageview", "u": "/"}'
AGENT = b"User-Agent: " + FIREFOX.encode() + b"\r\n"


def get(*lines: bytes, target: bytes = b"/health", version: bytes = b"1.1") -> bytes:
    return b"\r\n".join([b"GET " + target + b" HTTP/" + version, *lines, b"", b""])


def post(*lines: bytes, body: bytes = b"0\r\n\r\n", target: bytes = b"/api/event") -> bytes:
    return b"\r\n".join([b"POST " + target + b" HTTP/1.1", b"Host: x", *lines, b"", b""]) + body


CHUNKED = b"Transfer-Encoding: chunked"

# What a server and a proxy before it could read in two ways.
AMBIGUOUS = {
    "two lengths": post(b"Content-Length: 5", b"Content-Length: 6"),
    "one length twice": post(b"Content-Length: 5", b"Content-Length: 5"),
    "a list of lengths": post(b"Content-Length: 5, 5"),
    "a length and chunks": post(b"Content-Length: 5", CHUNKED),
    "chunks and a length": post(CHUNKED, b"Content-Length: 5"),
    "chunks twice": post(CHUNKED, CHUNKED),
    "chunks, or as it is": post(CHUNKED, b"Transfer-Encoding: identity"),
    "packed chunks": post(b"Transfer-Encoding: gzip, chunked"),
    "chunks that are packed": post(b"Transfer-Encoding: chunked, gzip"),
    "almost chunks": post(b"Transfer-Encoding: xchunked"),
    "chunks behind a vertical tab": post(b"Transfer-Encoding:\x0bchunked"),
    "a space before the colon": post(b"Transfer-Encoding : chunked"),
    "a folded coding": post(b"Transfer-Encoding:\r\n chunked"),
    "a folded header": get(b"Host: x", b"X-A: b\r\n c"),
    "a header before the first": get(b" Host: x"),
    "a header without a colon": get(b"Host: x", b"X-A"),
    "bare line feeds": b"GET /health HTTP/1.1\nHost: x\n\n",
    "one bare line feed": get(b"Host: x\nX-A: b"),
    "a bare line feed at the end": b"GET /health HTTP/1.1\r\nHost: x\r\n\n",
    "a bare carriage return": get(b"Host: x\rX-A: b"),
    "a bare line feed behind a chunk's size": post(CHUNKED, body=b"2\n{}\r\n0\r\n\r\n"),
    "a bare line feed in a chunk's extension": post(CHUNKED, body=b"2;a\nb\r\n{}\r\n0\r\n\r\n"),
    "a chunk of hexadecimal with its sign": post(CHUNKED, body=b"0x2\r\n{}\r\n0\r\n\r\n"),
    "a chunk with a plus": post(CHUNKED, body=b"+2\r\n{}\r\n0\r\n\r\n"),
    "a chunk with a space": post(CHUNKED, body=b"2 \r\n{}\r\n0\r\n\r\n"),
    "a chunk over all sizes": post(CHUNKED, body=b"fffffffffffffffff2\r\n{}\r\n0\r\n\r\n"),
    "a chunk without its end": post(CHUNKED, body=b"2\r\n{}XX0\r\n\r\n"),
    "a length with a plus": post(b"Content-Length: +5"),
    "a length below nothing": post(b"Content-Length: -5"),
    "a length of nothing": post(b"Content-Length: "),
    "a length of hexadecimal": post(b"Content-Length: 0x5"),
    "a length over all sizes": post(b"Content-Length: 99999999999999999999999"),
    "two lengths with a space": post(b"Content-Length: 5 5"),
    "chunks of an old HTTP": b"POST /api/event HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "no host": get(),
    "two hosts": get(b"Host: x", b"Host: y"),
    "a host twice": get(b"Host: x", b"Host: x"),
    "a host that is none": get(b"Host: a b/c?d"),
    "another host in the address": get(b"Host: x", target=b"http://evil.example/health"),
    "a user in the address": get(b"Host: x", target=b"http://u:p@x/health"),
    "another scheme in the address": get(b"Host: x", target=b"ftp://x/health"),
    "an address without a path": get(b"Host: x", target=b"http://x"),
    "an address with a fragment": get(b"Host: x", target=b"/health#a"),
    "NUL in the path": get(b"Host: x", target=b"/hea\x00lth"),
    "NUL in a header": get(b"Host: x", b"X-A: a\x00b"),
    "a space in the path": get(b"Host: x", target=b"/hea lth"),
    "bytes that are no ASCII in the path": get(b"Host: x", target="/é".encode()),
    "tabs in the first line": b"GET\t/health\tHTTP/1.1\r\nHost: x\r\n\r\n",
    "a method in small letters": b"get /health HTTP/1.1\r\nHost: x\r\n\r\n",
    "a method that is none": b"FETCH /health HTTP/1.1\r\nHost: x\r\n\r\n",
    "HTTP/0.9": b"GET /health\r\n",
    "HTTP/0.9 by name": get(b"Host: x", version=b"0.9"),
    "HTTP/1.2": get(b"Host: x", version=b"1.2"),
    "HTTP/2.0 by name": get(b"Host: x", version=b"2.0"),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a tunnel": b"CONNECT example.com:80 HTTP/1.1\r\nHost: x\r\n\r\n",
    "a tunnel to a path": b"CONNECT /health HTTP/1.1\r\nHost: x\r\n\r\n",
    "a tunnel with a body": b"CONNECT /health HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
    "all of the server": b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "a zero": b"\x00",
}


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_ambiguous_request_head_is_refused_and_the_connection_closed(origin: str, name: str) -> None:
    for sent in ((AMBIGUOUS[name] + NEXT,), (AMBIGUOUS[name], NEXT)):
        (reply,) = exchange(origin, *sent)
        assert reply.status in (400, 501, 505)
        assert reply.headers["connection"] == "close"
        assert reply.error.endswith(".")


# What reads in one way only, as it may look odd.
PLAIN = {
    "a tab before a coding": post(b"Transfer-Encoding:\tchunked"),
    "an extension of a chunk": post(CHUNKED, body=b"2;a=b\r\n{}\r\n0\r\n\r\n"),
    "trailers": post(CHUNKED, body=b"2\r\n{}\r\n0\r\nX-A: b\r\n\r\n"),
    "empty lines before the first": b"\r\n\r\n" + get(b"Host: x"),
    "the address with its own host": get(b"Host: x", target=b"http://x/health"),
    "a body of a GET": get(b"Host: x", b"Content-Length: 2") + b"{}",
    "an expectation that nobody knows": post(b"Expect: 200-ok", b"Content-Length: 2", body=b"{}"),
    "two slashes": get(b"Host: x", target=b"//evil.example/health"),
    "a trace": b"TRACE /health HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("name", PLAIN)
def test_unambiguous_request_head_is_one_request_and_the_next_is_answered(origin: str, name: str) -> None:
    first, second = exchange(origin, PLAIN[name] + NEXT)
    assert first.status in (200, 400, 404, 405, 422)
    assert (second.status, second.body) == (200, b"ok")


def test_trace_request_is_not_echoed(origin: str) -> None:
    (reply,) = exchange(origin, b"TRACE /health HTTP/1.1\r\nHost: x\r\nX-Secret: hush\r\nConnection: close\r\n\r\n")
    assert (reply.status, b"hush" in reply.body) == (405, False)


@pytest.mark.parametrize(
    "first",
    [
        get(b"Host: x", b"Connection: close"),
        get(version=b"1.0"),
        get(b"Host: x", b"Connection: keep-alive", version=b"1.0"),
        post(b"Connection: close", b"Content-Length: 2", body=b"{}"),
        b"OPTIONS /health RTSP/1.0\r\nHost: x\r\n\r\n",
    ],
)
def test_bytes_after_the_last_request_of_a_connection_are_not_a_request(origin: str, first: bytes) -> None:
    replies = exchange(origin, first + post(b"Content-Length: %d" % len(EVENT), body=EVENT))
    assert len(replies) == 1


UPGRADE = [b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__"]
CHUNKS = b"%x\r\n%s\r\n0\r\n\r\n" % (len(EVENT), EVENT)


@pytest.mark.parametrize("framing", [(b"Content-Length: %d" % len(EVENT), EVENT), (CHUNKED, CHUNKS)])
def test_protocol_upgrade_is_ignored_and_its_body_is_read(origin: str, framing: tuple[bytes, bytes]) -> None:
    """httptools leaves the body unread, which would then be the next request."""
    line, body = framing
    head = post(*UPGRADE, AGENT.strip(), line, body=b"")
    for sent in ((head + body + NEXT,), (head, body, NEXT), (head[:40], head[40:] + body[:3], body[3:], NEXT)):
        assert [reply.status for reply in exchange(origin, *sent)] == [202, 200]


def test_a_websocket_is_answered_as_http(origin: str) -> None:
    asked = get(b"Host: x", b"Connection: Upgrade", b"Upgrade: websocket")
    assert [(reply.status, reply.body) for reply in exchange(origin, asked + NEXT)] == [(200, b"ok")] * 2


def test_a_body_within_a_body_is_not_a_request(origin: str) -> None:
    inner = post(AGENT.strip(), b"Content-Length: %d" % len(EVENT), body=EVENT)
    outer = post(b"Content-Length: %d" % len(inner), body=inner, target=b"/api/nothing")
    assert [reply.status for reply in exchange(origin, outer + NEXT)] == [415, 200]


def test_event_with_a_broken_chunked_body_is_not_stored(origin: str) -> None:
    broken = post(AGENT.strip(), CHUNKED, body=b"%x\r\n%s\r\nzz\r\n" % (len(EVENT), EVENT))
    (reply,) = exchange(origin, broken + NEXT)
    assert reply.status == 400


# Limits


def with_headers(count: int) -> bytes:
    return get(b"Host: x", b"Connection: close", *(b"X-%d: a" % number for number in range(count - 2)))


def test_head_has_at_most_a_hundred_headers(origin: str) -> None:
    assert [reply.status for reply in exchange(origin, with_headers(MAX_HEADERS))] == [200]
    (reply,) = exchange(origin, with_headers(MAX_HEADERS + 1) + NEXT)
    assert (reply.status, reply.error) == (431, "The request has over 100 headers.")


def test_event_request_has_the_same_header_limit(origin: str) -> None:
    lines = [b"X-%d: a" % number for number in range(MAX_HEADERS)]
    (reply,) = exchange(origin, post(*lines, b"Content-Length: 2", body=b"{}"))
    assert reply.status == 431


def test_request_target_length_is_limited(origin: str) -> None:
    room = MAX_TARGET_BYTES - len("/?")
    assert ask(origin, "GET", "/?" + "a" * room).status == 200
    reply = ask(origin, "GET", "/?" + "a" * (room + 1))
    assert (reply.status, reply.error) == (414, "The address is over 32 KB.")


@pytest.mark.parametrize("sent", [b"GET /" + b"a" * 70_000, get(b"Host: x", b"X-A: " + b"a" * 70_000)])
def test_a_head_over_its_size_is_refused(origin: str, sent: bytes) -> None:
    (reply,) = exchange(origin, sent)
    assert reply.status in (414, 431)


# Paths


@pytest.mark.parametrize(
    "path",
    ["/%00", "/api/sites/%00", "/a%0d%0aSet-Cookie:%20a=b", "/api/keys/%0a", "/docs%1f", "/share.html%00", "/%7f"],
)
def test_path_with_control_characters_is_400(origin: str, path: str) -> None:
    reply = ask(origin, "GET", path)
    assert (reply.status, reply.error) == (400, "The path holds control characters.")
    assert "set-cookie" not in reply.headers


@pytest.mark.parametrize(
    "path",
    [
        "/../../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2fetc/passwd",
        "/..%5c..%5cetc/passwd",
        "//etc/passwd",
        "/vendor/../../pyproject.toml",
        "/vendor%2f..%2f..%2fpyproject.toml",
        "/%ff",
        "/%zz",
        "/" + "a" * 5000,
        "/" + "a/" * 5000,
    ],
)
def test_hostile_path_is_404(origin: str, path: str) -> None:
    reply = ask(origin, "GET", path)
    assert (reply.status, reply.error) == (404, "Page not found.")


@pytest.mark.parametrize("name", ["Authorization", "X-API-Key", "Origin", "Sec-Fetch-Site", "Content-Type", "Cookie"])
def test_duplicate_credential_header_is_refused(origin: str, name: str) -> None:
    twice = b"\r\n".join([b"GET /api/sites HTTP/1.1", b"Host: x", *[f"{name}: a".encode()] * 2, b"", b""])
    first, second = exchange(origin, twice + NEXT)
    assert (first.status, first.error) == (400, f"The header {name.lower()} is given more than once.")
    assert second.status == 200


def test_refused_requests_are_not_logged(origin: str, server: object) -> None:
    from support.server import Server

    assert isinstance(server, Server)
    before = server.log()
    replies: list[Reply] = [
        each for name in ("no host", "TLS", "two lengths") for each in exchange(origin, AMBIGUOUS[name])
    ]
    assert [reply.status for reply in replies] == [400] * 3
    assert server.log() == before
