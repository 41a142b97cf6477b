"""A headless Chromium for every browser test, and a page in it that looks like a visitor's."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, expect, sync_playwright

from support import chromium
from support.server import Server
from support.tracked_site import Site, serving

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# A machine under load may stand still for seconds; only a test that fails waits for so long.
expect.set_options(timeout=30_000)


def visitor_user_agent(browser: Browser) -> str:
    """What a desktop Chrome of this version says; the headless default is a bot to the server's filter."""
    major = browser.version.split(".")[0]
    return f"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.0.0 Safari/537.36"


# For this folder, not the session: while Playwright is open its event loop counts as the thread's running one,
# and every later test that calls asyncio.run() would fail.
@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@contextmanager
def launched(playwright: Playwright, without: Sequence[str] = (), *, whole: bool = False) -> Iterator[Browser]:
    """A browser, `without` some of the arguments that Playwright gives it by itself; `whole` is no mere shell."""
    path = chromium.find(whole=whole)
    if path is None:
        pytest.fail(chromium.HOW)
    browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS, ignore_default_args=without)
    try:
        yield browser
    finally:
        browser.close()


@contextmanager
def visiting(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(user_agent=visitor_user_agent(browser))
    try:
        yield context.new_page()
    finally:
        context.close()


@pytest.fixture(scope="package")
def browser(playwright: Playwright) -> Iterator[Browser]:
    with launched(playwright) as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with visiting(browser) as page:
        yield page


@pytest.fixture
def cached_page(playwright: Playwright) -> Iterator[Page]:
    """A page that going back restores from memory; Playwright's own `go_back` does not notice that and waits."""
    without = ["--disable-back-forward-cache"]
    with launched(playwright, without, whole=True) as browser, visiting(browser) as page:
        yield page


@pytest.fixture
def desktop_page(playwright: Playwright) -> Iterator[Page]:
    """A page in a window that can lose the focus, and whose client hints are a Chrome's."""
    with launched(playwright, whole=True) as browser, visiting(browser) as page:
        yield page


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real server, which gives the tracker's scripts and takes its events."""
    with Server(tmp_path_factory.mktemp("server") / "data", MALLARD_COUNT_LOCAL="true") as server:
        yield server


@pytest.fixture
def site(server: Server) -> Iterator[Site]:
    with serving(server.origin) as site:
        yield site


@pytest.fixture
def api(server: Server) -> Iterator[Site]:
    """A second origin, as that of a hosted instance is to the sites it counts."""
    with serving(server.origin) as api:
        yield api


@pytest.fixture
def complaints(page: Page) -> list[str]:
    """Errors that the page threw or the browser reported."""
    heard: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error":
            heard.append(message.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: heard.append(str(error)))
    return heard
