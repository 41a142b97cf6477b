"""ASGI application of ingest over the local queue: 202 after the commit of the event."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from mallard.auth.api_keys import KEY_HEADERS, ApiKeys
from mallard.errors import MallardError
from mallard.event import Event
from mallard.http.addresses import Network
from mallard.http.request_headers import RawHeaders, add_header, is_packed, read_headers
from mallard.ingest.accept import Decision, accept_event, messages_of, needs_store, settle
from mallard.ingest.batch import BATCH_HEADERS, MAX_BATCH_BYTES, accept_batch, admit, answer_batch
from mallard.ingest.client import HEADERS
from mallard.ingest.drop_reasons import Dropped, DropReason
from mallard.ingest.forwarded import FORWARDED_FOR, may_have_key, server_key
from mallard.ingest.http.responses import (
    ACCEPTED,
    EVENT_FRONT,
    PIXEL_FRONT,
    IngestResponse,
    ResponseFormat,
    answer_encoded,
    answer_preflight,
    answer_wrong_batch_method,
    answer_wrong_method,
)
from mallard.ingest.ignored_fields import IgnoredField
from mallard.ingest.pipeline import IngestContext
from mallard.ingest.request import MAX_BODY_BYTES, EventRequest, parse_body, parse_pixel_query
from mallard.ingest.trusted_proxies import TrustedProxies, client_address
from mallard.observability.fault_description import kind_and_place
from mallard.queue.group_commit import GroupCommit
from mallard.queue.local import LocalQueue

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Reply = Callable[[IngestResponse], None]
Post = tuple[bytes, RawHeaders, str, Reply]
"""A body, its headers, the peer's address, and where the answer goes."""

PATH = "/api/event"
BATCH_PATH = "/api/events"
PATHS = (PATH, BATCH_PATH)
log = logging.getLogger("mallard.ingest")


