"""Ingest as an ASGI application: a 202 stands for an event in the queue."""

import asyncio
import json
import logging
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, cast

import pytest

from ingest.contexts import (
    ADDRESS,
    FIREFOX,
    GOOGLEBOT,
    NOW,
    SITE,
    BrokenStore,
    Reply,
    call,
    connection,
    open_context,
    pixel,
    post,
    scope,
    wire,
    wire_body,
)
from mallard.auth.api_keys import ApiKeys
from mallard.config import Settings
from mallard.errors import QueueError
from mallard.ingest.drop_reasons import DropReason
from mallard.ingest.http.asgi import IngestApp
from mallard.ingest.http.responses import MAX_ASKED_LENGTH, PIXEL
from mallard.ingest.request import MAX_BODY_BYTES
from mallard.queue.local import LocalQueue
from mallard.store.base import Store
from mallard.store.local import LocalStore


class HeldQueue:
    """A queue whose commit comes when the test says so."""

    def __init__(self) -> None:
        self.submitted = asyncio.Event()
        self.done: Future[None] = Future()

    def submit(self, bodies: Sequence[bytes]) -> "Future[None]":
        self.submitted.set()
        return self.done


class BrokenQueue:
    """A queue on a full disk."""

    def submit(self, bodies: Sequence[bytes]) -> "Future[None]":
        failed: Future[None] = Future()
        failed.set_exception(QueueError("The queue is full."))
        return failed


def open_app(store: Store, queue: object, **settings: Any) -> IngestApp:
    return IngestApp(
        open_context(store, **settings),
        cast(LocalQueue, queue),
        ApiKeys(store),
        trusted_proxies=Settings().trusted_proxies,
        clock=lambda: NOW,
    )


@pytest.fixture
def app(store: LocalStore, queue: LocalQueue) -> IngestApp:
    return open_app(store, queue)


def queued(queue: LocalQueue) -> list[dict[str, Any]]:
    _, rows, _ = queue.pending(0)
    return [json.loads(body) for _, body in rows]


# Accepted


def test_event_is_queued_and_answered_202_without_a_body(app: IngestApp, queue: LocalQueue) -> None:
    reply = post(app, wire_body(n="signup"))
    assert (reply.status, reply.body) == (202, b"")
    assert "x-mallard-dropped" not in reply.headers
    assert [event["event_name"] for event in queued(queue)] == ["signup"]
    assert (app.accepted, app.dropped) == (1, {})


def test_event_is_queued_before_the_response_begins(app: IngestApp, queue: LocalQueue) -> None:
    client = connection([wire_body()])
    depths: list[int] = []

    async def send(message: dict[str, Any]) -> None:
        depths.append(len(queued(queue)))
        await client.send(message)

    asyncio.run(app(scope("POST"), client.receive, send))
    assert client.reply().status == 202
    assert depths == [1, 1]


def test_response_waits_for_the_commit(store: LocalStore) -> None:
    async def one_event() -> Reply:
        held, client = HeldQueue(), connection([wire_body()])
        answering = asyncio.create_task(open_app(store, held)(scope("POST"), client.receive, client.send))
        await held.submitted.wait()
        for _ in range(20):
            await asyncio.sleep(0)
        assert client.sent == []
        held.done.set_result(None)
        await answering
        return client.reply()

    assert asyncio.run(one_event()).status == 202


def test_concurrent_events_are_all_queued(app: IngestApp, queue: LocalQueue) -> None:
    clients = [connection([wire_body(i=f"c{number}")]) for number in range(100)]

    async def all_at_once() -> None:
        await asyncio.gather(*(app(scope("POST"), each.receive, each.send) for each in clients))

    asyncio.run(all_at_once())
    assert {client.reply().status for client in clients} == {202}
    assert len({event["event_id"] for event in queued(queue)}) == app.accepted == 100


def test_accepted_events_are_announced_and_dropped_ones_are_not(store: LocalStore, queue: LocalQueue) -> None:
    announced: list[int] = []
    app = IngestApp(
        open_context(store),
        queue,
        ApiKeys(store),
        clock=lambda: NOW,
        on_accepted=lambda: announced.append(queue.depth()),
    )
    for body in (wire_body(), b"", wire_body(n=1), wire_body()):
        post(app, body)
    assert announced == [1, 2]


@pytest.mark.parametrize("content_type", ["text/plain", "text/plain;charset=UTF-8", "application/json", ""])
def test_event_is_accepted_with_any_content_type(content_type: str, app: IngestApp) -> None:
    assert post(app, wire_body(), ("content-type", content_type)).status == 202


def test_a_retry_with_the_client_s_id_is_the_same_event(app: IngestApp, queue: LocalQueue) -> None:
    assert [post(app, wire_body(i="c1")).status for _ in range(2)] == [202, 202]
    assert len({event["event_id"] for event in queued(queue)}) == 1


