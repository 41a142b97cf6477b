"""One stage for all tests of the dashboard, and in them a page that has to be quiet."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

from support.dashboard import CALLER, CannedApi, Stage, staged
from support.server import Server
from support.shop import open_shop

# What a browser says about any answer of 4xx and 5xx, whatever the page does with it.
STATUS_NOTE = "Failed to load resource: the server responded with a status of"


@pytest.fixture(scope="package")
def stage() -> Iterator[Stage]:
    with staged() as stage:
        yield stage


@contextmanager
def settings(browser: Browser, origin: str) -> Iterator[BrowserContext]:
    """A browser's settings and cache of their own."""
    context = browser.new_context(base_url=origin, locale="en-US", viewport={"width": 1280, "height": 900})
    context.set_default_timeout(30_000)
    try:
        yield context
    finally:
        context.close()


@pytest.fixture(scope="package")
def context(browser: Browser, stage: Stage) -> Iterator[BrowserContext]:
    """Shared, so that each module of the page is fetched and compiled once."""
    with settings(browser, stage.origin) as context:
        yield context


@contextmanager
def quiet_page(context: BrowserContext, origin: str, api: CannedApi | None = None) -> Iterator[Page]:
    """A page at `origin`, which `api` answers; at its end it must have been quiet and kept to its own host."""
    page = context.new_page()
    if api:
        page.set_extra_http_headers({CALLER: api.name})
    problems: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(STATUS_NOTE):
            problems.append(message.text)

    def watch(request: Request) -> None:
        if not request.url.startswith(origin):
            problems.append(f"asked {request.url}")

    page.on("console", note)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", watch)
    yield page
    page.close()
    assert problems == []


@pytest.fixture
def api(stage: Stage) -> Iterator[CannedApi]:
    stage.api = CannedApi()
    yield stage.api
    stage.api.release()


@pytest.fixture
def page(context: BrowserContext, stage: Stage, api: CannedApi) -> Iterator[Page]:
    with quiet_page(context, stage.origin, api) as page:
        yield page


@pytest.fixture
def clocked_page(browser: Browser, stage: Stage, api: CannedApi) -> Iterator[Page]:
    """A page whose clock is the test's; a clock belongs to all pages of its settings."""
    with settings(browser, stage.origin) as context, quiet_page(context, stage.origin, api) as page:
        page.clock.install()
        yield page


@pytest.fixture(scope="package")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real server with two days of a shop."""
    with open_shop(tmp_path_factory.mktemp("shop")) as server:
        yield server


@pytest.fixture(scope="package")
def shop_settings(browser: Browser, shop: Server) -> Iterator[BrowserContext]:
    with settings(browser, shop.origin) as context:
        yield context


@pytest.fixture
def shop_page(shop_settings: BrowserContext, shop: Server) -> Iterator[Page]:
    """A page of the real server."""
    with quiet_page(shop_settings, shop.origin) as page:
        yield page
