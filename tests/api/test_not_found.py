"""Who asks for what is not there is told so, in words that help and tell nothing of the machine."""

import re

import pytest

from support.raw_http import as_json, ask
from support.server import Server

SITE = "?site_id=example.com"
STUDIES = {
    "/api/stats/funnel": f"{SITE}&steps=page:/,event:signup",
    "/api/stats/sequences": f"{SITE}&steps=page:/,event:signup",
    "/api/stats/flow": f"{SITE}&page=/",
    "/api/v1/stats/breakdown": f"{SITE}&property=event:page",
}


@pytest.fixture(scope="session")
def gets(origin: str) -> list[str]:
    """Every path that GET answers, with what it needs to answer well."""
    paths = as_json(ask(origin, "GET", "/openapi.json"))["paths"]
    # Plausible's routes know no site without settings and events.
    assert ask(origin, "GET", "/api/event?d=example.com&n=pageview&u=/").status == 200
    found = []
    for path, methods in paths.items():
        if "get" in methods:
            needs_site = any(each["name"] == "site_id" for each in methods["get"].get("parameters", []))
            query = STUDIES.get(path, SITE if needs_site and "{" not in path.replace("{dimension}", "") else "")
            path = re.sub("{(site_id|domain)}", "example.com", path).replace("{dimension}", "pages")
            found.append(path + query)
    assert len(found) >= 12
    pages = ["/", "/app.js", "/docs", "/share.html", "/tracking/script.js", "/openapi.json", "/robots.txt"]
    own = ["/health", "/metrics", "/auth/status", "/api/event?d=example.com&n=pageview&u=/"]
    lost = ["/nothing", "/api/nothing", "/api/stats/main", "/.well-known/security.txt"]
    return [*found, *pages, *own, *lost]


CHANGING = {"date", "x-request-id", "content-length", "etag", "transfer-encoding"}
"""Headers of what counts, or is made while it is sent."""


def test_head_equals_get_without_a_body_on_every_path(origin: str, gets: list[str]) -> None:
    for path in gets:
        got, head = ask(origin, "GET", path), ask(origin, "HEAD", path)
        assert head.body == b"", path
        assert head.status == got.status, path
        assert set(head.headers) - CHANGING == set(got.headers) - CHANGING, path


def test_get_routes_of_the_api_are_200(origin: str, gets: list[str]) -> None:
    for path in gets:
        if path.startswith("/api/") and "nothing" not in path and path != "/api/stats/main":
            assert ask(origin, "GET", path).status == 200, path


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/api/stats/main", "GET, HEAD"),
        ("POST", "/api/sites/a.example", "GET, HEAD, PUT"),
        ("PATCH", "/api/keys", "GET, HEAD, POST"),
        ("GET", "/api/auth/login", "POST"),
        ("GET", "/auth/login", "POST"),
        ("HEAD", "/api/auth/login", "POST"),
        ("OPTIONS", "/api/sites", "GET, HEAD"),
        ("GET", "/api/gdpr/erase", "DELETE"),
        ("DELETE", "/metrics", "GET, HEAD"),
        ("POST", "/robots.txt", "GET, HEAD"),
        ("POST", "/", "GET, HEAD"),
        ("PROPFIND", "/app.js", "GET, HEAD"),
    ],
)
def test_wrong_method_is_405_with_the_allowed_methods(origin: str, method: str, path: str, allowed: str) -> None:
    reply = ask(origin, method, path)
    assert (reply.status, reply.headers["allow"]) == (405, allowed)
    if method != "HEAD":
        assert reply.error == f"Method not allowed; use {allowed.replace(', ', ' or ')}."


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/api/nothing", "/api/stats/nothing", "/auth/nothing", "/api/", "/api/sites/"])
def test_unknown_path_is_404_for_any_method(origin: str, method: str, path: str) -> None:
    reply = ask(origin, method, path)
    assert (reply.status, reply.error) == (404, "Not found; see /openapi.json.")
    assert "location" not in reply.headers


def test_unknown_page_is_an_html_404_for_browsers(origin: str) -> None:
    page = ask(origin, "GET", "/old/bookmark", headers={"Accept": "text/html,application/xhtml+xml"})
    assert (page.status, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert b"Page not found." in page.body
    assert page.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert b"bookmark" not in page.body


def test_unknown_path_is_a_json_404_for_programs(origin: str) -> None:
    assert ask(origin, "GET", "/nothing").error == "Page not found."
    assert (
        ask(origin, "GET", "/api/nothing", headers={"Accept": "text/html"}).headers["content-type"]
        == "application/json"
    )


@pytest.mark.parametrize("host", ["evil.example", "evil.example:99"])
def test_responses_do_not_redirect_to_the_host_header(origin: str, host: str) -> None:
    for path in ("/api/sites/", "/vendor", "/docs/", "/auth/status/", "//evil.example/.."):
        reply = ask(origin, "GET", path, headers={"Host": host})
        assert reply.status == 404, path
        assert "location" not in reply.headers
        assert b"evil" not in reply.body


ODD = [
    ("GET", "/api/stats/main?site_id=../../etc"),
    ("GET", f"/api/stats/breakdown/nothing{SITE}"),
    ("GET", f"/api/stats/main{SITE}&filters=%7B"),
    ("GET", f"/api/stats/main{SITE}&start_date=x"),
    ("PUT", "/api/sites/example.com"),
    ("POST", "/api/keys"),
    ("POST", "/api/share/x"),
    ("DELETE", "/api/links/x"),
    ("DELETE", f"/api/gdpr/erase{SITE}"),
    ("GET", "/vendor"),
    ("GET", "/docs.html/x"),
]


@pytest.mark.parametrize(("method", "path"), ODD)
def test_error_responses_reveal_no_internals(origin: str, server: Server, method: str, path: str) -> None:
    reply = ask(origin, method, path)
    told = reply.body.decode()
    assert reply.status in (400, 404, 405, 409)
    assert reply.error.endswith(".")
    assert not re.search(r"Traceback|\.py\b|/usr/|/home/|/root/|site-packages|Error\b|duckdb|0x[0-9a-f]{6}", told)
    assert str(server.data) not in told
