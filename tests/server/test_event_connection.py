"""Events over real sockets: the connection answers them as uvicorn's way would, in order, and only when stored."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from ingest.contexts import FIREFOX, GOOGLEBOT, BrokenStore, open_context, wire_body
from mallard.auth.api_keys import ApiKeys
from mallard.ingest.http.asgi import IngestApp
from mallard.ingest.request import MAX_BODY_BYTES
from mallard.queue.local import LocalQueue
from mallard.server.connection import KEEP_ALIVE_SECONDS, REQUEST_SECONDS
from mallard.server.event_connection import EventConnection
from mallard.store.base import Store
from mallard.store.local import LocalStore
from support.sqlite import locked
from support.turns import turns, until

SOON_SECONDS = 30


@dataclass
class Reply:
    """One answer as it came over the wire."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def closes(self) -> bool:
        return ("connection", "close") in self.headers

    @property
    def undated(self) -> tuple[int, list[tuple[str, str]], bytes]:
        return self.status, [each for each in self.headers if each[0] != "date"], self.body


@dataclass
class Talk:
    """A client's end of a connection, and the server behind it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    state: ServerState
    app: IngestApp
    through_uvicorn: list[str]

    async def reply(self) -> Reply:
        head = (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), SOON_SECONDS)).decode().split("\r\n")
        headers = [(name.lower(), value) for name, _, value in (line.partition(": ") for line in head[1:-2])]
        length = int(dict(headers).get("content-length", 0))
        return Reply(int(head[0].split()[1]), headers, await self.reader.readexactly(length))

    async def ask(self, sent: bytes) -> Reply:
        self.writer.write(sent)
        return await self.reply()

    async def is_closed(self) -> bool:
        return await asyncio.wait_for(self.reader.read(), SOON_SECONDS) == b""


def request(
    body: bytes = b"", *lines: str, target: str = "/api/event", method: str = "POST", http: str = "1.1"
) -> bytes:
    agent = [] if any(each.startswith("User-Agent") for each in lines) else [f"User-Agent: {FIREFOX}"]
    length = [] if "Transfer-Encoding: chunked" in lines else [f"Content-Length: {len(body)}"]
    head = [f"{method} {target} HTTP/{http}", "Host: x", *agent, *length, *lines]
    return "\r\n".join([*head, "", ""]).encode() + body


@asynccontextmanager
async def talk(queue: LocalQueue, store: Store) -> AsyncIterator[Talk]:
    app = IngestApp(open_context(store), queue, ApiKeys(store), clock=lambda: datetime.now(UTC))
    through_uvicorn: list[str] = []

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        through_uvicorn.append(scope["method"])
        await app(scope, receive, send)

    config = uvicorn.Config(asgi, ws="none", lifespan="off", log_config=None, timeout_keep_alive=KEEP_ALIVE_SECONDS)
    state, loop = ServerState(), asyncio.get_running_loop()
    state.default_headers = [(b"date", b"Thu, 01 Jan 2026 00:00:00 GMT")]
    server = await loop.create_server(partial(EventConnection, app, config, state, {}), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    try:
        yield Talk(reader, writer, state, app, through_uvicorn)
    finally:
        writer.close()
        server.close()
        await until(lambda: not state.connections)


Tell = Callable[[Callable[[Talk], Awaitable[None]]], None]


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "queue.sqlite"


@pytest.fixture
def tell(store: LocalStore, file: Path) -> Any:
    """Runs a story of one connection, over a queue that is closed after it."""

    def run(story: Callable[[Talk], Awaitable[None]], over: Store = store) -> None:
        async def told() -> None:
            async with talk(queue, over) as client:
                await story(client)

        queue = LocalQueue(file)
        try:
            asyncio.run(told())
        finally:
            queue.close()

    return run


def names(file: Path) -> list[str]:
    with sqlite3.connect(file) as connection:
        found = connection.execute("SELECT body FROM message ORDER BY id").fetchall()
    connection.close()
    return [json.loads(body)["event_name"] for (body,) in found]


# The same answers by both ways


@pytest.mark.parametrize(
    ("body", "agent"),
    [
        (wire_body(), FIREFOX),
        (wire_body(), GOOGLEBOT),
        (b"", FIREFOX),
        (b"{", FIREFOX),
        (wire_body(n=1), FIREFOX),
        (wire_body(u="nowhere"), FIREFOX),
        (b" " * (MAX_BODY_BYTES + 1), FIREFOX),
    ],
)
def test_event_response_equals_that_of_uvicorn(body: bytes, agent: str, tell: Tell) -> None:
    async def story(client: Talk) -> None:
        sent = (body, f"User-Agent: {agent}")
        own = await client.ask(request(*sent))
        assert client.through_uvicorn == []
        other = await client.ask(request(*sent, target="/api/event?"))
        assert client.through_uvicorn == ["POST"]
        assert own.undated == other.undated
        assert [each[0] for each in own.headers].count("date") == 1

    tell(story)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (request(method="OPTIONS"), 204),
        (request(method="PUT"), 405),
        (request(method="GET"), 200),
        (request(wire_body(), target="/api/event?a=1"), 202),
        (request(wire_body(), target="/api/events"), 401),
    ],
)
def test_requests_other_than_events_are_passed_to_uvicorn(sent: bytes, status: int, tell: Tell) -> None:
    async def story(client: Talk) -> None:
        assert (await client.ask(sent)).status == status
        assert len(client.through_uvicorn) == 1
        assert (await client.ask(request(wire_body()))).status == 202
        assert len(client.through_uvicorn) == 1

    tell(story)


def test_expect_100_continue_is_answered(tell: Tell, file: Path) -> None:
    async def story(client: Talk) -> None:
        body = wire_body(n="large")
        head = request(body, "Expect: 100-continue").removesuffix(body)
        assert (await client.ask(head)).status == 100
        assert (await client.ask(body)).status == 202

    tell(story)
    assert names(file) == ["large"]


def test_http_1_0_client_is_answered_and_its_connection_closed(tell: Tell) -> None:
    async def story(client: Talk) -> None:
        assert (await client.ask(request(wire_body(), http="1.0"))).closes
        assert await client.is_closed()

    tell(story)


def test_connection_close_header_is_respected(tell: Tell, file: Path) -> None:
    async def story(client: Talk) -> None:
        reply = await client.ask(request(wire_body(), "Connection: close"))
        assert (reply.status, reply.closes) == (202, True)
        assert await client.is_closed()
        assert client.through_uvicorn == []

    tell(story)
    assert names(file) == ["pageview"]


# One connection, many requests


def test_pipelined_requests_are_answered_in_their_order(tell: Tell, file: Path) -> None:
    async def story(client: Talk) -> None:
        client.writer.write(
            request(wire_body(n="a"))
            + request(b"{")
            + request(method="OPTIONS")
            + request(wire_body(n="b"))
            + request(wire_body(), f"User-Agent: {GOOGLEBOT}")
            + request(wire_body(n=5))
            + request(wire_body(n="c"))
        )
        assert [(await client.reply()).status for _ in range(7)] == [202, 400, 204, 202, 202, 422, 202]
        assert (await client.ask(request(wire_body(n="d")))).status == 202

    tell(story)
    assert names(file) == ["a", "b", "c", "d"]


def test_refusal_waits_for_an_earlier_event_to_commit(tell: Tell, file: Path) -> None:
    async def story(client: Talk) -> None:
        assert (await client.ask(request(wire_body(n="first")))).status == 202
        with locked(file):
            client.writer.write(request(wire_body(n="second")) + request(b"{"))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.reader.read(1), 0.2)
        assert [(await client.reply()).status for _ in range(2)] == [202, 400]

    tell(story)


def test_request_sent_in_single_bytes_is_accepted(tell: Tell, file: Path) -> None:
    async def story(client: Talk) -> None:
        for byte in request(wire_body(n="slow")) + request(wire_body(n="slower")):
            client.writer.write(bytes([byte]))
            await client.writer.drain()
        assert [(await client.reply()).status for _ in range(2)] == [202, 202]

    tell(story)
    assert names(file) == ["slow", "slower"]


def test_chunked_body_is_accepted(tell: Tell, file: Path) -> None:
    async def story(client: Talk) -> None:
        body = wire_body(n="chunked")
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:9], body[9:])) + b"0\r\n\r\n"
        reply = await client.ask(request(b"", "Transfer-Encoding: chunked") + chunks)
        assert (reply.status, client.through_uvicorn) == (202, [])

    tell(story)
    assert names(file) == ["chunked"]


def test_a_body_over_the_limit_is_refused_before_its_end_and_skipped(tell: Tell, file: Path) -> None:
    async def story(client: Talk) -> None:
        body = wire_body().ljust(8 * MAX_BODY_BYTES)
        whole = request(body)
        head = len(whole) - len(body)
        assert (await client.ask(whole[: head + MAX_BODY_BYTES + 1])).status == 413
        assert (await client.ask(whole[head + MAX_BODY_BYTES + 1 :] + request(wire_body(n="next")))).status == 202

    tell(story)
    assert names(file) == ["next"]


# Ends


def test_disconnect_during_a_request_stores_no_event(tell: Tell, file: Path) -> None:
    async def story(client: Talk) -> None:
        client.writer.write(request(wire_body())[:-1])
        await client.writer.drain()
        await turns(0.05)
        client.writer.close()
        await until(lambda: not client.state.connections)

    tell(story)
    assert names(file) == []


def test_event_is_stored_when_its_client_disconnects_before_the_response(tell: Tell, file: Path) -> None:
    async def story(client: Talk) -> None:
        with locked(file):
            client.writer.write(request(wire_body(n="left")))
            await turns(0.05)
            client.writer.close()
            await until(lambda: not client.state.connections)
        await until(lambda: client.app.accepted)

    tell(story)
    assert names(file) == ["left"]


def test_a_shutdown_waits_for_an_event_under_way_and_then_closes(tell: Tell, file: Path) -> None:
    async def story(client: Talk) -> None:
        assert (await client.ask(request(wire_body(n="before")))).status == 202
        with locked(file):
            client.writer.write(request(wire_body(n="under way")))
            await turns(0.05)
            (connection,) = client.state.connections
            connection.shutdown()
            assert client.state.connections
        reply = await client.reply()
        assert (reply.status, reply.closes) == (202, True)
        assert await client.is_closed()

    tell(story)
    assert names(file) == ["before", "under way"]


def test_idle_connection_is_closed_at_shutdown(tell: Tell) -> None:
    async def story(client: Talk) -> None:
        assert (await client.ask(request(wire_body()))).status == 202
        (connection,) = client.state.connections
        connection.shutdown()
        assert await client.is_closed()

    tell(story)


def test_connection_is_kept_alive_for_a_limited_time(tell: Tell) -> None:
    async def story(client: Talk) -> None:
        began = asyncio.get_running_loop().time()
        assert (await client.ask(request(wire_body()))).status == 202
        (connection,) = client.state.connections
        assert isinstance(connection, EventConnection)
        connection.end_if_late(began + KEEP_ALIVE_SECONDS)
        assert (await client.ask(request(wire_body()))).status == 202
        connection.end_if_late(asyncio.get_running_loop().time() + KEEP_ALIVE_SECONDS + 1)
        assert await client.is_closed()

    tell(story)


def test_event_waiting_for_its_commit_is_not_timed_out(tell: Tell, file: Path) -> None:
    async def story(client: Talk) -> None:
        with locked(file):
            client.writer.write(request(wire_body()))
            await turns(0.05)
            (connection,) = client.state.connections
            assert isinstance(connection, EventConnection)
            connection.end_if_late(asyncio.get_running_loop().time() + KEEP_ALIVE_SECONDS + REQUEST_SECONDS)
        assert (await client.reply()).status == 202

    tell(story)


# Faults


def test_store_failure_is_503_and_the_connection_stays_open(tell: Any) -> None:
    async def story(client: Talk) -> None:
        for _ in range(2):
            reply = await client.ask(request(wire_body()))
            assert (reply.status, json.loads(reply.body)["reason"]) == (503, "unavailable")
        assert (await client.ask(request(b"{"))).status == 400

    tell(story, over=BrokenStore())


def test_unexpected_exception_for_one_event_is_503_and_other_events_are_accepted(
    tell: Tell, file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(client: Talk) -> None:
        assert (await client.ask(request(wire_body(n="before")))).status == 202
        decide = client.app._decide

        def trip(request: Any, headers: Any, peer: str, now: Any) -> Any:
            if request.name == "bad":
                raise ZeroDivisionError("nobody foresaw this")
            return decide(request, headers, peer, now)

        monkeypatch.setattr(client.app, "_decide", trip)
        client.app.take(wire_body(n="one"), [(b"user-agent", FIREFOX.encode())], "203.0.113.7", lambda _: None)
        reply = await client.ask(request(wire_body(n="bad")))
        assert (reply.status, json.loads(reply.body)["reason"]) == (503, "unavailable")
        assert (await client.ask(request(wire_body(n="after")))).status == 202

    tell(story)
    assert names(file) == ["before", "one", "after"]
    assert "ZeroDivisionError in trip" in caplog.text
    assert "foresaw" not in caplog.text
