"""An HTTP proxy on loopback in front of one server, which delays, refuses, or loses answers on command."""

import http.client
import socket
import ssl
import struct
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "expect", "te", "trailer", "upgrade"}
UPSTREAM_TIMEOUT_SECONDS = 30


class Trouble(Enum):
    """What befalls one request; the ``LOST`` ones reach the server first."""

    NONE = auto()
    REFUSED_500 = auto()
    REFUSED_503 = auto()
    RESET = auto()
    LOST_RESET = auto()
    LOST_500 = auto()
    LOST_SILENCE = auto()
    CUT_BODY = auto()


class Proxy(ThreadingHTTPServer):
    """Forwards to ``upstream`` (``http://host:port``); every request waits ``latency_seconds`` first.

    ``troubles`` befall the coming requests of the methods in ``troubled``, one by one; ``counts`` is requests by
    method. ``only_etags`` makes it a server that takes If-Match in one form: ``quoted``, ``bare``, or ``none`` of them.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, upstream: str, latency_seconds: float = 0.0, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        if tls:
            # The handshake belongs to the connection's own thread, not to the one that accepts.
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self._scheme = "https" if tls else "http"
        self.upstream = urlsplit(upstream).netloc
        self.latency_seconds = latency_seconds
        self.troubled = {"PUT"}
        self.troubles: deque[Trouble] = deque()
        self.counts: Counter[str] = Counter()
        self.only_etags = ""
        self.forwarded = Counter[str]()
        """What the server behind has answered, by method."""
        self.closing = threading.Event()

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"{self._scheme}://127.0.0.1:{self.server_port}"

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        """Close without a goodbye, so that a reset is one."""
        self.close_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is what this is for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Else each small answer waits for an acknowledgement that the other side delays.
    disable_nagle_algorithm = True
    server: Proxy

    def setup(self) -> None:
        super().setup()
        self._upstream = http.client.HTTPConnection(self.server.upstream, timeout=UPSTREAM_TIMEOUT_SECONDS)

    def finish(self) -> None:
        self._upstream.close()
        super().finish()

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.server.counts[self.command] += 1
        if self.server.latency_seconds:
            time.sleep(self.server.latency_seconds)
        trouble = Trouble.NONE
        if self.command in self.server.troubled and self.server.troubles:
            trouble = self.server.troubles.popleft()
        if trouble is Trouble.RESET:
            return self._reset()
        if trouble in (Trouble.REFUSED_500, Trouble.REFUSED_503):
            return self._fail(500 if trouble is Trouble.REFUSED_500 else 503)
        if self._is_in_the_wrong_form(self.headers.get("If-Match")):
            return self._fail(412)
        status, headers, answer = self._forward(body)
        if trouble is Trouble.LOST_RESET:
            return self._reset()
        if trouble is Trouble.LOST_500:
            return self._fail(500)
        if trouble is Trouble.LOST_SILENCE:
            self.server.closing.wait(UPSTREAM_TIMEOUT_SECONDS)
            return self._reset()
        return self._answer(status, headers, answer, cut=trouble is Trouble.CUT_BODY)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815

    def _is_in_the_wrong_form(self, etag: str | None) -> bool:
        wanted = self.server.only_etags
        return bool(wanted and etag) and ("quoted" if etag and etag.startswith('"') else "bare") != wanted

    def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        headers = {key: value for key, value in self.headers.items() if key.lower() not in HOP_BY_HOP}
        self._upstream.request(self.command, self.path, body or None, {**headers, "Content-Length": str(len(body))})
        answer = self._upstream.getresponse()
        content = answer.read()
        self.server.forwarded[self.command] += 1
        kept = [(key, value) for key, value in answer.getheaders() if key.lower() not in HOP_BY_HOP]
        length = (answer.getheader("Content-Length") or "0") if self.command == "HEAD" else str(len(content))
        return answer.status, [*kept, ("Content-Length", length)], content

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes, *, cut: bool) -> None:
        self.send_response_only(status)
        for key, value in headers:
            self.send_header(key, value)
        self.end_headers()
        # After an answer to HEAD the client would read a body as the beginning of the next answer.
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if cut else body)
        self.close_connection = self.close_connection or cut

    def _fail(self, status: int) -> None:
        code = {412: "PreconditionFailed", 500: "InternalError", 503: "SlowDown"}[status]
        body = f"<Error><Code>{code}</Code><Message>on command</Message></Error>".encode()
        self._answer(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))], body, cut=False)

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@contextmanager
def proxy(upstream: str, latency_seconds: float = 0.0, tls: ssl.SSLContext | None = None) -> Iterator[Proxy]:
    """A running proxy in front of ``upstream``, which speaks HTTPS where it is given a ``tls`` context."""
    with Proxy(upstream, latency_seconds, tls) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            server.shutdown()
            thread.join()
