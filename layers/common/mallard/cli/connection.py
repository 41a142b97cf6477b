"""What a client's connection may take: the bytes of a request's head, and the seconds until a request is whole."""

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 64 * 1024
KEEP_ALIVE_SECONDS = 75
REQUEST_SECONDS = 60
"""A body of 1 MB in this time needs 17 KB a second."""

TOO_LARGE = b'{"error": "The head of the request is over 64 KB."}'
REFUSAL = b"".join(
    [
        b"HTTP/1.1 431 Request Header Fields Too Large\r\n",
        b"content-type: application/json\r\n",
        b"content-length: %d\r\n" % len(TOO_LARGE),
        b"connection: close\r\n\r\n",
        TOO_LARGE,
    ]
)


class Connection(HttpToolsProtocol):
    """uvicorn's, which would collect a header without an end, and wait for ever for the rest of a request."""

    _idle_bytes = 0
    """What came since a head, a piece of a body or a request was last complete."""

    _owed_until: float | None = None
    """The event loop's time until when the client owes a whole request; None: it owes nothing."""

    def connection_made(self, transport: Any) -> None:
        """The first request is owed from the start."""
        super().connection_made(transport)
        self.request_began()

    def request_began(self) -> None:
        """The client has some time for its request."""
        self._owed_until = self.loop.time() + REQUEST_SECONDS

    def request_ended(self) -> None:
        """The client has done its part."""
        self._idle_bytes, self._owed_until = 0, None

    def on_message_begin(self) -> None:
        """A request began."""
        super().on_message_begin()
        self.request_began()

    def on_headers_complete(self) -> None:
        """A head is whole."""
        self._idle_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of a body; how much of it there may be is the application's to say."""
        self._idle_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is whole."""
        self.request_ended()
        super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        """Bytes of a client: headers, trailers and extensions of chunks are bounded."""
        self._idle_bytes += len(data)
        super().data_received(data)
        if self._idle_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            if self.cycle is None or self.cycle.response_complete:
                self.transport.write(REFUSAL)
            self.transport.close()

    def answered(self) -> None:
        """An answer went out past uvicorn: begin what is pipelined behind it, else wait for the next request.

        A date by which it must be here costs less than uvicorn's timer, made and cancelled for each request.
        """
        if self.pipeline or self.flow.read_paused:
            self.on_response_complete()
        else:
            self.server_state.total_requests += 1
            self._owed_until = self.loop.time() + self.timeout_keep_alive

    def end_if_late(self, now: float) -> None:
        """Close the connection where a request is not whole in its time; ``now`` is the event loop's."""
        if self._owed_until is not None and now > self._owed_until:
            self.transport.close()

    def _unsupported_upgrade_warning(self) -> None:
        """Whoever asks for a WebSocket is answered by HTTP; uvicorn would log what to install."""