# The body


def test_body_in_pieces_is_assembled(app: IngestApp, queue: LocalQueue) -> None:
    body = wire_body(n="größe")
    client = connection([b"", *(body[at : at + 7] for at in range(0, len(body), 7)), b""])
    assert call(app, scope("POST"), client).status == 202
    assert queued(queue)[0]["event_name"] == "größe"


def test_disconnect_during_the_body_queues_no_event(app: IngestApp, queue: LocalQueue) -> None:
    whole_but_not_over = connection([wire_body()], ends=False)
    reply = call(app, scope("POST"), whole_but_not_over)
    assert (reply.status, reply.headers["x-mallard-dropped"]) == (400, "malformed")
    assert queue.depth() == 0
    assert app.dropped == {DropReason.MALFORMED: 1}


def test_a_body_over_the_limit_is_not_read_to_its_end(app: IngestApp, queue: LocalQueue) -> None:
    client = connection([b"x" * 16_384] * 1000)
    assert call(app, scope("POST"), client).status == 413
    assert client.received == MAX_BODY_BYTES // 16_384 + 1
    assert queue.depth() == 0


def test_a_body_of_exactly_the_limit_is_read(app: IngestApp) -> None:
    body = wire_body().ljust(MAX_BODY_BYTES)
    assert call(app, scope("POST"), connection([body[:40_000], body[40_000:]])).status == 202


# Other methods


def test_a_preflight_is_answered_for_any_page(app: IngestApp) -> None:
    reply = call(app, scope("OPTIONS", [("origin", "https://other.org")]))
    assert (reply.status, reply.body) == (204, b"")
    assert reply.headers["access-control-allow-origin"] == "*"
    assert "POST" in reply.headers["access-control-allow-methods"]
    assert "content-type" in reply.headers["access-control-allow-headers"]
    assert int(reply.headers["access-control-max-age"]) > 0


@pytest.mark.parametrize(
    ("asked", "allowed"),
    [
        ("traceparent,baggage, X-Request-Id", "content-type, traceparent, baggage, x-request-id"),
        ("content-type,traceparent,traceparent", "content-type, traceparent"),
        ("x-good, x bad, x-b\xe9d, (x), ,", "content-type, x-good"),
        (",".join(f"x-{number:04}" for number in range(1000)), None),
    ],
)
def test_preflight_allows_the_requested_valid_header_names(asked: str, allowed: str | None, app: IngestApp) -> None:
    headers = [("origin", "https://other.org"), ("access-control-request-headers", asked)]
    found = call(app, scope("OPTIONS", headers)).headers["access-control-allow-headers"]
    if allowed is None:
        assert found.startswith("content-type, x-0000, x-0001")
        assert len(found) <= 2 * MAX_ASKED_LENGTH
    else:
        assert found == allowed


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_are_405_with_an_allow_header(method: str, app: IngestApp) -> None:
    reply = call(app, scope(method), connection([wire_body()]))
    assert (reply.status, reply.error["reason"]) == (405, "method")
    assert reply.headers["allow"] == "GET, POST, OPTIONS"


def test_the_pixel_is_an_image_and_queues_an_event(app: IngestApp, queue: LocalQueue) -> None:
    reply = pixel(app, wire(n="open", u="/mail?utm_source=letter", r="https://bing.com/", w="800"))
    assert (reply.status, reply.headers["content-type"], reply.body) == (200, "image/gif", PIXEL)
    [event] = queued(queue)
    assert (event["event_name"], event["pathname"], event["utm_source"]) == ("open", "/mail", "letter")
    assert (event["referrer"], event["referrer_source"], event["screen_size"]) == ("https://bing.com/", "letter", "800")


def test_pixel_is_an_uncacheable_gif_of_one_pixel(app: IngestApp) -> None:
    reply = pixel(app, wire())
    assert reply.body[:6] == b"GIF89a"
    assert (reply.body[6:8], reply.body[8:10]) == (b"\x01\x00", b"\x01\x00")
    assert reply.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "query", [b"", b"&&&", b"=", b"d=%ff&n=%00&u=", b"d=example.com&d=other.org", b"\xff\xfe", b"%"]
)
def test_pixel_responds_with_the_image_for_any_query(query: bytes, app: IngestApp, queue: LocalQueue) -> None:
    reply = call(app, {**scope("GET"), "query_string": query})
    assert (reply.status, reply.body) == (200, PIXEL)
    assert queue.depth() == 0


# Every answer


@pytest.mark.parametrize("method", ["POST", "GET", "OPTIONS", "PUT"])
@pytest.mark.parametrize("body", [wire_body(), b"{"])
def test_responses_are_readable_from_any_origin_and_uncacheable(method: str, body: bytes, app: IngestApp) -> None:
    headers = call(app, scope(method, [("origin", "https://other.org")]), connection([body])).headers
    assert headers["access-control-allow-origin"] == "*"
    assert headers["cross-origin-resource-policy"] == "cross-origin"
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-credentials" not in headers
    assert "set-cookie" not in headers


