"""Pages around the tracker: redirects at load, silence, own traffic, routers, tracing, inlined text, many events."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route

from browser.test_tracker import BUILT, STUB
from mallard.api.static_files import Scripts
from support.server import Server
from support.tracked_site import KEPT, SNIPPET, Event, Site, bodies, snippet

HALF_AN_HOUR_MS = 30 * 60 * 1000
TRACING = """
    const plain = window.fetch;
    window.fetch = (to, options) => plain(to, {...options, headers: {traceparent: '00-1', baggage: 'a=b'}});
"""
ROUTER = "navigation.addEventListener('navigate', (event) => event.canIntercept && event.intercept());"


def sent(page: Page, site: Site, count: int) -> list[tuple[str, str, str | None]]:
    """Name, path and referrer's path of what was sent, and no further request follows."""
    events = site.events_in_all(page, count)
    return [(event["n"], event["u"].removeprefix(site.origin), event["r"]) for event in events]


# A source is of one visit


def open_from_elsewhere(page: Page, site: Site, api: Site, *parts: str) -> None:
    """A page that was reached by a link of another origin, under a clock that the test moves."""
    site.pages["/"] = snippet(*parts)
    api.pages["/"] = f'<meta name="referrer" content="unsafe-url"><a href="{site.origin}/">on</a>'
    page.clock.install(time=0)
    page.goto(api.origin)
    page.click("a")
    assert site.events(1)[0]["r"] == f"{api.origin}/"


def test_referrer_is_the_site_after_half_an_hour_without_events(page: Page, site: Site, api: Site) -> None:
    open_from_elsewhere(page, site, api)
    page.clock.fast_forward(HALF_AN_HOUR_MS - 60_000)
    page.evaluate("mallard('still there')")
    page.clock.fast_forward(HALF_AN_HOUR_MS - 60_000)
    page.evaluate("history.pushState(null, '', '/two')")
    assert [event["r"] for event in site.events(3)] == [f"{api.origin}/"] * 3
    page.clock.fast_forward(HALF_AN_HOUR_MS + 60_000)
    page.evaluate("history.pushState(null, '', '/three')")
    page.evaluate("mallard('later')")
    assert [event["r"] for event in site.events_in_all(page, 5)[3:]] == [site.origin] * 2


def test_ping_does_not_extend_the_visit_timeout(page: Page, site: Site, api: Site) -> None:
    open_from_elsewhere(page, site, api, "engagement")
    for _ in range(2):
        page.clock.fast_forward(HALF_AN_HOUR_MS - 60_000)
        page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide')); mallard('engagement', {wire: {e: 1}})")
    page.evaluate("mallard('later')")
    assert [event["r"] for event in site.events_in_all(page, 5) if event["n"] == "later"] == [site.origin]


# Redirects within the page


@pytest.mark.parametrize(("parts", "path"), [((), "/about/"), (("hash",), "/about#/login")])
def test_path_replaced_at_load_is_one_pageview(page: Page, site: Site, parts: tuple[str, ...], path: str) -> None:
    site.scripts["/app.js"] = f"history.replaceState(1, ''); history.replaceState(1, '', '{path}')"
    site.pages["/about"] = snippet(*parts) + '<script defer src="/app.js"></script>'
    page.goto(f"{site.origin}/about")
    assert sent(page, site, 1) == [("pageview", "/about", None)]
    page.evaluate("history.pushState(null, '', '/next')")
    assert sent(page, site, 2)[1] == ("pageview", "/next", None)


def test_pageview_of_a_page_left_at_once_is_sent(page: Page, site: Site) -> None:
    site.pages["/"] = SNIPPET + '<script defer src="/leave.js"></script>'
    site.scripts["/leave.js"] = "location.href = '/away'"
    site.pages["/away"] = "<p>elsewhere</p>"
    page.goto(site.origin)
    page.wait_for_url("**/away")
    assert sent(page, site, 1) == [("pageview", "/", None)]


# Routers


