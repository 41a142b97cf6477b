"""The door as a raw ASGI application over the local queue: 202 only after the commit that holds the event."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from mallard.auth.api_keys import ApiKeys
from mallard.errors import MallardError
from mallard.event import Event
from mallard.http.addresses import Network
from mallard.http.request_headers import RawHeaders, add_header, is_packed, read_headers
from mallard.ingest.batch import BATCH_HEADERS, MAX_BATCH_BYTES, admit, answer_batch, refused_batch, take_batch
from mallard.ingest.client import HEADERS, Client, read_sender
from mallard.ingest.drop_reasons import Dropped, DropReason
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
from mallard.ingest.ignored_fields import NONE, IgnoredField
from mallard.ingest.pipeline import IngestContext, receive
from mallard.ingest.request import MAX_BODY_BYTES, EventRequest, parse_body, parse_pixel_query
from mallard.ingest.trusted_proxies import TrustedProxies, client_address
from mallard.observability.fault_description import kind_and_place
from mallard.queue.group_commit import GroupCommit
from mallard.queue.local import LocalQueue

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Reply = Callable[[IngestResponse], None]
Fields = tuple[IgnoredField, ...]
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
        door: IngestContext,
        queue: LocalQueue,
        keys: ApiKeys,
        trusted_proxies: tuple[Network, ...] = (),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        on_accepted: Callable[[], None] = lambda: None,
    ) -> None:
        self._door = door
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
        """One request. What nobody foresaw is told without its own words, which may quote the request."""
        try:
            answer = await (self._answer_batch if scope["path"] == BATCH_PATH else self._answer)(scope, receive)
        except Exception as error:  # nobody else would answer as we do
            log.error("event not taken: %s", kind_and_place(error))
            answer = (PIXEL_FRONT if scope["method"] in ("GET", "HEAD") else EVENT_FRONT).unavailable()
        for message in _ACCEPTED if answer is ACCEPTED else _messages(answer):
            await send(message)

    def take(self, body: bytes, headers: RawHeaders, peer: str, reply: Callable[[IngestResponse], None]) -> None:
        """One POST to PATH without a task of its own: ``reply`` is called once, after the commit if it is accepted.

        What comes in one turn of the event loop is worked on together: that finds the processor's caches warm.
        """
        if not self._turn:
            asyncio.get_running_loop().call_soon(self._take_turn)
        self._turn.append((body, headers, peer, reply))

    def _take_turn(self) -> None:
        turn, self._turn = self._turn, []
        now = self._clock()
        accepted: list[tuple[Event, Fields, Reply]] = []
        for post in turn:
            (outcome, ignored), reply = self._received(post, now), post[-1]
            if isinstance(outcome, Event):
                accepted.append((outcome, ignored, reply))
            elif outcome is not None:
                reply(self._ended(outcome, NONE, now, EVENT_FRONT))
            else:
                self._start(self._take_slowly(post))
        if accepted:
            bodies = [event.to_message() for event, _, _ in accepted]
            self._queue.submit(bodies, partial(self._committed, accepted, now))

    def _received(self, post: Post, now: datetime) -> tuple[Event | Dropped | None, Fields]:
        """None where the store must be asked, or anything went wrong: the slow way says what."""
        body, headers, peer, _ = post
        try:
            request = parse_body(body)
            if isinstance(request, Dropped):
                return self._door.attributed(request), NONE
            if not self._door.holds(request.site_id, now):
                return None, NONE
            return receive(request, self._sender(headers, peer), self._door, now), request.ignored
        except Exception:  # one event's trouble is not that of its turn
            return None, NONE

    def _committed(
        self, accepted: Sequence[tuple[Event, Fields, Reply]], now: datetime, failure: BaseException | None
    ) -> None:
        for event, ignored, reply in accepted:
            reply(_unavailable(failure, EVENT_FRONT) if failure else self._ended(event, ignored, now, EVENT_FRONT))

    async def _take_slowly(self, post: Post) -> None:
        body, headers, peer, reply = post
        try:
            answer = await self._taken(parse_body(body), headers, peer, EVENT_FRONT)
        except Exception as error:  # nobody else would answer
            log.error("event not taken: %s", kind_and_place(error))
            answer = EVENT_FRONT.unavailable()
        reply(answer)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _ended(self, outcome: Event | Dropped, ignored: Fields, now: datetime, front: ResponseFormat) -> IngestResponse:
        self._count(outcome, now)
        if ignored and isinstance(outcome, Event):
            self._count_ignored(outcome.site_id, ignored, now)
        return front.outcome(outcome, ignored)

    async def _answer(self, scope: Scope, receive: Receive) -> IngestResponse:
        method = scope["method"]
        if method == "POST":
            if is_encoded(scope["headers"]):
                return answer_encoded()
            body = await _body(receive)
            request = body if isinstance(body, Dropped) else parse_body(body)
            return await self._taken(request, scope["headers"], _peer(scope), EVENT_FRONT)
        if method in ("GET", "HEAD"):
            request = parse_pixel_query(scope["query_string"].decode("latin-1"))
            return await self._taken(request, scope["headers"], _peer(scope), PIXEL_FRONT)
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
            taken = (
                refused_batch(body)
                if isinstance(body, Dropped)
                else await asyncio.to_thread(take_batch, body, key, self._door, now)
            )
            if isinstance(taken, IngestResponse):
                return taken
            if taken.events:
                await self._queue.send(*(each.to_message() for each in taken.events))
        except MallardError as error:
            log.error("batch not stored: %s", error)
            return EVENT_FRONT.unavailable()
        for event in taken.events:
            self._count(event, now)
        for _, dropped in taken.dropped:
            self._count(dropped, now)
        for each in taken.ignored:
            self._count_ignored(each.site_id, each.fields, now)
        return answer_batch(taken)

    async def _taken(
        self, request: EventRequest | Dropped, headers: RawHeaders, peer: str, front: ResponseFormat
    ) -> IngestResponse:
        now, sender = self._clock(), self._sender(headers, peer)
        try:
            if isinstance(request, Dropped) or self._door.holds(request.site_id, now):
                outcome = receive(request, sender, self._door, now)
            else:
                # Only here is the store asked: once per site and day, away from the event loop.
                outcome = await asyncio.to_thread(receive, request, sender, self._door, now)
            if isinstance(outcome, Event):
                await self._queue.send(outcome.to_message())
        except MallardError as error:
            return _unavailable(error, front)
        return self._ended(outcome, NONE if isinstance(request, Dropped) else request.ignored, now, front)

    def _count_ignored(self, site_id: str, fields: Fields, now: datetime) -> None:
        self.ignored.update(fields)
        self._queue.send_later(self._door.note_ignored(site_id, fields, now))

    def _count(self, outcome: Event | Dropped, now: datetime) -> None:
        if isinstance(outcome, Dropped):
            self.dropped[outcome.reason] += 1
            self._queue.send_later(self._door.note(outcome, now))
        else:
            self.accepted += 1
            self._on_accepted()

    def _sender(self, raw: RawHeaders, peer: str) -> Client:
        headers = _headers(raw)
        address = client_address(peer, headers.get("x-forwarded-for", ""), self._proxies)
        return read_sender(headers, address, self._door.edge)


def is_encoded(headers: RawHeaders) -> bool:
    """Whether a body is packed, as ``Content-Encoding`` says."""
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
_WANTED = {name.encode(): name for name in HEADERS}


def _headers(raw: RawHeaders) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in raw:
        key = _WANTED.get(name)
        if key is not None:
            add_header(found, key, value.decode("latin-1"))
    return found


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
