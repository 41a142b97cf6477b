"""Whoever is slow is left after a while: in a head, in a body, between requests, in reading an answer."""

import asyncio
import resource
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any
from unittest.mock import patch

import pytest
import uvicorn
from uvicorn.server import ServerState

from mallard.server.connection import CLOSE_SECONDS, KEEP_ALIVE_SECONDS, REQUEST_SECONDS, STALL_SECONDS, Connection
from mallard.server.connection_limits import MAX_FILES, ConnectionLimits, most_connections, raise_file_limit
from support.turns import turns, until

LARGE = 8 * 1024 * 1024
SOON_SECONDS = 30
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"

Story = Callable[[asyncio.StreamReader, asyncio.StreamWriter, Connection], Awaitable[None]]


async def answer_much(scope: Any, receive: Any, send: Any) -> None:
    """Eight megabytes, in pieces."""
    size = LARGE if scope["path"] == "/" else 2
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % size)]})
    piece = b"a" * min(size, 65_536)
    for done in range(len(piece), size + 1, len(piece)):
        await send({"type": "http.response.body", "body": piece, "more_body": done < size})


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter, ServerState]]:
    """A client whose side of the connection holds little."""
    config = uvicorn.Config(answer_much, ws="none", lifespan="off", log_config=None, timeout_keep_alive=0.05)  # type: ignore[arg-type]
    state, loop = ServerState(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(config, state, {}), "127.0.0.1", 0)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setblocking(False)
    await loop.sock_connect(client, server.sockets[0].getsockname())
    reader, writer = await asyncio.open_connection(sock=client, limit=1024)
    try:
        yield reader, writer, state
    finally:
        writer.close()
        server.close()


async def the_only(state: ServerState) -> Connection:
    await until(lambda: state.connections)
    (connection,) = state.connections
    assert isinstance(connection, Connection)
    return connection


def tell(story: Story) -> None:
    async def told() -> None:
        async with connected() as (reader, writer, state):
            await story(reader, writer, await the_only(state))

    asyncio.run(told())


async def is_gone(connection: Connection) -> bool:
    await turns(0.1)
    return connection not in connection.connections


def now() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize(
    "unfinished",
    [
        b"",
        b"\r\n",
        b"GET / HT",
        b"GET / HTTP/1.1\r\nHost: x\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\na",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
    ],
)
def test_incomplete_request_is_closed_after_its_timeout(unfinished: bytes) -> None:
    async def told() -> None:
        began = now()
        async with connected() as (_, writer, state):
            connection = await the_only(state)
            writer.write(unfinished)
            await turns(0.05)
            # Of its time since it was opened a second is left, however long it took to come here.
            connection.end_if_late(began + REQUEST_SECONDS - 1)
            assert not await is_gone(connection)
            connection.end_if_late(now() + REQUEST_SECONDS + 1)
            await asyncio.sleep(0)
            assert connection.transport.is_closing()

    asyncio.run(told())


def test_slow_drip_of_bytes_does_not_extend_the_timeout() -> None:
    async def story(_: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: Connection) -> None:
        writer.write(b"POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\n\r\n")
        for _drop in range(20):
            writer.write(b"a")
            await asyncio.sleep(0.005)
        connection.end_if_late(now() + REQUEST_SECONDS + 1)
        assert connection.transport.is_closing()

    tell(story)