def test_routes_of_the_navigation_api_are_page_views(page: Page, site: Site) -> None:
    site.pages["/"] = f"<script>{ROUTER}</script>{SNIPPET}"
    page.goto(site.origin)
    site.events(1)
    page.evaluate("navigation.navigate('/two').finished.then(() => 0)")
    page.evaluate("navigation.navigate('/two?filter=1', {history: 'replace'}).finished.then(() => 0)")
    page.evaluate("navigation.navigate('/two?page=2').finished.then(() => 0)")
    page.evaluate("navigation.navigate('/three', {history: 'replace'}).finished.then(() => 0)")
    page.evaluate("navigation.back().finished.then(() => 0)")
    paths = [path for _, path, _ in sent(page, site, 5)]
    assert paths == ["/", "/two", "/two?page=2", "/three", "/two?filter=1"]


def test_routes_count_without_the_navigation_api(page: Page, site: Site) -> None:
    page.add_init_script("Object.defineProperty(window, 'navigation', {value: undefined})")
    page.goto(site.origin)
    site.events(1)
    page.evaluate("history.pushState(null, '', '/two')")
    site.events(2)
    page.evaluate("history.replaceState(null, '', '/two?filter=1')")
    page.wait_for_timeout(600)
    page.evaluate("history.back()")
    assert [path for _, path, _ in sent(page, site, 3)] == ["/", "/two", "/"]


# The site's own traffic


@pytest.fixture
def visit(page: Page) -> Callable[[str, str], list[str]]:
    """Opens an address, whatever it leads to, with attributes of the tag, and returns what the script sent."""
    posted: list[str] = []
    attributes = ""

    def answer(route: Route) -> None:
        if route.request.method == "POST":
            posted.append(json.loads(route.request.post_data or "")["n"])
            route.fulfill(status=202)
        elif route.request.url.endswith(".js"):
            route.fulfill(content_type="text/javascript", path=BUILT)
        else:
            body = f'<script src="/script.js" data-domain="example.com" {attributes}></script>'
            route.fulfill(content_type="text/html", body=body)

    page.route("**/*", answer)

    def opened(address: str, given: str) -> list[str]:
        nonlocal attributes
        posted.clear()
        attributes = given
        page.goto(address)
        page.evaluate("new Promise(callback => mallard('event', {callback}))")
        return list(posted)

    return opened


ALL = ["pageview", "event"]


def test_local_hosts_send_no_events_by_default(visit: Callable[[str, str], list[str]]) -> None:
    local = ("localhost", "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.4", "[::1]", "[fd00::1]", "intranet")
    for host in local:
        assert visit(f"http://{host}/", "data-automation") == [], host
    for host in ("example.com", "10.example.com", "xn--bcher-kva.example"):
        assert visit(f"http://{host}/", "data-automation") == ALL, host
    assert visit("http://localhost/", "data-automation data-local") == ALL


def test_automated_browser_sends_no_events_by_default(visit: Callable[[str, str], list[str]]) -> None:
    assert visit("http://example.com/", "") == []
    assert visit("http://example.com/", "data-local") == []
    assert visit("http://example.com/", "data-automation") == ALL


def test_page_opened_from_a_file_sends_no_events_by_default(page: Page, tmp_path: Path, complaints: list[str]) -> None:
    posted: list[str] = []

    def answer(route: Route) -> None:
        posted.append(json.loads(route.request.post_data or "")["n"])
        route.fulfill(status=202, headers={"Access-Control-Allow-Origin": "*"})

    page.route("https://mallard.example/**", answer)
    (tmp_path / "script.js").write_bytes(BUILT.read_bytes())
    for kept in ("", "data-local"):
        tag = f'<script src="script.js" data-automation {kept} data-api="https://mallard.example/api/event"></script>'
        (tmp_path / "page.html").write_text(tag)
        page.goto(f"file://{tmp_path}/page.html")
        page.evaluate("new Promise(callback => mallard('event', {callback}))")
        assert posted == (ALL if kept else [])
    assert complaints == []


