"""What the tracker measures while a page is looked at: engaged time, scroll depth and web vitals, and when it tells."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from browser.conftest import ARGUMENTS, visitor_user_agent
from support import chromium
from support.server import Server
from support.tracked_site import TALL, VIEWPORT_PX, Event, Site, bodies, snippet

# Playwright keeps a page visible; the browser's own hiding is in the tests that leave the page.
HIDE = "Object.defineProperty(document, 'visibilityState', {configurable: true, get: () => 'hidden'}); "
SHOW = "delete document.visibilityState; "
CHANGED = "document.dispatchEvent(new Event('visibilitychange', {bubbles: true}))"


def open_counted(page: Page, site: Site, path: str = "/") -> None:
    """Opens a page whose clock goes on only when told, and forgets what it sent by then."""
    page.clock.install(time=0)
    page.goto(site.origin + path)
    site.events(1)
    page.clock.pause_at(60)
    page.evaluate(HIDE + CHANGED)
    site.events(2)
    page.evaluate(SHOW + CHANGED)
    site.recorded.clear()


def scroll_to(page: Page, y_px: int) -> None:
    page.evaluate("y => new Promise(done => { addEventListener('scroll', done, {once: true}); scrollTo(0, y) })", y_px)


def pings(events: list[Event]) -> list[tuple[Any, ...]]:
    return [(event["n"], event.get("sd"), event.get("e")) for event in events]


def wait_until_measured(page: Page, kind: str, key: str = "startTime") -> None:
    """Until the browser, which measures what it paints, has an entry of this kind for all who observe."""
    page.evaluate(
        """([type, key]) => new Promise((done) => {
            const look = (entries) => entries.some((entry) => entry[key]) && done();
            const options = { type, buffered: true, durationThreshold: 16 };
            new PerformanceObserver((list) => look(list.getEntries())).observe(options);
        })""",
        [kind, key],
    )


# Engagement


def test_hidden_page_sends_one_ping_with_depth_and_engaged_time(page: Page, site: Site) -> None:
    site.pages["/"] = snippet("engagement") + TALL
    open_counted(page, site)
    page.clock.run_for(5_000)
    page.evaluate(HIDE + CHANGED)
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")
    assert bodies(site.events_in_all(page, 1)) == [site.wire("engagement", sd=25, e=5_000)]


def test_a_first_ping_is_no_event_to_the_server(page: Page, site: Site, server: Server) -> None:
    site.pages["/"] = snippet("engagement", domain="ping.example").replace(' data-domain="example.com"', "") + TALL
    page.goto(site.origin)
    site.events(1)
    page.wait_for_timeout(50)
    page.goto("about:blank")
    view, ping = site.events_in_all(page, 2)
    assert (view["n"], ping["n"], ping["sd"]) == ("pageview", "engagement", 25)
    assert 40 < ping["e"] < 30_000
    numbers = server.main("ping.example")
    assert (numbers["total_pageviews"], numbers["events"], numbers["bounce_rate"]) == (1, 1, 1.0)


def test_ping_reports_the_deepest_scroll_and_later_pings_only_changes(page: Page, site: Site) -> None:
    site.pages["/"] = snippet("engagement") + TALL
    open_counted(page, site)
    page.clock.run_for(1_000)
    scroll_to(page, VIEWPORT_PX)
    scroll_to(page, 0)
    page.evaluate(HIDE + CHANGED)
    site.events(1)
    page.clock.run_for(60_000)
    page.evaluate(SHOW + CHANGED)
    page.clock.run_for(2_000)
    page.evaluate(HIDE + CHANGED)
    page.evaluate(SHOW + CHANGED + ";" + HIDE + CHANGED)
    assert pings(site.events_in_all(page, 2)) == [("engagement", 50, 1_000), ("engagement", 50, 2_000)]


def test_page_too_short_to_scroll_has_full_scroll_depth(page: Page, site: Site) -> None:
    site.pages["/"] = snippet("engagement") + "<p>short</p>"
    open_counted(page, site)
    page.clock.run_for(10)
    page.evaluate(HIDE + CHANGED)
    assert pings(site.events(1)) == [("engagement", 100, 10)]


def test_page_of_a_router_is_measured_separately(page: Page, site: Site) -> None:
    site.pages["/one"] = snippet("engagement") + TALL
    open_counted(page, site, "/one")
    page.clock.run_for(3_000)
    scroll_to(page, 3 * VIEWPORT_PX)
    page.evaluate("history.pushState(null, '', '/two')")
    site.events(2)
    scroll_to(page, 0)
    page.clock.run_for(500)
    page.evaluate(HIDE + CHANGED)
    expected = [
        site.wire("engagement", "/one", sd=100, e=3_000),
        site.wire("pageview", "/two"),
        site.wire("engagement", "/two", sd=25, e=500),
    ]
    found = bodies(site.events_in_all(page, 3))
    assert sorted(found[:2], key=lambda event: str(event["n"])) == expected[:2]
    assert found[2] == expected[2]


def test_time_without_focus_does_not_count(desktop_page: Page, site: Site) -> None:
    page = desktop_page
    site.pages["/"] = snippet("engagement") + TALL
    open_counted(page, site)
    page.context.new_cdp_session(page).send("Emulation.setFocusEmulationEnabled", {"enabled": False})
    page.bring_to_front()
    page.wait_for_function("document.hasFocus()")
    page.clock.run_for(1_000)
    other = page.context.new_page()
    other.bring_to_front()
    page.wait_for_function("!document.hasFocus()", polling=50)
    page.clock.run_for(7_000)
    page.bring_to_front()
    page.wait_for_function("document.hasFocus()", polling=50)
    page.clock.run_for(2_000)
    page.evaluate(HIDE + CHANGED)
    assert pings(site.events(1)) == [("engagement", 25, 3_000)]


def test_page_never_visible_sends_no_ping(page: Page, site: Site) -> None:
    site.pages["/"] = f"<script>{HIDE}</script>" + snippet("engagement") + TALL
    page.goto(site.origin)
    page.goto("about:blank")
    assert pings(site.events_in_all(page, 1)) == [("pageview", None, None)]


def test_ping_on_navigation_names_the_page_like_its_pageview(page: Page, site: Site) -> None:
    site.pages["/user/joe"] = snippet("engagement", "mask", mask="/user/*") + TALL
    page.goto(f"{site.origin}/user/joe")
    site.events(1)
    page.goto("about:blank")
    view, ping = site.events_in_all(page, 2)
    assert (view["u"], ping["u"]) == (f"{site.origin}/user/*",) * 2


def test_excluded_page_ends_the_engaged_time_of_the_previous_page(page: Page, site: Site) -> None:
    site.pages["/open"] = snippet("engagement", "exclude", exclude="/admin") + TALL
    open_counted(page, site, "/open")
    page.clock.run_for(1_000)
    page.evaluate("history.pushState(null, '', '/admin')")
    page.clock.run_for(4_000)
    page.evaluate(HIDE + CHANGED)
    assert bodies(site.events_in_all(page, 1)) == [site.wire("engagement", "/open", sd=25, e=1_000)]


def test_page_restored_from_the_page_cache_is_measured_again(cached_page: Page, site: Site) -> None:
    site.pages["/list"] = snippet("engagement", "web-vitals") + TALL
    site.pages["/away"] = "<p>elsewhere</p>"
    cached_page.goto(f"{site.origin}/list")
    # A page that still waits for an answer might not be kept.
    site.events_in_all(cached_page, 1)
    cached_page.goto(f"{site.origin}/away")
    left = site.events(3)
    cached_page.wait_for_timeout(1_500)
    began = time.monotonic()
    cached_page.evaluate("history.back()")
    site.events(4)
    cached_page.wait_for_function("location.pathname === '/list'")
    # By the page itself: Playwright's own `goto` may still meet the end of the way back.
    cached_page.evaluate("location.href = 'about:blank'")
    site.events(5)
    since_back_ms = 1_000 * (time.monotonic() - began)
    back = site.events_in_all(cached_page, 5)[3:]
    assert sorted(event["n"] for event in left) == ["engagement", "engagement", "pageview"]
    assert [event["n"] for event in back] == ["pageview", "engagement"]
    # The time in the cache is in no ping.
    assert back[1]["e"] <= since_back_ms + 1


# Web vitals


def test_web_vitals_are_sent_once_when_the_page_is_first_left(page: Page, site: Site) -> None:
    slow = "onclick=\"for (const end = performance.now() + 120; performance.now() < end;); this.textContent = 'done'\""
    site.pages["/"] = snippet("web-vitals") + f'<p id="above"></p><h1>Large</h1><button {slow}>slow</button>'
    page.goto(site.origin)
    site.events(1)
    wait_until_measured(page, "largest-contentful-paint")
    page.evaluate("document.querySelector('#above').style.height = '300px'")
    wait_until_measured(page, "layout-shift")
    page.click("button")
    wait_until_measured(page, "event", "interactionId")
    page.evaluate("history.pushState(null, '', '/two')")
    page.evaluate(HIDE + CHANGED)
    page.goto("about:blank")
    # The view of the second page and the ping go on two connections: either may arrive first.
    (vitals,) = (event for event in bodies(site.events_in_all(page, 3)) if event["n"] == "engagement")
    found = vitals.pop("p")
    assert vitals == site.wire("engagement")
    assert 0 < found["lcp"] < 10_000
    assert isinstance(found["lcp"], int)
    assert 120 <= found["inp"] < 10_000
    assert 0 < found["cls"] < 1
    assert round(found["cls"], 3) == found["cls"]


def test_a_page_without_input_has_no_inp(page: Page, site: Site) -> None:
    site.pages["/"] = snippet("web-vitals") + "<h1>Large</h1>"
    page.goto(site.origin)
    site.events(1)
    wait_until_measured(page, "largest-contentful-paint")
    page.goto("about:blank")
    found = site.events_in_all(page, 2)[1]["p"]
    assert sorted(found) == ["cls", "lcp"]
    assert found["cls"] == 0


def test_page_loaded_in_the_background_has_no_lcp(page: Page, site: Site) -> None:
    site.pages["/"] = f"<script>{HIDE}</script>" + snippet("web-vitals") + "<h1>Large</h1>"
    page.goto(site.origin)
    site.events(1)
    page.goto("about:blank")
    assert site.events_in_all(page, 2)[1]["p"] == {"cls": 0}


# Prerender, by a browser that nothing but the pages steers: under Playwright it prerenders without showing.


@contextmanager
def browsing(browser: Browser, profile: Path, address: str) -> Iterator[None]:
    path = chromium.find(whole=True)
    assert path is not None, chromium.HOW
    command = [path, "--headless=new", *ARGUMENTS, f"--user-data-dir={profile}"]
    # Without this a headless browser ends as soon as its first page is loaded.
    command += ["--remote-debugging-port=0", f"--user-agent={visitor_user_agent(browser)}", address]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def test_prerendered_page_is_counted_only_when_shown(browser: Browser, site: Site, tmp_path: Path) -> None:
    site.pages["/"] = """
        <script type="speculationrules">
            {"prerender": [{"urls": ["/next", "/never"], "eagerness": "immediate"}]}
        </script>
        <script>
            const look = async () => {
                if (!(await (await fetch("/ready")).text()).includes("yes")) return setTimeout(look, 100);
                const body = JSON.stringify({d: "example.com", n: "leaving", u: "/"});
                await fetch("/api/event", {method: "POST", body});
                location.href = "/next";
            };
            look();
        </script>"""
    tag = snippet("engagement", "hash", "web-vitals").replace("defer ", "")
    site.pages["/next"] = tag + "<script>document.prerendering && mallard('waited'); fetch('/files/next')</script>"
    site.pages["/never"] = tag + "<script>fetch('/files/never')</script>"
    site.pages["/ready"] = "no"
    with browsing(browser, tmp_path / "profile", site.origin):
        # Both have run out of sight before one of them is gone to.
        site.wait_for("/files/next", "/files/never")
        site.pages["/ready"] = "yes"
        events = site.events(3)
    assert events[0]["n"] == "leaving"
    assert sorted(event["n"] + event["u"] for event in events[1:]) == [
        f"pageview{site.origin}/next",
        f"waited{site.origin}/next",
    ]


@pytest.mark.parametrize("parts", [(), ("engagement", "web-vitals")])
def test_tracker_measurements_are_not_stored_on_the_device(page: Page, site: Site, parts: tuple[str, ...]) -> None:
    site.pages["/"] = snippet(*parts) + TALL
    page.goto(site.origin)
    site.events(1)
    page.evaluate(HIDE + CHANGED)
    assert page.evaluate("[document.cookie, localStorage.length, sessionStorage.length]") == ["", 0, 0]
