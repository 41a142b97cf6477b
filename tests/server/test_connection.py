"""A connection gives a client room and time for a request, and no more of either."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from mallard.server.connection import REQUEST_SECONDS, Connection
from mallard.server.request_validation import MAX_HEAD_BYTES
from support.turns import turns, until

SOON_SECONDS = 30

CHUNK = b"a" * 16_384
REQUEST = b"POST / HTTP/1.1\r\nHost: x\r\n"

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter, ServerState], Any]


async def echo_length(scope: Any, receive: Any, send: Any) -> None:
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return
        size, more = size + len(message["body"]), message["more_body"]
    body = str(size).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter, ServerState]]:
    config = uvicorn.Config(echo_length, ws="none", lifespan="off", log_config=None)
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(config, state, {}), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    try:
        yield reader, writer, state
    finally:
        writer.close()
        server.close()


async def send_until_closed(writer: asyncio.StreamWriter, piece: bytes, most: int) -> int:
    """How many bytes went out before the other side closed; at most ``most``."""
    sent = 0
    try:
        while sent < most:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.001)
            sent += len(piece)
    except ConnectionError:
        pass
    return sent


async def read_status(reader: asyncio.StreamReader) -> bytes:
    return (await asyncio.wait_for(reader.readline(), SOON_SECONDS)).split(b" ")[1]


def run(story: Talk) -> None:
    async def told() -> None:
        async with connected() as (reader, writer, state):
            await story(reader, writer, state)

    asyncio.run(told())


def test_a_head_without_an_end_is_refused() -> None:
    async def story(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, state: ServerState) -> None:
        writer.write(REQUEST + b"X-A: ")
        for _ in range(MAX_HEAD_BYTES // len(CHUNK) + 1):
            writer.write(CHUNK)
            await writer.drain()
        assert await read_status(reader) == b"431"
        await asyncio.wait_for(reader.read(), SOON_SECONDS)

    run(story)


def test_trailers_without_an_end_close_the_connection() -> None:
    async def story(_: asyncio.StreamReader, writer: asyncio.StreamWriter, state: ServerState) -> None:
        writer.write(REQUEST + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n")
        assert await send_until_closed(writer, b"X: a\r\n" * 1000, 100 * MAX_HEAD_BYTES) < 100 * MAX_HEAD_BYTES
        await until(lambda: not state.connections)

    run(story)


def test_large_body_is_passed_to_the_application() -> None:
    async def story(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, state: ServerState) -> None:
        pieces = 4 * MAX_HEAD_BYTES // len(CHUNK)
        writer.write(REQUEST + b"Content-Length: %d\r\n\r\n" % (pieces * len(CHUNK)))
        for _ in range(pieces):
            writer.write(CHUNK)
            await writer.drain()
        assert await read_status(reader) == b"200"

    run(story)


def test_head_limit_applies_to_each_request_of_a_connection() -> None:
    async def story(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, state: ServerState) -> None:
        for _ in range(40):
            writer.write(REQUEST + b"X-A: " + b"a" * 4000 + b"\r\n\r\n")
            assert await read_status(reader) == b"200"
            await reader.readuntil(b"\r\n\r\n0")

    run(story)


def is_closed(sent: bytes, *, late: bool) -> bool:
    """Whether it is a second after all its time, or a second before the end of the time since it was opened."""

    async def told() -> bool:
        began = now()
        async with connected() as (reader, writer, state):
            writer.write(sent)
            if sent.endswith(b"\r\n\r\n"):
                await reader.readuntil(b"\r\n\r\n0")
            await turns(0.05)
            (connection,) = state.connections
            assert isinstance(connection, Connection)
            connection.end_if_late(now() + REQUEST_SECONDS + 1 if late else began + REQUEST_SECONDS - 1)
            await turns(0.05)
            return not state.connections

    return asyncio.run(told())


def now() -> float:
    return asyncio.get_running_loop().time()


def test_connection_is_closed_when_its_request_is_not_finished_in_time() -> None:
    for unfinished in (b"", b"GET / HT", REQUEST, REQUEST + b"Content-Length: 9\r\n\r\na"):
        assert not is_closed(unfinished, late=False)
        assert is_closed(unfinished, late=True)


def test_keep_alive_connection_is_not_late() -> None:
    assert not is_closed(REQUEST + b"\r\n", late=True)