# What else is on the page


def test_headers_of_a_tracing_library_do_not_stop_events(page: Page, site: Site, server: Server) -> None:
    tag = f'<script defer {KEPT} data-domain="traced.example" src="{server.origin}/tracking/script.js"></script>'
    site.pages["/"] = f"<script>{TRACING}</script>{tag}"
    with page.expect_response(lambda answer: answer.url.endswith("/api/event")) as found:
        page.goto(site.origin)
    assert found.value.status == 202
    assert found.value.request.headers["traceparent"] == "00-1"


@pytest.mark.parametrize("parts", [(), ("outbound",)])
def test_inlined_text_sends_to_the_pages_own_origin(
    page: Page, site: Site, complaints: list[str], parts: tuple[str, ...]
) -> None:
    text = Scripts(BUILT.parent).text(".".join(("script", *parts, "js")))
    site.pages["/"] = f'<script data-domain="example.com" {KEPT}>{text}</script>'
    site.pages["/two"] = "<p>no tag: the text runs on its own</p>"
    page.goto(site.origin)
    site.events(1)
    page.goto(f"{site.origin}/two")
    page.evaluate(f"Object.assign(document.head.dataset, {{local: '', automation: ''}}); {text}")
    events = bodies(site.events_in_all(page, 2))
    assert events == [site.wire("pageview"), site.wire("pageview", "/two", d="127.0.0.1")]
    assert complaints == []


@pytest.mark.parametrize("broken", ["window.mallard = {q: {map: 1}}", "document.head.remove()"])
def test_tracker_start_failure_does_not_throw_into_the_page(
    page: Page, site: Site, complaints: list[str], broken: str
) -> None:
    site.pages["/"] = "<p>no script yet</p>"
    page.goto(site.origin)
    page.evaluate(f"{broken}; {BUILT.read_text()}")
    assert complaints == []


def test_events_over_the_browsers_keepalive_limit_all_arrive(page: Page, site: Site) -> None:
    page.goto(site.origin)
    site.events(1)
    page.evaluate("for (let i = 0; i < 60; i++) mallard('e' + i, {props: {text: 'x'.repeat(3000)}})")
    events = site.events_in_all(page, 61, quiet_seconds=1.5)
    assert {event["n"] for event in events} == {"pageview", *(f"e{number}" for number in range(60))}


# Callbacks where the script is not


LINK = (
    '<a href="/next" onclick="mallard(\'Buy\', {callback: () => (location.href = this.href)});'
    ' event.preventDefault()">buy</a>'
)


def test_stub_follows_a_waiting_link_when_the_script_is_blocked(page: Page, site: Site) -> None:
    site.pages["/"] = f"<script>{STUB}</script>{SNIPPET}{LINK}"
    page.route("**/script.js", lambda route: route.abort())
    # The page stays, for its clock must be stopped in it.
    page.route("**/next", lambda route: route.abort())
    page.clock.install(time=0)
    page.goto(site.origin)
    page.click("a")
    page.clock.run_for(2_900)
    assert page.evaluate("location.pathname") == "/"
    with page.expect_request("**/next"):
        page.clock.run_for(200)


@pytest.mark.parametrize("module", [False, True])
def test_callback_of_a_queued_call_is_called_once(page: Page, site: Site, module: bool) -> None:
    asked = "window.calls = 0; window.options = {callback: () => calls++}; "
    if module:
        site.scripts["/app.js"] = (
            f"{asked} import {{init, track}} from '/tracking/mallard.mjs'; window.init = init; track('early', options);"
        )
        site.pages["/"] = '<script type="module" src="/app.js"></script>'
    else:
        site.pages["/"] = f"<script>{STUB}; {asked} mallard('early', options)</script>"
    page.clock.install(time=0)
    page.goto(site.origin)
    page.clock.run_for(3_100)
    assert page.evaluate("calls") == 1
    if module:
        page.evaluate("init({local: true, automation: true})")
    else:
        page.evaluate(f"Object.assign(document.head.dataset, {{local: '', automation: ''}}); {BUILT.read_text()}")
    site.events_in_all(page, 2)
    # The same object once more: the stub has not changed it.
    page.evaluate("mallard('late', options)")
    page.wait_for_function("calls == 2")
    site.events_in_all(page, 3)
    page.clock.run_for(4_000)
    assert page.evaluate("calls") == 2


