"""The whole way: a browser reads a site that embeds the snippet, and the dashboard shows what it did."""

import json
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import duckdb
from playwright.sync_api import Page, Response, expect

from support.server import Server
from support.tracked_site import KEPT

SITE = "shop.example"


@contextmanager
def three_page_site(api: str) -> Iterator[str]:
    """A shop with a home page, an about page and a single-page checkout."""
    snippet = (
        f'<link rel="icon" href="data:,"><script defer {KEPT} data-domain="{SITE}"'
        f' src="{api}/tracking/script.js"></script>'
    )
    pages = {
        "/": '<a id="about" href="/about">About</a>',
        "/about": '<a id="checkout" href="/checkout">Checkout</a>',
        "/checkout": "<button id='pay' onclick=\"history.pushState({}, '', '/thanks');"
        "mallard('purchase', {revenue: 49.99, currency: 'EUR', props: {plan: 'pro'}})\">Pay</button>",
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = pages.get(self.path)
            body = f"<!doctype html><title>{self.path}</title>{snippet}{found}".encode()
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def walk_through(page: Page, site: str) -> None:
    """Home, a link to the about page, a link to the checkout, and paying, which pushes a state and sends an event."""

    def next_event(path: str, name: str = "pageview") -> AbstractContextManager[object]:
        def is_it(answer: Response) -> bool:
            if not answer.url.endswith("/api/event") or answer.status != 202:
                return False
            event = json.loads(answer.request.post_data or "")
            return (event["n"], event["u"]) == (name, site + path)

        return page.expect_response(is_it)

    with next_event("/"):
        page.goto(f"{site}/")
    with next_event("/about"):
        page.click("#about")
    with next_event("/checkout"):
        page.click("#checkout")
    # Two events, which go on two connections: either may be answered first.
    with next_event("/thanks", "pageview"), next_event("/thanks", "purchase"):
        page.click("#pay")


def expect_dashboard(page: Page, origin: str) -> None:
    page.goto(f"{origin}/?site={SITE}&period=7d")
    expect(page.locator('[data-test="unique-visitors"]')).to_have_attribute("data-value", "1")
    expect(page.locator('[data-test="total-pageviews"]')).to_have_attribute("data-value", "4")
    expect(page.locator('[data-test="visits"]')).to_have_attribute("data-value", "1")
    rows = page.locator('[data-test="breakdown-pages"] [data-test="row"]')
    expect(rows).to_have_count(4)
    assert sorted(rows.locator('[data-test="value"]').all_inner_texts()) == ["/", "/about", "/checkout", "/thanks"]
    browsers = page.locator('[data-test="breakdown-browsers"] [data-test="row"] [data-test="value"]')
    expect(browsers.first).to_contain_text("Chrome")


def test_dashboard_shows_a_browser_session_on_a_tracked_site(desktop_page: Page, tmp_path: Path) -> None:
    page = desktop_page
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    with Server(tmp_path / "data", MALLARD_FLUSH_INTERVAL="3600", MALLARD_COUNT_LOCAL="true") as server:
        with three_page_site(server.origin) as site:
            walk_through(page, site)
        expect_dashboard(page, server.origin)
        expect(page.locator('[data-test="live-visitors"]')).to_have_attribute("data-value", "1")
        expect(page.locator('[data-test="live-pageviews"]')).to_have_attribute("data-value", "4")
        # Else the page would ask a server that is away.
        page.goto("about:blank")
        server.stop()
        server.start()
        # The same from the Parquet files as from the queue.
        expect_dashboard(page, server.origin)
    assert problems == []
    assert stored_purchase(tmp_path / "data") == [("/thanks", Decimal("49.99"), "EUR", '{"plan":"pro"}')]


def stored_purchase(data: Path) -> list[tuple[object, ...]]:
    sql = (
        "SELECT pathname, revenue_amount, revenue_currency, props FROM read_parquet(?, hive_partitioning = true)"
        " WHERE event_name = 'purchase'"
    )
    return duckdb.execute(sql, [f"{data}/events/**/*.parquet"]).fetchall()


def test_headless_browser_is_answered_202_and_not_counted(page: Page, tmp_path: Path) -> None:
    with Server(tmp_path / "data", MALLARD_COUNT_LOCAL="true") as server:
        assert server.send(user_agent="Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/126.0.0.0 Safari/537.36") == 202
        assert server.main()["events"] == 0
        page.goto(f"{server.origin}/?site=example.com")
        expect(page.locator('[data-test="install"]')).to_be_visible()