def test_empty_line_after_a_response_does_not_extend_keep_alive(tmp_path: Any) -> None:
    async def story(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: Connection) -> None:
        connection.timeout_keep_alive = KEEP_ALIVE_SECONDS
        writer.write(b"GET /small HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"\r\n\r\naa")
        writer.write(b"\r\n")
        await turns(0.05)
        connection.end_if_late(now() + REQUEST_SECONDS + 1)
        assert await is_gone(connection)

    tell(story)


def test_connection_is_closed_when_a_large_response_is_not_read() -> None:
    async def story(_: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: Connection) -> None:
        began = now()
        writer.write(REQUEST)
        await until(lambda: connection.flow.write_paused)
        connection.end_if_late(began + STALL_SECONDS - 1)
        assert not await is_gone(connection)
        connection.end_if_late(now() + STALL_SECONDS + 1)
        assert await is_gone(connection)

    tell(story)


def test_connection_of_a_slow_reader_stays_open_while_it_makes_progress() -> None:
    async def story(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: Connection) -> None:
        writer.write(REQUEST)
        await until(lambda: connection._stalled_since)
        first = connection._stalled_since
        assert first is not None
        read = 0
        while read < LARGE // 2:
            read += len(await reader.read(65_536))
        assert connection._stalled_since is None or connection._stalled_since > first
        connection.end_if_late(first + STALL_SECONDS + 0.01)
        while read < LARGE:
            read += len(await asyncio.wait_for(reader.read(65_536), SOON_SECONDS))

    tell(story)


def test_closing_connection_is_aborted_when_its_last_bytes_are_not_read() -> None:
    async def story(_: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: Connection) -> None:
        writer.write(REQUEST)
        await until(lambda: connection.flow.write_paused)
        connection.transport.close()
        start = now()
        connection.end_if_late(start)
        connection.end_if_late(start + CLOSE_SECONDS - 1)
        assert not await is_gone(connection)
        connection.end_if_late(start + CLOSE_SECONDS + 1)
        assert await is_gone(connection)

    tell(story)


def test_connection_above_the_limit_is_closed_at_once() -> None:
    async def told() -> None:
        async with connected() as (reader, writer, state):
            connection = await the_only(state)
            with patch.object(Connection, "open_connections", ConnectionLimits(16)) as few:
                for number in range(16):
                    assert few.add(Busy(), f"198.51.100.{number}")
                place = connection.transport.get_extra_info("sockname")
                late, other = await asyncio.open_connection(*place)
                with suppress(ConnectionError):
                    assert await asyncio.wait_for(late.read(), SOON_SECONDS) == b""
                other.close()
            writer.write(b"GET /small HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await asyncio.wait_for(reader.readline(), SOON_SECONDS)).split()[1] == b"200"

    asyncio.run(told())


class Busy:
    """A connection whose client waits for an answer."""

    aborted = False
    idle = False

    def is_idle(self) -> bool:
        return self.idle

    def abort(self) -> None:
        self.aborted = True


def test_oldest_idle_connection_is_closed_when_its_address_exceeds_its_share() -> None:
    opened = ConnectionLimits(64)
    mine, theirs = [Busy() for _ in range(8)], Busy()
    mine[3].idle = mine[5].idle = theirs.idle = True
    assert opened.add(theirs, "198.51.100.1")
    assert all(opened.add(each, "192.0.2.1") for each in mine)
    assert opened.add(Busy(), "192.0.2.1")
    assert [each.aborted for each in mine] == [False, False, False, True, False, False, False, False]
    assert opened.add(Busy(), "192.0.2.1")
    assert mine[5].aborted
    assert not opened.add(Busy(), "192.0.2.1")
    assert not theirs.aborted
    opened.remove(mine[0])
    opened.remove(mine[0])
    assert opened.add(Busy(), "192.0.2.1")


def test_connection_share_limits_one_address_but_not_a_proxy() -> None:
    opened = ConnectionLimits(64, lambda address: address == "127.0.0.1")
    crowd = [Busy() for _ in range(500)]
    for each in crowd:
        each.idle = True
        assert opened.add(each, "192.0.2.1")
    assert sum(not each.aborted for each in crowd) == 64 // 8
    assert all(opened.add(Busy(), "127.0.0.1") for _ in range(56))
    # Full: the oldest idle one goes, whoever has it.
    assert opened.add(Busy(), "198.51.100.7")
    assert sum(not each.aborted for each in crowd) == 64 // 8 - 1


def test_connection_limit_leaves_files_for_the_store() -> None:
    files = raise_file_limit()
    assert files == resource.getrlimit(resource.RLIMIT_NOFILE)[0] or files == MAX_FILES
    assert 16 <= most_connections(files) <= max(16, files // 2)
