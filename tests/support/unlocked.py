"""An S3 server that compares and then writes: without a lock it takes both of two writes at once."""

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

WINDOW_SECONDS = 0.002
"""Between the look and the write: as long as a small file takes to be written and renamed."""

_MODIFIED = "2026-01-02T12:00:00.000Z"


class Unlocked(ThreadingHTTPServer):
    """Conditions hold for a write alone, and for all where it is ``locked``. A write takes ``window_seconds``."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, window_seconds: float = WINDOW_SECONDS, *, locked: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.window_seconds = window_seconds
        self.lock: AbstractContextManager[object] = threading.Lock() if locked else nullcontext()
        self.objects: dict[str, bytes] = {}
        self.counts: dict[str, int] = {}

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is nothing to tell of."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Unlocked

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if "/" not in self._name:
            return self._reply(200)
        with self.server.lock:
            return self._put(self._name, data)

    def _put(self, name: str, data: bytes) -> None:
        objects = self.server.objects
        found = objects.get(name)
        wanted = self.headers.get("If-Match")
        if self.headers.get("If-None-Match") and found is not None:
            return self._fail(412, "PreconditionFailed")
        if wanted and (found is None or _etag(found) != wanted.strip('"')):
            return self._fail(412 if found else 404, "PreconditionFailed" if found else "NoSuchKey")
        time.sleep(self.server.window_seconds)
        objects[name] = data
        return self._reply(200, etag=_etag(data))

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        if "versioning" in query:
            return self._reply(200, b"<VersioningConfiguration/>")
        if "list-type" in query:
            return self._reply(200, self._listing(query.get("prefix", [""])[0]))
        data = self.server.objects.get(self._name)
        if data is None:
            return self._fail(404, "NoSuchKey")
        return self._reply(200, data, etag=_etag(data))

    do_HEAD = do_GET  # noqa: N815  # the name that the base class calls

    def do_DELETE(self) -> None:
        self.server.objects.pop(self._name, None)
        self._reply(204)

    @property
    def _name(self) -> str:
        return unquote(urlsplit(self.path).path).strip("/")

    def _listing(self, prefix: str) -> bytes:
        bucket = self._name
        keys = [
            name.removeprefix(f"{bucket}/") for name in sorted(self.server.objects) if name.startswith(f"{bucket}/")
        ]
        rows = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>{_MODIFIED}</LastModified>"
            f"<ETag>&quot;{_etag(data)}&quot;</ETag><Size>{len(data)}</Size></Contents>"
            for key in keys
            if key.startswith(prefix) and (data := self.server.objects.get(f"{bucket}/{key}")) is not None
        )
        return f"<ListBucketResult><IsTruncated>false</IsTruncated>{rows}</ListBucketResult>".encode()

    def _fail(self, status: int, code: str) -> None:
        self._reply(status, f"<Error><Code>{code}</Code></Error>".encode())

    def _reply(self, status: int, body: bytes = b"", *, etag: str = "") -> None:
        self.server.counts[self.command] = self.server.counts.get(self.command, 0) + 1
        self.send_response(status)
        if etag:
            self.send_header("ETag", f'"{etag}"')
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


def _etag(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


@contextmanager
def unlocked_server(window_seconds: float = WINDOW_SECONDS, *, locked: bool = False) -> Iterator[Unlocked]:
    """A running server on a free port."""
    with Unlocked(window_seconds, locked=locked) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
