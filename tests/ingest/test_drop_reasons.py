"""Every reason for a drop: its status, its word in header and body, and its counter."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ingest.contexts import GOOGLEBOT, NOW, Reply, open_context, pixel, post, wire, wire_body
from mallard.auth.api_keys import ApiKeys
from mallard.ingest.drop_reasons import STATUS, DropReason
from mallard.ingest.http.asgi import IngestApp
from mallard.ingest.http.responses import PIXEL
from mallard.queue.local import LocalQueue
from mallard.store.local import LocalStore

DOCS = Path(__file__).parents[2] / "docs" / "ingest.md"


@dataclass(frozen=True)
class Case:
    """A refused request; ``before`` are accepted first."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    context: dict[str, Any] = field(default_factory=dict)
    before: tuple[bytes, ...] = ()
    retry_after: str | None = None


CASES: dict[DropReason, Case] = {
    DropReason.TOO_LARGE: Case(413, b" " * 65_537),
    DropReason.MALFORMED: Case(400, b"{"),
    DropReason.MISSING: Case(422, b'{"d":"example.com","n":"pageview"}'),
    DropReason.TYPE: Case(422, wire_body(n=1)),
    DropReason.EMPTY: Case(400, b""),
    DropReason.TOO_LONG: Case(400, wire_body(n="x" * 257)),
    DropReason.SITE: Case(403, wire_body(d="other.org"), context={"sites": ("example.com",)}),
    DropReason.NEW_SITES: Case(
        429, wire_body(d="b.org"), context={"new_per_hour": 1}, before=(wire_body(d="a.org"),), retry_after="3600"
    ),
    DropReason.ORIGIN: Case(
        403, wire_body(), headers=(("origin", "https://other.org"),), context={"sites": ("example.com",)}
    ),
    DropReason.RATE: Case(429, wire_body(), context={"per_second": 1}, before=(wire_body(),), retry_after="1"),
    DropReason.BOT: Case(202, wire_body(), headers=(("user-agent", GOOGLEBOT),)),
    DropReason.AI_CRAWLER: Case(202, wire_body(), headers=(("user-agent", "Mozilla/5.0 (compatible; GPTBot/1.2)"),)),
    DropReason.PREFETCH: Case(202, wire_body(), headers=(("sec-purpose", "prefetch;prerender"),)),
    DropReason.SPAM: Case(202, wire_body(r="https://semalt.com/")),
    DropReason.LOCAL: Case(202, wire_body(u="http://localhost:3000/")),
    DropReason.AUTOMATION: Case(202, wire_body(wd=True)),
}


OF_BATCHES = {DropReason.TIME, DropReason.ADDRESS}
"""Only a batch can meet these: tests/ingest/test_batch.py does."""


def refused_by(case: Case, store: LocalStore, queue: LocalQueue) -> tuple[IngestApp, Reply]:
    app = IngestApp(open_context(store, **case.context), queue, ApiKeys(store), clock=lambda: NOW)
    for body in case.before:
        assert post(app, body).status == 202
    return app, post(app, case.body, *case.headers)


@pytest.mark.parametrize("reason", CASES, ids=str)
def test_drop_reports_its_reason_in_status_header_and_body_and_is_counted(
    reason: DropReason, store: LocalStore, queue: LocalQueue
) -> None:
    case = CASES[reason]
    app, reply = refused_by(case, store, queue)
    assert reply.status == case.status
    assert reply.headers["x-mallard-dropped"] == reason.value
    assert reply.headers.get("retry-after") == case.retry_after
    assert app.dropped == {reason: 1}
    assert app.accepted == queue.depth() == len(case.before)
    if case.status == 202:
        assert reply.body == b""
    else:
        assert set(reply.error) == {"error", "reason"}
        assert reply.error["reason"] == reason.value
        assert reply.error["error"].endswith(".")


@pytest.mark.parametrize("reason", CASES, ids=str)
def test_a_page_may_read_the_reason_from_another_origin(
    reason: DropReason, store: LocalStore, queue: LocalQueue
) -> None:
    _, reply = refused_by(CASES[reason], store, queue)
    assert reply.headers["access-control-allow-origin"] == "*"
    assert "x-mallard-dropped" in reply.headers["access-control-expose-headers"]


@pytest.mark.parametrize(
    ("reason", "query", "settings", "headers"),
    [
        (DropReason.MISSING, {"d": "example.com"}, {}, ()),
        (DropReason.MALFORMED, wire(u="https://[junk"), {}, ()),
        (DropReason.TOO_LONG, wire(n="x" * 257), {}, ()),
        (DropReason.EMPTY, wire(n=" "), {}, ()),
        (DropReason.SITE, wire(), {"sites": ("other.org",)}, ()),
        (DropReason.ORIGIN, wire(), {"sites": ("example.com",)}, (("origin", "https://other.org"),)),
        (DropReason.BOT, wire(), {}, (("user-agent", GOOGLEBOT),)),
        (DropReason.PREFETCH, wire(), {}, (("purpose", "prefetch"),)),
        (DropReason.SPAM, wire(r="https://semalt.com/"), {}, ()),
        (DropReason.LOCAL, wire(u="http://192.168.1.10/"), {}, ()),
    ],
    ids=lambda value: str(value) if isinstance(value, DropReason) else "",
)
def test_pixel_is_an_image_for_any_drop_reason_named_in_the_header(
    reason: DropReason,
    query: dict[str, str],
    settings: dict[str, Any],
    headers: tuple[tuple[str, str], ...],
    store: LocalStore,
    queue: LocalQueue,
) -> None:
    app = IngestApp(open_context(store, **settings), queue, ApiKeys(store), clock=lambda: NOW)
    reply = pixel(app, query, *headers)
    assert (reply.status, reply.body, reply.headers["content-type"]) == (200, PIXEL, "image/gif")
    assert reply.headers["x-mallard-dropped"] == reason.value
    assert app.dropped == {reason: 1}
    assert queue.depth() == 0


def test_every_reason_has_a_case_here_and_a_status() -> None:
    assert set(CASES) | OF_BATCHES == set(DropReason) == set(STATUS)
    statuses = {reason: status for reason, status in STATUS.items() if reason not in OF_BATCHES}
    assert {reason: case.status for reason, case in CASES.items()} == statuses


def test_drop_reason_values_are_their_lower_case_names() -> None:
    assert all(reason.value == reason.name.lower() for reason in DropReason)


def test_the_documentation_has_a_row_for_every_reason_with_its_status() -> None:
    rows = re.findall(r"^\|\s*`([a-z_]+)`\s*\|\s*(\d{3})\s*\|", DOCS.read_text("utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted((reason.value, str(status)) for reason, status in STATUS.items())