# Clicks that composed paths lead to


IN_SHADOW = """(html) => {
    const root = document.querySelector('section').attachShadow({mode: 'open'});
    root.innerHTML = html;
    // Nothing leaves the page.
    root.addEventListener('submit', (event) => event.preventDefault());
    addEventListener('click', (event) => {
        if (event.composedPath().some((node) => node.matches?.(':any-link'))) event.preventDefault();
    });
}"""


def clicks(
    page: Page, site: Site, markup: str, parts: tuple[str, ...], selectors: tuple[str, ...], count: int
) -> list[Event]:
    """What clicks on these send, with the markup in an open shadow root."""
    site.pages["/"] = snippet(*parts) + "<section></section>"
    page.goto(site.origin)
    site.events(1)
    page.evaluate(IN_SHADOW, markup)
    for selector in selectors:
        page.click(selector)
    return bodies(site.events_in_all(page, 1 + count))[1:]


def test_outbound_links_in_shadow_roots_svg_and_maps_are_counted(page: Page, site: Site) -> None:
    svg = '<svg width="60" height="60"><a href="{}"><rect width="60" height="60"/></a></svg>'
    markup = (
        '<a id="plain" href="https://other.example/a">on</a>'
        + svg.format("https://other.example/svg?token=1")
        + svg.format("/files/plan.pdf").replace("href", "xlink:href")
        + '<map name="m"><area id="area" href="https://other.example/area" shape="rect" coords="0,0,60,60"></map>'
        '<img id="image" usemap="#m" width="60" height="60" src="data:image/gif;base64,'
        'R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7">'
    )
    found = clicks(
        page, site, markup, ("outbound", "downloads"), ("#plain", "svg >> nth=0", "svg >> nth=1", "#image"), 4
    )
    told = sorted((event["n"], event["p"]["url"]) for event in found)
    assert told == [
        ("download", f"{site.origin}/files/plan.pdf"),
        ("outbound", "https://other.example/a"),
        ("outbound", "https://other.example/area"),
        ("outbound", "https://other.example/svg"),
    ]


def test_forms_and_tagged_elements_in_shadow_roots_are_counted(page: Page, site: Site) -> None:
    markup = (
        '<button id="tag" data-mallard-event="Signup"><b>Sign up</b></button>'
        '<form id="pay" data-mallard-event="Pay" action="/pay"><input name="id"><button id="go">Go</button></form>'
    )
    found = clicks(page, site, markup, ("forms", "tagged"), ("b", "#go"), 3)
    assert sorted(event["n"] for event in found) == ["Pay", "Signup", "form"]
    assert [event["p"] for event in found if event["n"] == "form"] == [{"form": "pay", "url": f"{site.origin}/pay"}]


@pytest.mark.parametrize("parts", [(), ("outbound",)])
def test_event_without_interaction_is_marked(page: Page, site: Site, parts: tuple[str, ...]) -> None:
    site.pages["/"] = snippet(*parts)
    page.goto(site.origin)
    site.events(1)
    page.evaluate("mallard('shown', {interactive: false}); mallard('clicked', {interactive: true})")
    found = {event["n"]: event["i"] for event in site.events_in_all(page, 3)}
    assert found.pop("shown") is False
    assert {name: type(value) for name, value in found.items()} == {"pageview": str, "clicked": str}


def test_documented_waiting_link_equals_the_tested_one() -> None:
    text = (BUILT.parents[1] / "README.md").read_text(encoding="utf-8")
    assert re.sub(r"\s+", " ", LINK) in re.sub(r"\s+", " ", text)
