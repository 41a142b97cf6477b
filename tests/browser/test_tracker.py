"""The tracking script in a real browser, on a small site whose requests a real server answers."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, Route

from support.tracked_site import KEPT, LONGEST_HOLD_SECONDS, PATIENCE_SECONDS, SNIPPET, STRICT_POLICY, Event, Site

TRACKER = Path(__file__).parents[2] / "tracker"
BUILT = TRACKER / "dist" / "script.js"

STUB = (
    "window.mallard=window.mallard||function(n,o){var m=window.mallard,c=o&&o.callback,"
    "d=function(){var f=c;c=0;f&&f()};"
    "(m.q=m.q||[]).push([n,c?Object.assign({},o,{callback:d}):o]);c&&setTimeout(d,3e3)}"
)


def open_counted(page: Page, site: Site, path: str = "/") -> None:
    """Opens a page and forgets the page view of its load."""
    page.goto(site.origin + path)
    site.events(1)
    site.recorded.clear()


def call(page: Page, name: str, options: str = "") -> None:
    """Sends a custom event and waits for its callback."""
    page.evaluate(f"window.called = 0; mallard('{name}', {{callback: () => called++, {options}}})")
    page.wait_for_function("window.called > 0", timeout=PATIENCE_SECONDS * 1000)


def names(events: list[Event]) -> list[str]:
    return [event["n"] for event in events]


def paths(events: list[Event]) -> list[str]:
    return [event["u"].removeprefix("http://127.0.0.1:").partition("/")[2] for event in events]


# The page view


def test_page_load_sends_one_pageview_with_exactly_the_wire_keys(page: Page, site: Site) -> None:
    page.goto(f"{site.origin}/start?utm_source=news#part")
    (event,) = site.events_in_all(page, 1)
    assert 0 < len(event.pop("i")) <= 64
    assert event == {
        "d": "example.com",
        "n": "pageview",
        "u": f"{site.origin}/start?utm_source=news#part",
        "r": None,
        "w": page.evaluate("innerWidth"),
    }


def test_a_page_view_names_the_referrer_of_its_document(page: Page, site: Site) -> None:
    site.pages["/from"] = '<a href="/to">on</a>'
    page.goto(f"{site.origin}/from")
    page.click("a")
    page.wait_for_url("**/to")
    page.evaluate("history.pushState(null, '', '/further')")
    assert [event["r"] for event in site.events(2)] == [f"{site.origin}/from"] * 2


def test_tracker_uses_the_hostname_without_data_domain(page: Page, site: Site) -> None:
    site.pages["/"] = f'<script defer {KEPT} src="/tracking/script.js"></script>'
    page.goto(site.origin)
    assert site.events(1)[0]["d"] == "127.0.0.1"


def test_events_go_to_the_origin_of_the_script_without_preflight(page: Page, site: Site, api: Site) -> None:
    site.pages["/"] = f'<script defer {KEPT} data-domain="example.com" src="{api.origin}/tracking/script.js"></script>'
    page.goto(site.origin)
    page.evaluate("mallard('signup', {props: {plan: 'pro'}})")
    api.events_in_all(page, 2)
    assert [(request.method, request.path) for request in api.recorded] == [("POST", "/api/event")] * 2
    assert api.recorded[0].headers["content-type"] == "text/plain;charset=UTF-8"
    assert api.recorded[0].headers["origin"] == site.origin
    assert not site.recorded


def test_data_api_names_another_address(page: Page, site: Site, api: Site) -> None:
    site.pages["/"] = SNIPPET.replace("src=", f'data-api="{api.origin}/proxy/event" src=')
    page.goto(site.origin)
    api.events(1)
    assert api.recorded[0].path == "/proxy/event"


def test_cookies_of_the_origin_are_not_sent(page: Page, site: Site) -> None:
    page.context.add_cookies([{"name": "login", "value": "secret", "url": site.origin}])
    page.goto(site.origin)
    site.events(1)
    assert "cookie" not in site.recorded[0].headers


def test_long_page_url_is_truncated_to_the_server_limit(page: Page, site: Site) -> None:
    page.goto(f"{site.origin}/long?q={'x' * 3000}")
    (event,) = site.events(1)
    assert len(event["u"]) == 2000
    assert event["u"].startswith(f"{site.origin}/long?q=xxx")


def test_a_page_on_plain_http_counts_with_an_id(page: Page) -> None:
    posted: list[Event] = []

    def answer(route: Route) -> None:
        request = route.request
        if request.method == "POST":
            posted.append(json.loads(request.post_data or ""))
            route.fulfill(status=202)
        elif request.url.endswith(".js"):
            route.fulfill(content_type="text/javascript", path=BUILT)
        else:
            route.fulfill(content_type="text/html", body=SNIPPET)

    page.route("**/*", answer)
    page.goto("http://plain.example/")
    assert page.evaluate("[isSecureContext, typeof crypto.randomUUID]") == [False, "undefined"]
    call(page, "signup")
    assert names(posted) == ["pageview", "signup"]
    assert len({event["i"] for event in posted}) == 2


# Navigation within the page


@pytest.mark.parametrize("target", ["/other", "/?page=2"])
def test_push_state_to_another_page_is_a_page_view(page: Page, site: Site, target: str) -> None:
    open_counted(page, site)
    page.evaluate("target => history.pushState({kept: 1}, '', target)", target)
    (event,) = site.events_in_all(page, 1)
    assert (event["n"], event["u"]) == ("pageview", site.origin + target)
    assert page.evaluate("history.state") == {"kept": 1}


def test_push_state_to_the_same_page_sends_no_pageview(page: Page, site: Site) -> None:
    open_counted(page, site, "/list?page=1")
    page.evaluate("history.pushState(null, '', '/list?page=1')")
    page.evaluate("history.pushState(null, '')")
    site.events_in_all(page, 0)


def test_replace_state_to_another_path_is_a_page_view(page: Page, site: Site) -> None:
    open_counted(page, site)
    page.evaluate("history.replaceState(null, '', '/other')")
    assert paths(site.events_in_all(page, 1)) == ["other"]


def test_replace_state_of_the_query_sends_no_pageview(page: Page, site: Site) -> None:
    open_counted(page, site, "/list")
    page.evaluate("history.replaceState(null, '', '/list?filter=new')")
    page.evaluate("location.hash = 'rows'")
    site.events_in_all(page, 0)


def test_hash_change_sends_no_pageview(page: Page, site: Site) -> None:
    open_counted(page, site)
    page.evaluate("location.hash = 'part'")
    page.evaluate("history.pushState(null, '', '#other')")
    page.evaluate("history.back()")
    page.wait_for_url("**#part")
    site.events_in_all(page, 0)


def test_back_and_forward_are_page_views(page: Page, site: Site) -> None:
    open_counted(page, site, "/one")
    page.evaluate("history.pushState(null, '', '/two')")
    site.events(1)
    page.go_back()
    site.events(2)
    page.go_forward()
    assert paths(site.events_in_all(page, 3)) == ["two", "one", "two"]


def test_push_state_error_reaches_the_page_and_sends_no_pageview(page: Page, site: Site) -> None:
    open_counted(page, site)
    attempt = "try { history.pushState(() => 1, '', '/other') } catch (error) { error.name }"
    assert page.evaluate(attempt) == "DataCloneError"
    site.events_in_all(page, 0)


# Custom events


def test_custom_event_sends_props_and_revenue_and_calls_back(page: Page, site: Site) -> None:
    open_counted(page, site)
    call(page, "purchase", "props: {product: 'annual', seats: 3}, revenue: 49.99, currency: 'USD'")
    (event,) = site.events(1)
    assert event.pop("i")
    assert event == {
        "d": "example.com",
        "n": "purchase",
        "u": f"{site.origin}/",
        "r": None,
        "w": page.evaluate("innerWidth"),
        "p": {"product": "annual", "seats": 3},
        "ra": 49.99,
        "rc": "USD",
    }


def test_a_custom_event_needs_no_options(page: Page, site: Site) -> None:
    open_counted(page, site)
    assert page.evaluate("[mallard('a'), mallard('b', undefined), mallard('c', null), mallard('d', {})]") == [None] * 4
    assert [set(event) for event in site.events(4)] == [{"d", "n", "u", "r", "w", "i"}] * 4


def test_calls_queued_by_the_stub_are_sent_in_order_after_the_page_view(page: Page, site: Site) -> None:
    calls = "mallard('first', {props: {a: 1}}); mallard('second'); const early = window.mallard;"
    site.pages["/"] = f"<script>{STUB}; {calls}</script>{SNIPPET}<script>mallard('third')</script>"
    sent: list[str] = []
    page.on("request", lambda request: sent.append(event_name(request)) if request.method == "POST" else None)
    page.goto(site.origin)
    site.events(4)
    page.evaluate("early('by a kept reference')")
    events = site.events_in_all(page, 5)
    assert sent == ["pageview", "first", "second", "third", "by a kept reference"]
    assert [event["p"] for event in events if event["n"] == "first"] == [{"a": 1}]


def event_name(request: Request) -> str:
    return str(json.loads(request.post_data or "")["n"])


def test_events_right_before_a_navigation_are_sent(page: Page, site: Site, api: Site) -> None:
    # More than a browser's six connections to one host, all of them busy: some have not left when the page goes.
    clicks = 9
    site.pages["/"] = (
        SNIPPET.replace("src=", f'data-api="{api.origin}/api/event" src=')
        + f'<a href="/away" onclick="for (let i = 0; i < {clicks}; i++) mallard(`click`)">away</a>'
    )
    site.pages["/away"] = "<p>elsewhere</p>"
    page.goto(site.origin)
    api.events(1)
    api.answering.clear()
    page.click("a")
    page.wait_for_url("**/away")
    api.answering.set()
    assert names(api.events(1 + clicks)) == ["pageview", *["click"] * clicks]


def test_circular_properties_neither_throw_nor_lose_the_callback(page: Page, site: Site, complaints: list[str]) -> None:
    open_counted(page, site)
    page.evaluate("window.circular = {}; circular.self = circular; 0")
    call(page, "broken", "props: circular")
    call(page, "sound")
    assert names(site.events_in_all(page, 1)) == ["sound"]
    assert complaints == []


# Answers


def test_a_busy_answer_is_retried_once_with_the_same_id(page: Page, site: Site) -> None:
    open_counted(page, site)
    site.answers = [503]
    began = time.monotonic()
    call(page, "signup")
    assert time.monotonic() - began > 0.9
    first, second = site.events(2)
    assert first == second


def test_a_second_busy_answer_is_final(page: Page, site: Site) -> None:
    open_counted(page, site)
    site.answers = [503, 503]
    page.evaluate("window.calls = 0; mallard('signup', {callback: () => calls++})")
    site.events(2)
    page.wait_for_function("calls > 0")
    site.events_in_all(page, 2, quiet_seconds=1.3)
    assert page.evaluate("calls") == 1


def test_a_network_failure_is_retried_once_with_the_same_id(page: Page, site: Site) -> None:
    open_counted(page, site)
    lost: list[Event] = []

    def lose(route: Route) -> None:
        lost.append(json.loads(route.request.post_data or ""))
        route.abort()

    page.route("**/api/event", lose, times=1)
    call(page, "signup")
    assert site.events(1) == lost


def test_any_other_refusal_is_final_and_calls_back(page: Page, site: Site) -> None:
    open_counted(page, site)
    site.answers = [400, 403, 413, 422, 429, 500]
    for _ in range(6):
        call(page, "signup")
    site.events_in_all(page, 6, quiet_seconds=1.3)


def test_blocked_request_calls_back_without_an_error_in_the_page(page: Page, site: Site) -> None:
    open_counted(page, site)
    page.evaluate("window.heard = []; onerror = onunhandledrejection = event => heard.push(`${event}`); 0")
    page.route("**/api/event", lambda route: route.abort())
    call(page, "signup")
    assert page.evaluate("heard") == []
    site.events(0)


def test_callback_waits_at_most_three_seconds_for_the_server(page: Page, site: Site) -> None:
    open_counted(page, site)
    site.answering.clear()
    began = time.monotonic()
    call(page, "signup")
    assert 2.5 < time.monotonic() - began < LONGEST_HOLD_SECONDS
    site.answering.set()
    site.events_in_all(page, 1)
    assert page.evaluate("called") == 1


# The page around it


def test_tracker_stores_nothing_on_the_device(page: Page, site: Site) -> None:
    open_counted(page, site)
    call(page, "signup", "props: {plan: 'pro'}")
    site.events(1)
    stored = """(async () => [
        document.cookie, localStorage.length, sessionStorage.length,
        (await indexedDB.databases()).length, (await caches.keys()).length,
        (await navigator.serviceWorker.getRegistrations()).length,
    ])()"""
    assert page.evaluate(stored) == ["", 0, 0, 0, 0, 0]
    assert page.context.cookies() == []


def test_tracker_works_under_a_strict_content_security_policy(page: Page, site: Site, complaints: list[str]) -> None:
    site.policy = STRICT_POLICY
    site.scripts["/stub.js"] = f"{STUB}; mallard('early')"
    site.pages["/"] = f'<script src="/stub.js"></script>{SNIPPET}'
    page.goto(site.origin)
    assert sorted(names(site.events(2))) == ["early", "pageview"]
    assert complaints == []


def test_tracker_counts_once_when_loaded_twice(page: Page, site: Site, complaints: list[str]) -> None:
    site.pages["/"] = f"<script>{STUB}; mallard('early')</script>{SNIPPET}{SNIPPET}"
    page.goto(site.origin)
    site.events_in_all(page, 2)
    page.evaluate("history.pushState(null, '', '/other')")
    page.evaluate("mallard('late')")
    assert sorted(names(site.events_in_all(page, 4))) == ["early", "late", "pageview", "pageview"]
    assert complaints == []


def test_tracker_works_when_inserted_by_a_script(page: Page, site: Site) -> None:
    site.pages["/"] = "<p>no script yet</p>"
    page.goto(site.origin)
    page.evaluate(
        """() => {
            const script = document.createElement('script');
            Object.assign(script.dataset, {domain: 'example.com', local: '', automation: ''});
            script.src = '/tracking/script.js';
            document.head.append(script);
        }"""
    )
    assert site.events(1)[0]["d"] == "example.com"


def test_a_return_from_the_page_cache_is_a_page_view(cached_page: Page, site: Site) -> None:
    site.pages["/away"] = "<p>elsewhere</p>"
    cached_page.goto(f"{site.origin}/list")
    # A page that still waits for an answer might not be kept.
    site.events_in_all(cached_page, 1)
    site.recorded.clear()
    cached_page.evaluate("window.kept = true")
    cached_page.goto(f"{site.origin}/away")
    cached_page.evaluate("history.back()")
    assert paths(site.events(1)) == ["list"]
    # Not `evaluate`: the browser may still be on its way back when the event is already here.
    cached_page.wait_for_function("window.kept")


def prerendered(page: Page, site: Site) -> Callable[[], None]:
    """Opens a page that believes it is prerendered, and returns what shows it."""
    page.add_init_script(
        "Object.defineProperty(document, 'prerendering', {configurable: true, get: () => !window.shown})"
    )
    page.goto(site.origin)
    return lambda: page.evaluate("window.shown = true; document.dispatchEvent(new Event('prerenderingchange'))")


def test_prerendered_page_is_counted_when_shown(page: Page, site: Site) -> None:
    show = prerendered(page, site)
    page.evaluate("mallard('early')")
    site.events_in_all(page, 0)
    show()
    assert sorted(names(site.events_in_all(page, 2))) == ["early", "pageview"]


# The document


def test_documented_stub_equals_the_tested_one() -> None:
    assert f"<script>{STUB}</script>" in (TRACKER / "README.md").read_text(encoding="utf-8")
