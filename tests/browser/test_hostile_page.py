"""A page of another site, open in a browser on the server's machine, and what it sends, do no harm."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Playwright, expect

from browser.conftest import ARGUMENTS, visitor_user_agent
from support import chromium
from support.server import Server
from support.tracked_site import Site

SENT_ALL_THE_SAME = """async ([origin, path, method, type]) => {
  const asked = { method, mode: type ? "cors" : "no-cors" };
  if (type) Object.assign(asked, { headers: { "Content-Type": type }, body: '{"public": true}' });
  try {
    return (await fetch(origin + path, asked)).type;
  } catch {
    return "refused by the browser";
  }
}"""

ERASE = "/api/gdpr/erase?site_id=example.com&start_date=2026-01-01&end_date=2100-01-01"
SCRIPT = "<script>document.title = 'broken into'</script>"
IMAGE = '"><img src=x onerror="document.title = \'broken into\'">'


@pytest.fixture
def foreign(page: Page, site: Site) -> Page:
    """A page whose site is another one than the server's, which is at 127.0.0.1."""
    site.pages["/"] = "no script of ours"
    page.goto(site.origin.replace("127.0.0.1", "localhost"))
    return page


@pytest.mark.parametrize(
    ("path", "method", "content_type"),
    [
        ("/api/sites/example.com", "PUT", "application/json"),
        ("/api/sites/example.com", "PUT", "text/plain"),
        ("/api/sites/example.com", "POST", "text/plain"),
        (ERASE, "DELETE", "text/plain"),
        (ERASE, "POST", "text/plain"),
        ("/api/stats/main?site_id=example.com", "GET", ""),
    ],
)
def test_foreign_page_cannot_read_or_change_anything(
    foreign: Page, server: Server, path: str, method: str, content_type: str
) -> None:
    before = server.get("/api/sites/example.com")
    told = foreign.evaluate(SENT_ALL_THE_SAME, [server.origin, path, method, content_type])
    assert told == "refused by the browser"
    assert server.get("/api/sites/example.com") == before
    assert before["public"] is False


@pytest.fixture
def rebound(playwright: Playwright) -> Iterator[Page]:
    """A page in a browser for which a name of the other site has come to lead to this machine."""
    rules = "--host-resolver-rules=MAP rebound.example 127.0.0.1"
    browser = playwright.chromium.launch(executable_path=chromium.find(), args=[*ARGUMENTS, rules])
    yield browser.new_page(user_agent=visitor_user_agent(browser))
    browser.close()


ASK = """async ([method, path, body]) => {
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  return [answer.status, Object.keys(await answer.json())];
}"""


def test_rebound_hostname_reads_and_changes_nothing(rebound: Page, tmp_path: Path) -> None:
    password = {"password": "kettle-moss-17"}
    with Server(tmp_path / "data", MALLARD_AUTH="on") as server:
        led_here = f"http://rebound.example:{urlsplit(server.origin).port}"
        rebound.goto(led_here)
        assert rebound.evaluate(ASK, ["POST", "/api/auth/setup", password]) == [403, ["error"]]
        rebound.goto(server.origin)
        assert rebound.evaluate(ASK, ["POST", "/api/auth/setup", password]) == [200, ["token"]]
        assert rebound.evaluate(ASK, ["GET", "/api/sites", None])[0] == 200
        # The same browser: the session's cookie is of the other name.
        rebound.goto(led_here)
        assert rebound.evaluate(ASK, ["GET", "/api/sites", None]) == [401, ["error"]]
        assert rebound.evaluate(ASK, ["PUT", "/api/sites/example.com", {}]) == [401, ["error"]]


@pytest.mark.parametrize("text", [SCRIPT, IMAGE])
def test_markup_in_an_event_is_shown_as_text(page: Page, tmp_path: Path, text: str) -> None:
    with Server(tmp_path / "data") as server:
        tags: dict[str, Any] = {"u": f"https://example.com/{text}?utm_source={text}", "r": f"https://a.example/{text}"}
        assert server.send(**tags) == 202
        assert server.send(n=text) == 202
        page.goto(f"{server.origin}/?site=example.com&period=7d")
        values = page.locator('[data-test="breakdown-pages"] [data-test="value"]')
        expect(values.filter(has_text=text)).to_have_count(1)
        expect(page).not_to_have_title("broken into")
        assert page.evaluate("document.querySelectorAll('[onerror], main script').length") == 0