class IngestApp:
    """Answers PATHS on a running event loop; ``accepted``, ``dropped`` and ``ignored`` count since the start."""

    def __init__(
        self,
        context: IngestContext,
        queue: LocalQueue,
        keys: ApiKeys,
        *,
        trusted_proxies: tuple[Network, ...] = (),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        on_accepted: Callable[[], None] = lambda: None,
    ) -> None:
        self._context = context
        self._queue = GroupCommit(queue)
        self._keys = keys
        self._proxies = TrustedProxies(trusted_proxies)
        self._clock = clock
        self._on_accepted = on_accepted
        self._turn: list[Post] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.accepted = 0
        self.dropped: Counter[DropReason] = Counter()
        self.ignored: Counter[IgnoredField] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request. An unforeseen error is logged without its message, which may quote the request."""
        try:
            answer = await (self._answer_batch if scope["path"] == BATCH_PATH else self._answer)(scope, receive)
        except Exception as error:  # the server would answer without our headers
            log.error("event not taken: %s", kind_and_place(error))
            answer = (PIXEL_FRONT if scope["method"] in ("GET", "HEAD") else EVENT_FRONT).unavailable()
        for message in _ACCEPTED if answer is ACCEPTED else _messages(answer):
            await send(message)

    def take(self, body: bytes, headers: RawHeaders, peer: str, reply: Callable[[IngestResponse], None]) -> None:
        """One POST to PATH without a task of its own: ``reply`` is called once, after the commit if it is accepted.

        Requests of one turn of the event loop are worked on together: that finds the processor's caches warm.
        """
        if not self._turn:
            asyncio.get_running_loop().call_soon(self._take_turn)
        self._turn.append((body, headers, peer, reply))

    def _take_turn(self) -> None:
        turn, self._turn = self._turn, []
        now = self._clock()
        accepted: list[tuple[Decision, Reply]] = []
        for post in turn:
            decision, reply = self._decide_now(post, now), post[-1]
            if decision is None:
                self._start(self._take_slowly(post))
            elif isinstance(decision.outcome, Event):
                accepted.append((decision, reply))
            else:
                reply(self._settled(decision, now, EVENT_FRONT))
        if accepted:
            bodies = messages_of(decision for decision, _ in accepted)
            self._queue.submit(bodies, partial(self._committed, accepted, now))

    def _decide_now(self, post: Post, now: datetime) -> Decision | None:
        """None where the store must be read, or anything failed: the slow path repeats it and answers."""
        body, headers, peer, _ = post
        try:
            request, fields = parse_body(body), _headers(headers)
            if needs_store(request, self._context, now) or may_have_key(fields):
                return None
            return self._decide(request, fields, peer, now)
        except Exception:  # one event's failure is not that of its turn
            return None

    def _decide(
        self, request: EventRequest | Dropped, headers: Mapping[str, str], peer: str, now: datetime
    ) -> Decision:
        """It may read the store where ``needs_store`` or ``may_have_key``."""
        address = client_address(peer, headers.get(FORWARDED_FOR, ""), self._proxies)
        key = server_key(headers, self._keys)
        return accept_event(request, headers, address, self._context, now, key)

    def _committed(
        self, accepted: Sequence[tuple[Decision, Reply]], now: datetime, failure: BaseException | None
    ) -> None:
        for decision, reply in accepted:
            reply(_unavailable(failure, EVENT_FRONT) if failure else self._settled(decision, now, EVENT_FRONT))

    async def _take_slowly(self, post: Post) -> None:
        body, headers, peer, reply = post
        try:
            answer = await self._answer_event(parse_body(body), headers, peer, EVENT_FRONT)
        except Exception as error:  # no caller would answer
            log.error("event not taken: %s", kind_and_place(error))
            answer = EVENT_FRONT.unavailable()
        reply(answer)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _settled(self, decision: Decision, now: datetime, front: ResponseFormat) -> IngestResponse:
        self._queue.send_later(settle((decision,), self._context, now, self._count))
        return front.outcome(decision.outcome, decision.ignored, decision.refused)

    def _count(self, decision: Decision) -> None:
        if isinstance(decision.outcome, Dropped):
            self.dropped[decision.outcome.reason] += 1
            return
        self.accepted += 1
        if decision.ignored:
            self.ignored.update(decision.ignored)
        self._on_accepted()

    async def _answer(self, scope: Scope, receive: Receive) -> IngestResponse:
        method = scope["method"]
        if method == "POST":
            if is_encoded(scope["headers"]):
                return answer_encoded()
            body = await _body(receive)
            request = body if isinstance(body, Dropped) else parse_body(body)
            return await self._answer_event(request, scope["headers"], _peer(scope), EVENT_FRONT)
        if method in ("GET", "HEAD"):
            request = parse_pixel_query(scope["query_string"].decode("latin-1"))
            return await self._answer_event(request, scope["headers"], _peer(scope), PIXEL_FRONT)
        return answer_preflight(_asked(scope["headers"])) if method == "OPTIONS" else answer_wrong_method()

    async def _answer_batch(self, scope: Scope, receive: Receive) -> IngestResponse:
        if scope["method"] != "POST":
            return answer_wrong_batch_method()
        headers = read_headers(scope["headers"])
        if is_encoded(scope["headers"]):
            return answer_encoded(BATCH_HEADERS)
        try:
            # The key is read, and a thousand rows take a while: both away from the event loop.
            key = await asyncio.to_thread(admit, headers, self._keys)
            if isinstance(key, IngestResponse):
                return key
            body, now = await _body(receive, MAX_BATCH_BYTES), self._clock()
            batch = await asyncio.to_thread(accept_batch, body, key, self._context, now)
            if isinstance(batch, IngestResponse):
                return batch
            if bodies := messages_of(batch.decisions):
                await self._queue.send(*bodies)
        except MallardError as error:
            log.error("batch not stored: %s", error)
            return EVENT_FRONT.unavailable()
        self._queue.send_later(settle(batch.decisions, self._context, now, self._count))
        return answer_batch(batch)

    async def _answer_event(
        self, request: EventRequest | Dropped, headers: RawHeaders, peer: str, front: ResponseFormat
    ) -> IngestResponse:
        now, fields = self._clock(), _headers(headers)
        try:
            if needs_store(request, self._context, now) or may_have_key(fields):
                # Only here is the store read: once per site and day, away from the event loop.
                decision = await asyncio.to_thread(self._decide, request, fields, peer, now)
            else:
                decision = self._decide(request, fields, peer, now)
            if bodies := messages_of((decision,)):
                await self._queue.send(*bodies)
        except MallardError as error:
            return _unavailable(error, front)
        return self._settled(decision, now, front)


def is_encoded(headers: RawHeaders) -> bool:
    """True for a body with a ``Content-Encoding``."""
    return any(name == b"content-encoding" and is_packed(value.decode("latin-1")) for name, value in headers)


def _asked(headers: RawHeaders) -> str:
    """The headers that a preflight asks for; more than one line is one list."""
    lines = (value.decode("latin-1") for name, value in headers if name == b"access-control-request-headers")
    return ",".join(lines)


def _peer(scope: Scope) -> str:
    return scope["client"][0] if scope.get("client") else ""


def _unavailable(error: BaseException, front: ResponseFormat) -> IngestResponse:
    log.error("event not stored: %s", error)
    return front.unavailable()


def _messages(answer: IngestResponse) -> tuple[dict[str, Any], dict[str, Any]]:
    headers = [(name.encode(), value.encode()) for name, value in answer.headers.items()]
    headers.append((b"content-length", str(len(answer.body)).encode()))
    start = {"type": "http.response.start", "status": answer.status, "headers": headers}
    return start, {"type": "http.response.body", "body": answer.body}


_ACCEPTED = _messages(ACCEPTED)
_WANTED = {name.encode(): name for name in (*HEADERS, *KEY_HEADERS)}


def _headers(raw: RawHeaders) -> dict[str, str]:
    fields: dict[str, str] = {}
    for name, value in raw:
        key = _WANTED.get(name)
        if key is not None:
            add_header(fields, key, value.decode("latin-1"))
    return fields


async def _body(receive: Receive, most: int = MAX_BODY_BYTES) -> bytes | Dropped:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return Dropped(DropReason.MALFORMED, "The connection ended before the body did.")
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > most:
            return Dropped(DropReason.TOO_LARGE, f"The body is over {most // 1024} KB.")
        if not message.get("more_body"):
            return b"".join(chunks)
