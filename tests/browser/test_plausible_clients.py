"""Libraries that others wrote for Plausible's Events API, unmodified, against the real server."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from support.peers import npm_modules
from support.server import Server
from support.tracked_site import Site, serving

pytestmark = pytest.mark.heavy

MODULES = npm_modules("plausible")
TRACKER = "@plausible-analytics/tracker/plausible.js"
OLD_TRACKER = "plausible-tracker/build/module"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = {"MALLARD_COUNT_LOCAL": "true", "MALLARD_FILTER_BOTS": "false"}
    with Server(tmp_path_factory.mktemp("server") / "data", **settings) as server:
        yield server


@pytest.fixture
def site(server: Server) -> Iterator[Site]:
    with serving(server.origin) as site:
        yield site


def visit(page: Page, site: Site, module: str, code: str, count: int) -> dict[str, dict[str, Any]]:
    """Runs code over a module as ``all``; the events by name that it sent, none of which was refused."""
    # The library ignores driven browsers without this word.
    allowed = "<script>window.__plausible = true</script>"
    site.pages["/"] = f"{allowed}<script type=module>import * as all from '{module}'; {code}</script>"
    page.goto(f"{site.origin}/")
    events = site.events_in_all(page, count)
    assert site.refused == []
    return {event["n"]: event for event in events}


def counted(server: Server, site_id: str) -> dict[str, int]:
    """The visitors of each event of a site."""
    rows = server.get(f"/api/stats/breakdown/events?site_id={site_id}&period=7d")
    return {row["value"]: row["visitors"] for row in rows}


def test_plausibles_own_tracker(server: Server, site: Site, page: Page) -> None:
    site.scripts["/tracker.js"] = (MODULES / TRACKER).read_text(encoding="utf-8")
    code = (
        "all.init({domain: 'npm.example', endpoint: '/api/event', captureOnLocalhost: true}); "
        "all.track('Shown', {interactive: false}); "
        "all.track('Buy', {props: {plan: 'a'}, revenue: {amount: 12.5, currency: 'EUR'}})"
    )
    events = visit(page, site, "/tracker.js", code, 3)
    assert events["Shown"]["i"] is False
    assert events["Buy"]["$"] == {"amount": 12.5, "currency": "EUR"}
    assert counted(server, "npm.example") == {"pageview": 1, "Shown": 1, "Buy": 1}
    main = server.main("npm.example")
    assert (main["visits"], main["total_pageviews"], main["events"], main["bounce_rate"]) == (1, 1, 3, 0)


def test_event_that_is_not_interactive_keeps_a_bounce(server: Server, site: Site, page: Page) -> None:
    site.scripts["/tracker.js"] = (MODULES / TRACKER).read_text(encoding="utf-8")
    code = (
        "all.init({domain: 'bounce.example', endpoint: '/api/event', captureOnLocalhost: true}); "
        "all.track('Shown', {interactive: false})"
    )
    visit(page, site, "/tracker.js", code, 2)
    main = server.main("bounce.example")
    assert (main["visits"], main["events"], main["bounce_rate"]) == (1, 2, 1)


def test_plausible_tracker(server: Server, site: Site, page: Page) -> None:
    for path, file in {
        "index.js": "index.js",
        "lib/tracker": "lib/tracker.js",
        "lib/request": "lib/request.js",
    }.items():
        site.scripts[f"/old/{path}"] = (MODULES / OLD_TRACKER / file).read_text(encoding="utf-8")
    site.scripts["/old/request"] = site.scripts["/old/lib/request"]
    code = (
        "const own = all.default({domain: 'old.example', apiHost: location.origin, trackLocalhost: true}); "
        "own.trackPageview(); own.trackEvent('Signup', {props: {plan: 'pro'}})"
    )
    events = visit(page, site, "/old/index.js", code, 2)
    assert isinstance(events["Signup"]["p"], str)
    assert counted(server, "old.example") == {"pageview": 1, "Signup": 1}
    rows = server.get(
        "/api/stats/main?site_id=old.example&period=7d&filters="
        + json.dumps([["is", "event:props:plan", ["pro"]]]).replace(" ", "").replace('"', "%22")
    )
    assert rows["events"] == 1


def test_plausible_client_in_node(server: Server) -> None:
    program = (
        "const {Plausible} = require('plausible-client');"
        f"const client = new Plausible({{apiHost: '{server.origin}', domain: 'node.example, node.test'}});"
        "client.trackEvent('Buy', {url: 'https://node.example/a', props: {plan: 'a'}, "
        "revenue: {amount: 9.5, currency: 'USD'}}).then(() => console.log('sent'))"
    )
    ended = subprocess.run(
        ["node", "--eval", program], cwd=MODULES.parent, capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.stdout, ended.stderr) == ("sent\n", "")
    assert counted(server, "node.example") == counted(server, "node.test") == {"Buy": 1}
