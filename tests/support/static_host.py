"""Places of other sites: one that hosts the dashboard's files for a server elsewhere, one with a page of its own."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

from support.tracked_site import QuietServer


class StaticHost(SimpleHTTPRequestHandler):
    """Files of a folder, and instead of some of them other texts, under a content security policy."""

    protocol_version = "HTTP/1.1"
    instead: dict[str, str]
    policy: str

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        text = self.instead.get("/index.html" if path == "/" else path)
        if text is None:
            super().do_GET()
            return
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def end_headers(self) -> None:
        if self.policy:
            self.send_header("Content-Security-Policy", self.policy)
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Hosted:
    """A host that listens already, so that its origin is known before there is anything on it."""

    def __init__(self, folder: Path) -> None:
        self.handler: type[StaticHost] = type("Host", (StaticHost,), {"instead": {}, "policy": ""})
        self.server = QuietServer(("127.0.0.1", 0), partial(self.handler, directory=str(folder)))
        # Another site than 127.0.0.1 is, to a browser.
        self.origin = f"http://localhost:{self.server.server_port}"

    def put(self, path: str, text: str) -> None:
        """A text in place of a file."""
        self.handler.instead[path] = text

    def allow(self, policy: str) -> None:
        """The content security policy of everything."""
        self.handler.policy = policy


@contextmanager
def hosting(folder: Path) -> Iterator[Hosted]:
    """A host while it is needed."""
    host = Hosted(folder)
    thread = threading.Thread(target=host.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield host
    finally:
        host.server.shutdown()
        thread.join()
        host.server.server_close()