# Faults


def assert_unavailable(app: IngestApp, reply: Reply) -> None:
    assert (reply.status, reply.error["reason"], reply.headers["retry-after"]) == (503, "unavailable", "1")
    assert reply.headers["access-control-allow-origin"] == "*"
    assert (app.accepted, app.dropped) == (0, {})


def test_queue_failure_is_503_and_retryable(store: LocalStore) -> None:
    app = open_app(store, BrokenQueue())
    assert_unavailable(app, post(app, wire_body()))


def test_store_failure_is_503_and_queues_no_event(queue: LocalQueue) -> None:
    app = open_app(BrokenStore(), queue)
    assert_unavailable(app, post(app, wire_body()))
    assert queue.depth() == 0


def test_refusals_are_unchanged_during_a_store_failure(queue: LocalQueue) -> None:
    app = open_app(BrokenStore(), queue)
    assert post(app, b"").status == 400
    assert post(app, wire_body(), ("user-agent", GOOGLEBOT)).status == 202


def test_the_pixel_is_an_image_while_queue_or_store_fail(store: LocalStore, queue: LocalQueue) -> None:
    # It is always 200: a page must not show a broken image because a disk is full.
    for app in (open_app(store, BrokenQueue()), open_app(BrokenStore(), queue)):
        reply = pixel(app, wire())
        assert (reply.status, reply.body) == (200, PIXEL)
        assert app.accepted == 0


# The sender


def visitor_of(app: IngestApp, queue: LocalQueue, *headers: tuple[str, str], peer: str | None) -> Any:
    assert post(app, wire_body(), *headers, peer=peer).status == 202
    return queued(queue)[-1].get("visitor_id")


def test_visitor_address_is_the_forwarded_one_behind_a_trusted_proxy(app: IngestApp, queue: LocalQueue) -> None:
    direct = visitor_of(app, queue, peer=ADDRESS)
    one_line = visitor_of(app, queue, ("x-forwarded-for", f"192.0.2.1, {ADDRESS}"), peer="127.0.0.1")
    two_lines = visitor_of(app, queue, ("x-forwarded-for", "192.0.2.1"), ("x-forwarded-for", ADDRESS), peer="127.0.0.1")
    assert direct == one_line == two_lines


def test_a_client_cannot_forge_its_address(app: IngestApp, queue: LocalQueue) -> None:
    forged = ("x-forwarded-for", "192.0.2.1")
    assert visitor_of(app, queue, forged, peer=ADDRESS) == visitor_of(app, queue, peer=ADDRESS)


def test_a_connection_without_a_peer_is_served(app: IngestApp, queue: LocalQueue) -> None:
    assert isinstance(visitor_of(app, queue, peer=None), int)


@pytest.mark.parametrize("header", ["sec-gpc", "dnt"])
def test_gpc_and_dnt_give_an_event_without_a_visitor(header: str, app: IngestApp, queue: LocalQueue) -> None:
    assert visitor_of(app, queue, (header, "1"), peer=ADDRESS) is None
    assert isinstance(visitor_of(app, queue, (header, "0"), peer=ADDRESS), int)


def test_language_and_browser_come_from_the_headers(app: IngestApp, queue: LocalQueue) -> None:
    post(app, wire_body(), ("accept-language", "de-AT,de;q=0.7"))
    [event] = queued(queue)
    assert (event["language"], event["browser"], event["os"]) == ("de-AT", "Firefox", "Linux")


def test_non_ascii_header_bytes_are_accepted(app: IngestApp) -> None:
    odd = "\xff\xfe\x80"
    headers = [(name, odd) for name in ("x-forwarded-for", "accept-language", "origin", "dnt", "referer")]
    assert post(app, wire_body(), ("user-agent", FIREFOX + odd), *headers, peer="127.0.0.1").status == 202


# Privacy


def test_neither_address_nor_user_agent_is_queued_stored_or_logged(
    app: IngestApp, queue: LocalQueue, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    forwarded = "198.51.100.23"
    post(app, wire_body(p={"plan": "pro"}, i="c1"))
    post(app, wire_body(), ("x-forwarded-for", forwarded), peer="127.0.0.1")
    post(app, b"{", ("x-forwarded-for", forwarded))
    post(open_app(BrokenStore(), queue), wire_body())
    pixel(app, wire())
    assert queue.depth() == 3
    written = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert SITE.encode() in written
    for secret in (ADDRESS, forwarded, FIREFOX, "Gecko"):
        assert secret.encode() not in written
        assert secret not in caplog.text
