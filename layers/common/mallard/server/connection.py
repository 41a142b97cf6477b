"""Limits of a connection: size of heads, time of requests and responses."""

import resource
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from mallard.server.connection_limits import ConnectionLimits, most_connections
from mallard.server.request_validation import LARGE_HEAD, MALFORMED, MAX_HEAD_BYTES, RequestRefusal, refusal_of

KEEP_ALIVE_SECONDS = 75
REQUEST_SECONDS = 60
"""A body of 1 MB in this time needs 17 KB a second."""

STALL_SECONDS = 60
"""A client that reads less of a response in this time than the socket buffers hold, some 64 KB, is disconnected."""

CLOSE_SECONDS = 15
"""Seconds that the last bytes of a connection that we closed may wait to be read."""


class _RefusedError(Exception):
    """A head says what no request of ours does."""


class Connection(HttpToolsProtocol):
    """uvicorn's, which would collect a header without an end, and wait for ever for the rest of a request."""

    open_connections = ConnectionLimits(most_connections(resource.getrlimit(resource.RLIMIT_NOFILE)[0]))
    """Connections of the process."""

    _idle_bytes = 0
    """Bytes since a head, a piece of a body or a request was last complete."""

    _owed_until: float | None = None
    """The event loop's time until when the client owes a whole request; None: it owes nothing."""

    _stalled_since: float | None = None
    """Since when the client has not read enough for us to go on writing."""

    _closing_since: float | None = None

    _refused: RequestRefusal | None = None
    """Why the head that was just read is no request."""

    _is_over = False
    """Ignore all further bytes: the begin of a next request cannot be told."""

    def connection_made(self, transport: Any) -> None:
        """The first request is owed from the start."""
        super().connection_made(transport)
        self.request_began()
        if not self.open_connections.add(self, self.client[0] if self.client else ""):
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is over."""
        self.open_connections.remove(self)
        super().connection_lost(exc)

    def is_idle(self) -> bool:
        """True where the client owes the rest of a request, or the next one."""
        return self._owed_until is not None

    def abort(self) -> None:
        """End the connection at once."""
        self.transport.abort()

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
        parser = self.parser
        self._refused = refusal_of(parser.get_method(), self.url, parser.get_http_version(), self.headers)
        if self._refused is not None:
            raise _RefusedError
        if not parser.should_upgrade():
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of a body; how much of it there may be is the application's to say."""
        self._idle_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is whole."""
        if not self.parser.should_upgrade():
            self.request_ended()
            super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        """Bytes of a client: headers, trailers and extensions of chunks are bounded."""
        if self._is_over:
            return
        self._idle_bytes += len(data)
        self._unset_keepalive_if_required()
        try:
            self._parse(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.refuse(self._refused or MALFORMED)
            return
        if self._idle_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.refuse(LARGE_HEAD)
        elif self._owed_until is None and (self.cycle is None or self.cycle.response_complete):
            # An empty line begins no request, but ended uvicorn's wait for one.
            self.request_began()

    def refuse(self, refusal: RequestRefusal) -> None:
        """Answer what is no request where an answer cannot be taken for another's, and close the connection."""
        self._is_over = True
        if self.may_answer():
            self.transport.write(refusal.wire)
        if self.cycle is not None:
            self.cycle.disconnected = True
        self.transport.close()

    def may_answer(self) -> bool:
        """True where no request waits for its response, but the one whose body is being read."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            return True
        return cycle.more_body and not cycle.response_started and not self.pipeline

    def _parse(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if not (self.cycle is None or self.cycle.response_complete):
                raise
            head = self._head_without_upgrade()
            self.parser = httptools.HttpRequestParser(self)
            # As uvicorn sets its own.
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            self.parser.feed_data(head + data[upgrade.args[0] :])

    def _head_without_upgrade(self) -> bytes:
        """The head just read, for another reading: httptools leaves a body unread where another protocol is asked for.

        We speak no other, and go on in this one, as RFC 9110 (7.8) has it.
        """
        lines = [self.parser.get_method() + b" " + self.url + b" HTTP/" + self.parser.get_http_version().encode()]
        lines += [name + b": " + value for name, value in self.headers if name != b"upgrade"]
        return b"\r\n".join([*lines, b"", b""])

    def answered(self) -> None:
        """An answer went out past uvicorn: begin what is pipelined behind it, else wait for the next request.

        A date by which it must be here costs less than uvicorn's timer, made and cancelled for each request.
        """
        if self.pipeline or self.flow.read_paused:
            self.on_response_complete()
        else:
            self.server_state.total_requests += 1
            self._owed_until = self.loop.time() + self.timeout_keep_alive

    def on_response_complete(self) -> None:
        """An answer of uvicorn's went out. The connection may stay open for long; what it was sent must not."""
        cycle = self.cycle
        super().on_response_complete()
        if cycle is not None and cycle is self.cycle and cycle.response_complete:
            if cycle.scope is self.scope:
                self.scope, self.headers, self.url = {}, [], b""  # type: ignore[typeddict-item]
            cycle.scope = {}  # type: ignore[typeddict-item]

    def pause_writing(self) -> None:
        """The client does not read as fast as we write."""
        super().pause_writing()
        self._stalled_since = self.loop.time()

    def resume_writing(self) -> None:
        """It has read most of what was written."""
        super().resume_writing()
        self._stalled_since = None

    def end_if_late(self, now: float) -> None:
        """End the connection where a request is not whole, or an answer not read, in its time; ``now`` is the loop's.

        ``close`` still waits until the client reads the last bytes; ``abort`` does not.
        """
        if self.transport.is_closing():
            self._closing_since = self._closing_since or now
            if now - self._closing_since > CLOSE_SECONDS:
                self.transport.abort()
        elif self._stalled_since is not None and now - self._stalled_since > STALL_SECONDS:
            self.transport.abort()
        elif self._owed_until is not None and now > self._owed_until:
            self.transport.close()
