"""HTTP connection with a fast path for ``POST /api/event``.

A task, a scope and the messages of ASGI take more of the processor's time than the event they are about.
"""

from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from mallard.ingest.http.asgi import PATH, IngestApp
from mallard.ingest.http.responses import ACCEPTED, IngestResponse
from mallard.ingest.request import MAX_BODY_BYTES
from mallard.server.connection import Connection
from mallard.server.request_validation import MAX_HEAD_BYTES, MAX_HEADERS, bytes_of, is_chunked

EVENT_URL = PATH.encode()


class EventConnection(Connection):
    """``ingest`` takes the events; it is the same that uvicorn's application hands the others to."""

    _event: "_EventCycle | None" = None
    """The request that is being read, where it is an event."""

    def __init__(self, ingest: IngestApp, *uvicorns: Any, **more: Any) -> None:
        super().__init__(*uvicorns, **more)
        self._take = ingest.take

    def on_message_begin(self) -> None:
        """A request began. Its scope waits until it is known to need one."""
        self.url, self.headers, self.expect_100_continue = b"", [], False
        self.request_began()

    def on_headers_complete(self) -> None:
        """A head is whole: here the ways part."""
        if self._is_event():
            self._idle_bytes = 0
            self.cycle = self._event = _EventCycle(self, self.parser.should_keep_alive())  # type: ignore[assignment]
            return
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers += headers
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of a body. One that is too large is taken, to be refused, before its end."""
        event = self._event
        if event is None:
            super().on_body(body)
            return
        self._idle_bytes = 0
        if not event.is_taken:
            event.body += body
            if len(event.body) > MAX_BODY_BYTES:
                self._take_event(event)

    def on_message_complete(self) -> None:
        """A request is whole."""
        event = self._event
        if event is None:
            super().on_message_complete()
            return
        self._event = None
        self.request_ended()
        if not event.is_taken:
            self._take_event(event)

    def may_answer(self) -> bool:
        """True where no request waits for its response, but the event whose body is being read."""
        event = self._event
        return not event.is_taken if event is not None else super().may_answer()

    def _take_event(self, event: "_EventCycle") -> None:
        event.is_taken = True
        body, headers = event.body, self.headers
        # The connection may stay open for long; what it was sent must not.
        event.body, self.headers = b"", []
        self._take(body, headers, self.client[0] if self.client else "", event.reply)

    def _is_event(self) -> bool:
        if self.url != EVENT_URL:
            return False
        names = [name for name, _ in self.headers]
        return (
            names.count(b"host") == 1
            and len(names) <= MAX_HEADERS
            # Most have come in few bytes: the sizes of their headers need not be added up.
            and (self._idle_bytes <= MAX_HEAD_BYTES or bytes_of(self.headers) <= MAX_HEAD_BYTES)
            # Unusual bodies are answered by the application.
            and b"content-encoding" not in names
            and (b"transfer-encoding" not in names or is_chunked(self.headers))
            and self.parser.get_method() == b"POST"
            and (self.cycle is None or self.cycle.response_complete)
            # The rest is rare: a client that waits for leave, does not read its answers, or speaks an old HTTP.
            and not (self.expect_100_continue or self.flow.write_paused or self.parser.should_upgrade())
            and self.parser.get_http_version() == "1.1"
        )


class _EventCycle:
    """One event between its head and its answer, with what uvicorn's protocol looks at in a cycle of its own.

    As long as it is not complete, uvicorn holds pipelined requests back, and a shutdown waits for it.
    """

    __slots__ = ("body", "connection", "disconnected", "is_taken", "keep_alive", "message_event", "response_complete")

    more_body = False
    """While it is being read it is ``EventConnection``'s; afterwards nothing more comes."""

    def __init__(self, connection: EventConnection, keep_alive: bool) -> None:
        self.connection = connection
        self.keep_alive = keep_alive
        self.body = b""
        self.is_taken = False
        self.message_event = _NO_WAITER
        self.disconnected = False
        self.response_complete = False

    def reply(self, answer: IngestResponse) -> None:
        """Write the answer, and let the connection go on."""
        self.response_complete = True
        connection = self.connection
        transport = connection.transport
        if self.disconnected or transport.is_closing():
            return
        transport.write(_head(answer, connection.server_state.default_headers, self.keep_alive) + answer.body)
        if not self.keep_alive:
            transport.close()
        connection.answered()


class _NoWaiter:
    def set(self) -> None:
        """Nothing to wake."""


_NO_WAITER = _NoWaiter()


def _lines(answer: IngestResponse) -> bytes:
    lines = [f"{name}: {value}\r\n" for name, value in answer.headers.items()]
    return "".join([*lines, f"content-length: {len(answer.body)}\r\n"]).encode()


_ACCEPTED_LINES = _lines(ACCEPTED)


def _head(answer: IngestResponse, of_server: list[tuple[bytes, bytes]], keep_alive: bool) -> bytes:
    parts = [STATUS_LINE[answer.status]]
    for name, value in of_server:
        parts += (name, b": ", value, b"\r\n")
    parts.append(_ACCEPTED_LINES if answer is ACCEPTED else _lines(answer))
    parts.append(b"\r\n" if keep_alive else b"connection: close\r\n\r\n")
    return b"".join(parts)
