"""Simultaneous signed PUTs over separate connections.

Two SDK calls would not race: each signs, connects and sends on its own, and one completes before the other arrives.
Here the server holds both requests up to their last byte before either may end.
"""

import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Protocol, runtime_checkable
from urllib.parse import urlsplit

from mallard.errors import StoreUnavailableError

SETTLE_SECONDS = 0.002
"""From the last but one byte to the last: the server has read the heads by then, however far away it is."""

TIMEOUT_SECONDS = 30


@dataclass(frozen=True, slots=True)
class SignedPut:
    """A signed, unsent PUT; ``body`` has two bytes at least."""

    url: str
    headers: Mapping[str, str]
    body: bytes


@runtime_checkable
class Signs(Protocol):
    """A store whose writes are HTTP requests that can be signed before sending."""

    @property
    def address(self) -> str:
        """The server and the path on it."""
        ...

    def signed_put(self, key: str, data: bytes, etag: str | None) -> SignedPut | None:
        """A write over ``etag``, or of a new object (None); returns None where only the SDK can send it."""
        ...

    def tls(self) -> ssl.SSLContext:
        """The TLS context with the SDK's certificate authorities."""
        ...


class Wires:
    """One connection for each contender, reused between races."""

    def __init__(self, tls: Callable[[], ssl.SSLContext], *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._tls = tls
        self._sleep = sleep
        self._connections: list[HTTPConnection] = []

    def race(self, requests: Sequence[SignedPut]) -> list[int]:
        """Send all up to the last byte, then end all; their statuses. StoreUnavailableError without a response."""
        try:
            return self._race(requests)
        except (OSError, HTTPException) as error:
            self.close()
            raise StoreUnavailableError(f"A simultaneous write got no answer: {type(error).__name__}.") from error

    def close(self) -> None:
        """Close the connections; the next race opens new ones."""
        for each in self._connections:
            each.close()
        self._connections.clear()

    def _race(self, requests: Sequence[SignedPut]) -> list[int]:
        while len(self._connections) < len(requests):
            self._connections.append(self._connect(requests[0].url))
        runners = list(zip(self._connections, requests, strict=True))
        for connection, request in runners:
            _begin(connection, request)
        self._sleep(SETTLE_SECONDS)
        for connection, request in runners:
            # A server that rejects by the headers may have closed the connection: its response is read below.
            with suppress(ConnectionError):
                connection.send(request.body[-1:])
        return [_status(connection) for connection, _ in runners]

    def _connect(self, url: str) -> HTTPConnection:
        parts = urlsplit(url)
        if parts.scheme == "https":
            return HTTPSConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS, context=self._tls())
        return HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)


def _begin(connection: HTTPConnection, request: SignedPut) -> None:
    parts = urlsplit(request.url)
    connection.putrequest(
        "PUT", f"{parts.path}?{parts.query}" if parts.query else parts.path, skip_accept_encoding=True
    )
    for name, value in request.headers.items():
        connection.putheader(name, value)
    connection.endheaders(request.body[:-1])


def _status(connection: HTTPConnection) -> int:
    response = connection.getresponse()
    response.read()
    return response.status
