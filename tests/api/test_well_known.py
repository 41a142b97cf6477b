"""What strangers' programs look for, and what a monitor needs to read the metrics."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mallard.api.routes.well_known import security_text
from support.raw_http import Reply, ask
from support.server import Server

TOKEN = "a-token-of-the-monitor"
CONTACTS = "mailto:security@example.com,https://example.com/report"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that has said whom to tell, and who may read its metrics."""
    folder: Path = tmp_path_factory.mktemp("guarded") / "data"
    with Server(folder, MALLARD_METRICS_TOKEN=TOKEN, MALLARD_SECURITY_CONTACT=CONTACTS) as server:
        yield server.origin


def test_robots_txt_disallows_everything_except_the_script(origin: str) -> None:
    reply = ask(origin, "GET", "/robots.txt")
    assert (reply.status, reply.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert reply.body == b"User-agent: *\nAllow: /tracking/\nAllow: /js/\nDisallow: /\n"


def test_security_txt_names_the_configured_contacts(guarded: str) -> None:
    reply = ask(guarded, "GET", "/.well-known/security.txt")
    assert (reply.status, reply.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    first, second, third = reply.body.decode().splitlines()
    assert (first, second) == ("Contact: mailto:security@example.com", "Contact: https://example.com/report")
    ends = datetime.fromisoformat(third.removeprefix("Expires: "))
    assert timedelta(days=178) < ends - datetime.now(UTC) < timedelta(days=181)


def test_security_txt_is_absent_by_default(origin: str) -> None:
    assert ask(origin, "GET", "/.well-known/security.txt").error == "Page not found."


def test_security_txt_expires_after_half_a_year_and_is_the_same_all_day() -> None:
    early, late = datetime(2026, 3, 10, 0, 0, 1, tzinfo=UTC), datetime(2026, 3, 10, 23, 59, tzinfo=UTC)
    text = security_text(("mailto:a@b.example",), early)
    assert text == "Contact: mailto:a@b.example\nExpires: 2026-09-06T00:00:00Z\n"
    assert security_text(("mailto:a@b.example",), late) == text


def metrics(origin: str, **headers: str) -> Reply:
    return ask(origin, "GET", "/metrics", headers=headers)


def test_metrics_are_open_without_a_configured_token(origin: str) -> None:
    for headers in ({}, {"Authorization": "Bearer anything"}):
        reply = metrics(origin, **headers)
        assert (reply.status, b"mallard_buffered_events" in reply.body) == (200, True)


def test_metrics_are_readable_with_the_token(guarded: str) -> None:
    for scheme in ("Bearer", "bearer"):
        assert metrics(guarded, Authorization=f"{scheme} {TOKEN}").status == 200


@pytest.mark.parametrize(
    "given",
    ["", TOKEN, f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "Bearer", "Bearer \xe9", "Bearer "],
)
def test_metrics_are_refused_without_the_token(guarded: str, given: str) -> None:
    reply = metrics(guarded, Authorization=given) if given else metrics(guarded)
    assert (reply.status, reply.headers["www-authenticate"]) == (401, "Bearer")
    assert b"mallard_buffered_events" not in reply.body
    assert TOKEN not in reply.error


@pytest.mark.parametrize("path", ["/health", "/robots.txt", "/"])
def test_metrics_token_does_not_guard_other_paths(guarded: str, path: str) -> None:
    assert ask(guarded, "GET", path).status == 200
