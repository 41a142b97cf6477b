"""Serves the dashboard's files and canned answers of the API, and holds back what a test wants to answer later."""

import json
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from playwright.sync_api import Locator, Page, expect

from mallard.http.header_policy import ANSWER, PAGE
from support.tracked_site import QuietServer

ROOT = Path(__file__).resolve().parents[2]
DASHBOARD = ROOT / "dashboard"
LONGEST_HOLD_SECONDS = 60.0

CALLER = "X-Test"
"""Each request of a page says here for which API it was opened."""

BREAKDOWNS = ("pages", "entry_pages", "exit_pages", "sources", "channels", "countries", "browsers", "os", "devices")

HEADLINE = {
    "unique_visitors": 12_345,
    "total_pageviews": 45_678,
    "bounce_rate": 0.43,
    "avg_visit_duration_secs": 127.4,
    "pages_per_visit": 3.7,
    "visits": 20_000,
    "views_per_visit": 2.28,
    "events": 50_000,
    "current_visitors": 3,
}
NOTHING = dict.fromkeys(HEADLINE, 0)
LIVE = {**HEADLINE, "unique_visitors": 3, "total_pageviews": 7}

OWNER = {"setup_required": False, "authenticated": True, "open": False}
STRANGER = {**OWNER, "authenticated": False}

Params = dict[str, Any]
Answer = tuple[int, Any] | tuple[int, Any, dict[str, str]]
"""Status, body, and headers where there are some."""


def row(value: str, visitors: int, pageviews: int) -> dict[str, Any]:
    """A row of a breakdown."""
    return {"value": value, "visitors": visitors, "pageviews": pageviews}


def overview(limit: int = 11, **more: Any) -> dict[str, Any]:
    """A month of a site with traffic; `more` replaces parts."""
    breakdowns = {name: rows(limit) for name in BREAKDOWNS}
    return {
        "start_date": "2025-03-01",
        "end_date": "2025-03-31",
        "main": HEADLINE,
        "timeseries": [{"date": f"2025-03-{day:02}", "visitors": day, "pageviews": day * 3} for day in range(1, 31)],
        "breakdowns": {**breakdowns, "countries": [row("DE", 20, 40), row("(unknown)", 10, 11)]},
        **more,
    }


def rows(count: int) -> list[dict[str, Any]]:
    """So many rows of pages."""
    return [row(f"/page-{at}", 2000 - at, 4000 - at) for at in range(count)]


@dataclass
class Held:
    """A request without an answer yet."""

    params: Params
    answer: Answer | None = None
    answered: threading.Event = field(default_factory=threading.Event)

    def fulfil(self, status: int, body: Any) -> None:
        """Answer now."""
        self.answer = (status, body)
        self.answered.set()


class CannedApi:
    """Answers `/api/*`: by default a site with traffic, else what a test puts into `answers`; None is held back.

    What is no GET has its method before its path, and its body for parameters.
    """

    def __init__(self) -> None:
        self.name = uuid4().hex
        self.sites = ["example.com", "other.example"]
        self.requests: list[tuple[str, Params]] = []
        self.answers: dict[str, Callable[[Params], Answer | None]] = {}
        self.held: list[Held] = []
        self.bearers: set[str | None] = set()
        """What statistics were asked with."""

    def answer(self, path: str, params: Params) -> Answer:
        """The answer, once there is one."""
        self.requests.append((path, params))
        chosen = self.answers.get(path)
        found = chosen(params) if chosen else (200, self.usual(path, params))
        if found is not None:
            return found
        held = Held(params)
        self.held.append(held)
        held.answered.wait(LONGEST_HOLD_SECONDS)
        return held.answer or (503, {"error": "Held for too long."})

    def usual(self, path: str, params: Params) -> Any:
        match path.removeprefix("/api/"):
            case "auth/status":
                return OWNER
            case "keys" | "links":
                return []
            case "sites":
                return [{"site_id": site} for site in self.sites]
            case "stats/main":
                return LIVE if params["period"] == "realtime" else HEADLINE
            case "stats/overview":
                return overview(int(params["limit"]))
            case _:
                return rows(int(params["limit"]))

    def asked(self, path: str, **some: str) -> list[Params]:
        """The parameters of all requests of a path that have these among them.

        In the order they arrived: two that were under way together may have changed places.
        """
        found = [params for asked, params in self.requests if asked == f"/api/{path}"]
        return [params for params in found if some.items() <= params.items()]

    def release(self) -> None:
        """Let go of what is still held."""
        for held in self.held:
            held.answered.set()


class Handler(SimpleHTTPRequestHandler):
    """The files under the headers that the server sends, and the API."""

    protocol_version = "HTTP/1.1"
    stage: "Stage"

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        if not address.path.startswith("/api/"):
            super().do_GET()
            return
        self.ask(address.path, self.parameters())

    def do_POST(self) -> None:
        self.change()

    def do_PUT(self) -> None:
        self.change()

    def do_DELETE(self) -> None:
        self.change()

    def change(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        given = json.loads(body) if body else self.parameters()
        self.ask(f"{self.command} {urlsplit(self.path).path}", given)

    def parameters(self) -> Params:
        return {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}

    def ask(self, path: str, params: Params) -> None:
        if self.headers.get(CALLER) != self.stage.api.name:
            # The last words of an earlier test's page, which must not be heard in this one.
            self.give(410, b"{}", {})
            return
        if path.startswith("/api/stats/"):
            self.stage.api.bearers.add(self.headers.get("Authorization"))
        status, body, *headers = self.stage.api.answer(path, params)
        self.give(status, json.dumps(body).encode(), headers[0] if headers else {})

    def give(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        # The page may have given up on the request meanwhile, which is its right.
        with suppress(OSError):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def end_headers(self) -> None:
        for name, value in {**ANSWER, **PAGE}.items():
            if name != "cache-control":
                self.send_header(name, value)
        # Files stay the same while the tests run: a browser need not ask for them at each load.
        self.send_header("Cache-Control", "no-store" if self.path.startswith("/api/") else "max-age=3600")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@dataclass
class Stage:
    """A server of the dashboard; `api` is who answers now."""

    api: CannedApi = field(default_factory=CannedApi)
    origin: str = ""


@contextmanager
def staged() -> Iterator[Stage]:
    """A stage while it is needed."""
    if not (DASHBOARD / "vendor").is_dir():
        node = shutil.which("node")
        assert node, "dashboard/vendor is missing and there is no node to make it"
        subprocess.run([node, "dashboard/vendor.mjs"], cwd=ROOT, check=True)
    stage = Stage()
    handler = type("StageHandler", (Handler,), {"stage": stage})
    with QuietServer(("127.0.0.1", 0), partial(handler, directory=str(DASHBOARD))) as server:
        stage.origin = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield stage
        finally:
            stage.api.release()
            server.shutdown()
            thread.join()


def shown(page: Page, name: str) -> Locator:
    """What is marked so for tests."""
    return page.locator(f'[data-test="{name}"]')


def expect_search(page: Page, search: str) -> None:
    """The address ends so."""
    expect(page).to_have_url(re.compile(re.escape(search) + "$"))


def wait_until(page: Page, holds: Callable[[], bool], seconds: float = 30) -> None:
    """Until something outside the page holds, while the page goes on."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come to hold"
        page.wait_for_timeout(10)
