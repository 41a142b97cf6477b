"""Every answer has its headers, errors' too, and none has more than it needs."""

import re
from pathlib import Path

import pytest

from mallard.http.header_policy import ANSWER, PAGE, completed
from support.raw_http import Reply, ask, exchange
from support.server import Server

STRICT = "default-src 'none'; frame-ancestors 'none'"
SITE = "site_id=example.com"

PRIVATE = [
    ("GET", "/api/sites", 200),
    ("GET", "/api/sites/example.com", 200),
    ("GET", "/api/auth/status", 200),
    ("GET", "/auth/status", 200),
    ("GET", "/api/keys", 200),
    ("GET", "/api/links", 200),
    ("GET", f"/api/stats/export?{SITE}", 200),
    ("GET", "/health", 200),
    ("GET", "/metrics", 200),
    ("GET", "/openapi.json", 200),
    ("GET", "/api/stats/main", 400),
    ("POST", "/api/auth/login", 400),
    ("PUT", "/api/stats/main", 405),
    ("DELETE", "/health", 405),
    ("POST", "/", 405),
    ("TRACE", "/api/sites", 405),
    ("GET", "/api/nothing", 404),
    ("GET", "/nothing", 404),
    ("GET", "/.git/config", 404),
    ("GET", "/vendor.mjs", 404),
    ("GET", "/tracking/nothing.js", 404),
    ("GET", "/a%00b", 400),
    ("GET", "/.well-known/security.txt", 404),
]
PAGES = ["/", "/index.html", "/app.js", "/style.css", "/vendor/preact.js", "/mallard.svg"]


def policy(reply: Reply) -> dict[str, str]:
    """The parts of the content policy by their names."""
    parts = reply.headers["content-security-policy"].split("; ")
    return {name: value for name, _, value in (part.partition(" ") for part in parts)}


@pytest.mark.parametrize(("method", "target", "status"), PRIVATE)
def test_responses_that_are_no_page_forbid_rendering_framing_and_caching(
    origin: str, method: str, target: str, status: int
) -> None:
    reply = ask(origin, method, target)
    assert reply.status == status
    for name, value in ANSWER.items():
        assert reply.headers[name] == value, name
    assert reply.headers["content-security-policy"] == STRICT
    assert reply.headers["x-frame-options"] == "DENY"
    assert "access-control-allow-origin" not in reply.headers


def test_statistics_may_be_cached_privately_with_revalidation(origin: str) -> None:
    reply = ask(origin, "GET", f"/api/stats/main?{SITE}")
    assert reply.headers["cache-control"] == "private, no-cache"
    again = ask(origin, "GET", f"/api/stats/main?{SITE}", headers={"If-None-Match": reply.headers["etag"]})
    assert (again.status, again.headers["cache-control"]) == (304, "private, no-cache")
    assert again.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("target", [*PAGES, "/docs"])
def test_page_csp_allows_only_own_files_and_no_frames(origin: str, target: str) -> None:
    reply = ask(origin, "GET", target)
    assert reply.status == 200
    parts = policy(reply)
    assert parts["default-src"] == parts["base-uri"] == parts["frame-ancestors"] == "'none'"
    assert parts["script-src"] == parts["style-src"] == parts["connect-src"] == "'self'"
    assert "unsafe" not in reply.headers["content-security-policy"]
    assert reply.headers["x-frame-options"] == "DENY"
    assert reply.headers["cross-origin-opener-policy"] == reply.headers["cross-origin-resource-policy"] == "same-origin"
    assert reply.headers["referrer-policy"] == "same-origin"
    assert reply.headers["cache-control"] == "no-cache"
    for name in ("x-content-type-options", "permissions-policy", "x-robots-tag"):
        assert reply.headers[name] == ANSWER[name]


@pytest.mark.parametrize("target", PAGES)
def test_no_text_becomes_markup_on_the_dashboard(origin: str, target: str) -> None:
    assert policy(ask(origin, "GET", target))["require-trusted-types-for"] == "'script'"


def test_not_modified_response_has_the_security_headers(origin: str) -> None:
    etag = ask(origin, "GET", "/app.js").headers["etag"]
    again = ask(origin, "GET", "/app.js", headers={"If-None-Match": etag})
    assert again.status == 304
    for name, value in PAGE.items():
        assert again.headers[name] == value


def test_shared_link_page_may_be_framed_and_is_strict_otherwise(origin: str) -> None:
    shared, page = ask(origin, "GET", "/share.html"), ask(origin, "GET", "/")
    assert shared.status == 200
    assert "x-frame-options" not in shared.headers
    assert policy(shared) == policy(page) | {"frame-ancestors": "*"}


def test_tracking_script_is_loadable_and_cacheable_from_any_site(origin: str) -> None:
    reply = ask(origin, "GET", "/tracking/script.js", headers={"Origin": "https://example.com"})
    assert reply.headers["access-control-allow-origin"] == "*"
    assert reply.headers["cross-origin-resource-policy"] == "cross-origin"
    assert reply.headers["cache-control"] == "public, max-age=3600"
    assert reply.headers["x-content-type-options"] == "nosniff"


