"""A small website that embeds the tracker: a real `mallard serve` stands behind it, and each request is recorded."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Page

PATIENCE_SECONDS = 30.0
LONGEST_HOLD_SECONDS = 60.0
QUIET_SECONDS = 0.25
WIDTH_PX = 1280
VIEWPORT_PX = 720

TALL = f'<body style="margin:0"><div style="height:{4 * VIEWPORT_PX}px">tall</div>'

STRICT_POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'; require-trusted-types-for 'script'"

Event = dict[str, Any]


KEPT = "data-local data-automation"
"""Without these the script sends nothing here: the pages are on 127.0.0.1, and a program drives the browser."""


def snippet(*parts: str, **attributes: str) -> str:
    """The script tag with parts; `keep_query="q"` is `data-keep-query="q"`."""
    words = "".join(f' data-{name.replace("_", "-")}="{value}"' for name, value in attributes.items())
    name = ".".join(("script", *parts, "js"))
    return f'<script defer {KEPT} data-domain="example.com"{words} src="/tracking/{name}"></script>'


SNIPPET = snippet()


@dataclass(frozen=True)
class Recorded:
    """One request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: str

    @property
    def event(self) -> Event:
        event: Event = json.loads(self.body)
        return event


@dataclass
class Site:
    """Serves pages and scripts, and records what `/api/event` is asked before the server at `upstream` answers it."""

    upstream: str
    port: int = 0
    pages: dict[str, str] = field(default_factory=dict)
    scripts: dict[str, str] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    policy: str = ""
    answers: list[int] = field(default_factory=list)
    """Statuses to answer by itself, before the server is asked again."""
    recorded: list[Recorded] = field(default_factory=list)
    refused: list[tuple[int, str]] = field(default_factory=list)
    """What the server did not take."""
    asked: list[str] = field(default_factory=list)
    """Paths of what was fetched."""
    unanswered: int = 0
    answering: threading.Event = field(default_factory=threading.Event)
    changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def record(self, request: Recorded) -> int | None:
        """Keeps the request and says which status to answer, where one is scripted."""
        with self.changed:
            self.recorded.append(request)
            self.unanswered += 1
            self.changed.notify_all()
            return self.answers.pop(0) if self.answers else None

    def has_answered(self) -> None:
        """The request is over, whether or not somebody still waited for its answer."""
        with self.changed:
            self.unanswered -= 1
            self.changed.notify_all()

    def serve(self, path: str) -> None:
        """Notes what is fetched."""
        with self.changed:
            self.asked.append(path)
            self.changed.notify_all()

    def wait_for(self, *paths: str) -> None:
        """Until all of these were fetched."""
        with self.changed:
            assert self.changed.wait_for(lambda: {*paths} <= {*self.asked}, PATIENCE_SECONDS), self.asked

    def events(self, count: int) -> list[Event]:
        """Waits for so many requests, fails when there are more already, and returns their events."""
        with self.changed:
            self.changed.wait_for(lambda: len(self.recorded) >= count, PATIENCE_SECONDS)
            events = [request.event for request in self.recorded]
        assert len(events) == count, events
        return events

    def events_in_all(self, page: Page, count: int, quiet_seconds: float = QUIET_SECONDS) -> list[Event]:
        """As `events`, and makes sure that no further one follows, and that the server has taken them."""
        self.events(count)
        page.wait_for_timeout(quiet_seconds * 1000)
        with self.changed:
            assert self.changed.wait_for(lambda: self.unanswered == 0, PATIENCE_SECONDS), "there was no answer"
        return self.events(count)

    def wire(self, name: str, path: str = "/", **more: Any) -> Event:
        """The whole body of an event of this site, but for its random id."""
        return {"d": "example.com", "n": name, "u": self.origin + path, "r": None, "w": WIDTH_PX, **more}


def bodies(events: list[Event]) -> list[Event]:
    """Without the random ids, each of which must be one the server takes; False stays, as of what nobody caused."""
    assert all(event["i"] is False or 0 < len(event["i"]) <= 64 for event in events)
    return [{key: value for key, value in event.items() if key != "i" or value is False} for event in events]


def handler_of(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            site.serve(path)
            if path.startswith(("/tracking/", "/js/")):
                status, body = self.ask()
                self.answer(status, "text/javascript", body)
            elif path in site.scripts:
                self.answer(200, "text/javascript", site.scripts[path].encode())
            elif path.startswith("/files/"):
                self.answer(200, "application/octet-stream", b"file")
            else:
                html = f"<!doctype html><title>{path}</title>{site.pages.get(path, SNIPPET)}"
                self.answer(site.statuses.get(path, 200), "text/html; charset=utf-8", html.encode())

        def do_POST(self) -> None:
            self.record()

        def do_OPTIONS(self) -> None:
            self.record()

        def record(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Recorded(self.command, self.path, headers, body)
            status = site.record(request)
            try:
                site.answering.wait(LONGEST_HOLD_SECONDS)
                if status is None:
                    status, answer = self.ask("/api/event", body.encode())
                    if status != 202:
                        site.refused.append((status, answer.decode()))
            finally:
                site.has_answered()
            self.answer(status, "", b"")

        def ask(self, path: str | None = None, body: bytes | None = None) -> tuple[int, bytes]:
            """The real server's answer."""
            names = ("User-Agent", "Content-Type", "Origin", "Accept-Language")
            headers = {name: self.headers[name] for name in names if name in self.headers}
            request = urllib.request.Request(site.upstream + (path or self.path), body, headers)
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    return answer.status, answer.read()
            except urllib.error.HTTPError as refusal:
                with refusal:
                    return refusal.code, refusal.read()

        def answer(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Access-Control-Allow-Origin", "*")
            self.send_header("Content-Length", str(len(body)))
            if content_type:
                self.send_header("Content-Type", content_type)
            if site.policy:
                self.send_header("Content-Security-Policy", site.policy)
            self.end_headers()
            self.wfile.write(body)

    return Handler


class QuietServer(ThreadingHTTPServer):
    """A browser may drop a connection whenever it likes: that is no news."""

    daemon_threads = True
    # A browser's connections come in bursts; one that finds no place here is tried again a second later.
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        pass


@contextmanager
def serving(upstream: str) -> Iterator[Site]:
    """A site while it is needed; at its end the server has taken all that it was asked to take."""
    site = Site(upstream)
    site.answering.set()
    server = QuietServer(("127.0.0.1", 0), handler_of(site))
    site.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield site
    finally:
        site.answering.set()
        server.shutdown()
        thread.join()
        server.server_close()
    assert site.refused == []