EVENT = b'{"d": "example.com", "n": "pageview", "u": "https://example.com/"}'


@pytest.mark.parametrize(
    ("method", "target", "body", "status"),
    [
        ("POST", "/api/event", EVENT, 202),
        ("POST", "/api/event", b"{", 400),
        ("GET", "/api/event?d=example.com&n=pageview&u=/", b"", 200),
        ("OPTIONS", "/api/event", b"", 204),
        ("PUT", "/api/event", b"", 405),
    ],
)
def test_event_responses_are_readable_from_any_origin(
    origin: str, method: str, target: str, body: bytes, status: int
) -> None:
    reply = ask(origin, method, target, body, {"Origin": "https://example.com"})
    assert reply.status == status
    assert reply.headers["access-control-allow-origin"] == "*"
    assert reply.headers["cross-origin-resource-policy"] == "cross-origin"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["cache-control"] == "no-store"
    if reply.headers.get("content-type") == "application/json":
        assert reply.headers["content-security-policy"] == STRICT


def test_batch_endpoint_sends_no_cors_headers(origin: str) -> None:
    for method in ("POST", "GET"):
        reply = ask(origin, method, "/api/events", headers={"Origin": "https://example.com"})
        assert reply.status in (401, 405)
        assert "access-control-allow-origin" not in reply.headers
        assert reply.headers["content-security-policy"] == STRICT


def test_cors_allows_the_dashboard_origin_and_no_other(origin: str) -> None:
    for target in ("/api/sites", "/api/nothing", "/api/stats/main"):
        ours = ask(origin, "GET", target, headers={"Origin": "https://stats.example.com"})
        theirs = ask(origin, "GET", target, headers={"Origin": "https://evil.example"})
        assert ours.headers["access-control-allow-origin"] == "https://stats.example.com"
        assert "access-control-allow-credentials" not in ours.headers
        assert "x-request-id" in ours.headers["access-control-expose-headers"]
        assert "access-control-allow-origin" not in theirs.headers


def test_refused_body_response_is_readable_by_the_dashboard_origin(origin: str) -> None:
    headers = {"Origin": "https://stats.example.com", "Content-Type": "text/plain"}
    reply = ask(origin, "PUT", "/api/sites/a.example", b"{}", headers)
    assert (reply.status, reply.headers["access-control-allow-origin"]) == (415, "https://stats.example.com")


TARGETS = ["/", "/api/sites", "/nothing", "/api/nothing"]


@pytest.mark.parametrize("target", TARGETS)
def test_hsts_is_sent_only_over_tls(origin: str, target: str) -> None:
    assert "strict-transport-security" not in ask(origin, "GET", target).headers
    plain = ask(origin, "GET", target, headers={"X-Forwarded-Proto": "http"})
    assert "strict-transport-security" not in plain.headers
    safe = ask(origin, "GET", target, headers={"X-Forwarded-Proto": "https"})
    assert safe.headers["strict-transport-security"] == "max-age=31536000"


def test_forwarded_proto_and_request_id_of_an_untrusted_peer_are_ignored(tmp_path: Path) -> None:
    settings = {"MALLARD_TRUSTED_PROXIES": "203.0.113.0/24", "MALLARD_EDGE_SECRET": "edge-secret"}
    said = {"X-Forwarded-Proto": "https", "X-Request-Id": "mine"}
    with Server(tmp_path / "data", **settings) as server:
        stranger = ask(server.origin, "GET", "/health", headers=said)
        assert "strict-transport-security" not in stranger.headers
        assert stranger.headers["x-request-id"] != "mine"
        edge = ask(server.origin, "GET", "/health", headers={**said, "X-Mallard-Edge": "edge-secret"})
        assert edge.headers["strict-transport-security"]
        assert edge.headers["x-request-id"] == "mine"


def test_refusal_of_a_malformed_request_has_the_security_headers(origin: str) -> None:
    (reply,) = exchange(origin, b"GET / HTTP/1.1\r\n\r\n")
    assert (reply.status, reply.headers["content-security-policy"]) == (400, STRICT)
    assert reply.headers["x-frame-options"] == "DENY"
    assert reply.headers["connection"] == "close"


@pytest.mark.parametrize("target", ["/", "/api/sites", "/docs", "/nothing", "/health", "/api/event"])
def test_responses_do_not_reveal_the_server_software(origin: str, target: str) -> None:
    reply = ask(origin, "GET", target)
    assert not {"server", "x-powered-by", "via"} & set(reply.headers)
    told = " ".join([*reply.headers.values(), reply.body.decode("utf-8", "replace")])
    assert not re.search(r"uvicorn|starlette|fastapi|python|duckdb", told, re.IGNORECASE)


def test_headers_set_by_the_response_are_not_replaced() -> None:
    given = {"cache-control": "private, no-cache", "content-security-policy": "frame-ancestors *"}
    missing = completed(given, is_tls=True)
    assert not set(given) & set(missing)
    assert "x-frame-options" not in missing
    assert "strict-transport-security" in missing
