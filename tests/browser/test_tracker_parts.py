"""Opt-in parts of the tracker: what each of them asks of a real server, to the last key."""

import json
import time

import pytest
from playwright.sync_api import Page

from support.server import Server
from support.tracked_site import PATIENCE_SECONDS, STRICT_POLICY, Event, Site, bodies, snippet

ALL_PARTS = (
    "404",
    "downloads",
    "engagement",
    "exclude",
    "forms",
    "hash",
    "keep-query",
    "mask",
    "optout",
    "outbound",
    "tagged",
    "web-vitals",
)
"""All but `manual`, which counts no page view by itself."""


def open_counted(page: Page, site: Site, path: str = "/") -> None:
    """Opens a page and forgets the page view of its load."""
    page.goto(site.origin + path)
    assert [event["n"] for event in site.events(1)] == ["pageview"]
    site.recorded.clear()


def sent(page: Page, site: Site, count: int) -> list[Event]:
    """All that was asked of the server since, and no further request follows."""
    return bodies(site.events_in_all(page, count))


def in_order_of_name(events: list[Event]) -> list[Event]:
    """What is sent at once goes on two connections: either may arrive first."""
    return sorted(events, key=lambda event: str(event["n"]))


def stay(page: Page) -> None:
    """Lets clicks happen without leaving the page."""
    page.evaluate("['click', 'auxclick'].forEach(name => addEventListener(name, event => event.preventDefault()))")


def pages_of(server: Server, site_id: str, count: int) -> list[str]:
    """The pages that were counted, once there are so many: what the site saw sent, the server may not have yet."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        rows = server.get(f"/api/stats/breakdown/pages?site_id={site_id}&period=7d&limit=100")
        if len(rows) >= count or time.monotonic() > deadline:
            return sorted(row["value"] for row in rows)
        time.sleep(0.05)


# Parts together


def test_tracker_with_all_parts_under_a_strict_csp_sends_one_pageview(
    page: Page, site: Site, complaints: list[str]
) -> None:
    site.policy = STRICT_POLICY
    site.pages["/"] = snippet(*ALL_PARTS)
    page.goto(site.origin)
    assert sent(page, site, 1) == [site.wire("pageview")]
    stored = (
        "(async () => [document.cookie, localStorage.length, sessionStorage.length, (await caches.keys()).length])()"
    )
    assert page.evaluate(stored) == ["", 0, 0, 0]
    assert complaints == []


def test_tracker_parts_count_once_when_loaded_twice(page: Page, site: Site, api: Site) -> None:
    site.pages["/"] = snippet("outbound", "tagged") + snippet("outbound") + f'<a href="{api.origin}/">on</a>'
    open_counted(page, site)
    stay(page)
    page.click("a")
    assert sent(page, site, 1) == [site.wire("outbound", p={"url": f"{api.origin}/"})]


def test_part_that_fails_to_start_does_not_affect_other_parts(
    page: Page, site: Site, api: Site, complaints: list[str]
) -> None:
    broken = "<script>delete window.PerformanceObserver</script>"
    site.pages["/"] = broken + snippet("web-vitals", "outbound") + f'<a href="{api.origin}/">on</a>'
    open_counted(page, site)
    stay(page)
    page.click("a")
    assert sent(page, site, 1) == [site.wire("outbound", p={"url": f"{api.origin}/"})]
    assert complaints == []


def test_part_that_throws_at_an_event_does_not_lose_the_event(page: Page, site: Site, complaints: list[str]) -> None:
    forbidden = "<script>Object.defineProperty(window, 'localStorage', {get() { throw new Error('no') }})</script>"
    site.pages["/"] = forbidden + snippet("optout")
    page.goto(site.origin)
    assert sent(page, site, 1) == [site.wire("pageview")]
    assert complaints == []


def test_calls_of_the_stub_go_through_the_parts_too(page: Page, site: Site) -> None:
    stub = "window.mallard=window.mallard||function(){(window.mallard.q=window.mallard.q||[]).push(arguments)}"
    site.pages["/user/7"] = f"<script>{stub}; mallard('early')</script>" + snippet("mask", mask="/user/*")
    page.goto(f"{site.origin}/user/7")
    assert sorted(event["n"] + event["u"] for event in sent(page, site, 2)) == [
        f"early{site.origin}/user/*",
        f"pageview{site.origin}/user/*",
    ]


# Outbound links


def test_a_link_to_another_host_sends_outbound_without_query_and_hash(page: Page, site: Site, api: Site) -> None:
    target = f"{api.origin}/there?token=secret#part"
    site.pages["/"] = snippet("outbound") + f'<a href="{target}"><b>on</b></a>'
    open_counted(page, site)
    page.click("b")
    page.wait_for_url("**/there*")
    assert sent(page, site, 1) == [site.wire("outbound", p={"url": f"{api.origin}/there"})]


@pytest.mark.parametrize("how", ["the middle button", "the keyboard"])
def test_outbound_counts_however_the_link_is_followed(page: Page, site: Site, api: Site, how: str) -> None:
    site.pages["/"] = snippet("outbound") + f'<a href="{api.origin}/there">on</a>'
    open_counted(page, site)
    stay(page)
    if how == "the keyboard":
        page.focus("a")
        page.keyboard.press("Enter")
    else:
        page.click("a", button="middle")
    assert sent(page, site, 1) == [site.wire("outbound", p={"url": f"{api.origin}/there"})]


def test_links_of_the_site_mail_and_the_right_button_are_not_outbound(page: Page, site: Site, api: Site) -> None:
    site.pages["/"] = snippet("outbound") + (
        f'<a id="own" href="/own">own</a> <a id="mail" href="mailto:a@example.com">mail</a> <a id="none">none</a>'
        f'<a id="other" href="{api.origin}/">other</a>'
    )
    open_counted(page, site)
    stay(page)
    for name in ("own", "mail", "none"):
        page.click(f"#{name}")
    page.click("#other", button="right")
    sent(page, site, 0)


def test_outbound_event_is_sent_without_delaying_the_navigation(page: Page, site: Site, api: Site) -> None:
    site.pages["/"] = snippet("outbound") + f'<a href="{api.origin}/there">on</a>'
    api.pages["/there"] = "<p>there</p>"
    open_counted(page, site)
    site.answering.clear()
    page.click("a")
    page.wait_for_url("**/there")
    site.answering.set()
    assert sent(page, site, 1) == [site.wire("outbound", p={"url": f"{api.origin}/there"})]


# Downloads


def test_a_link_to_a_file_sends_download_without_its_query(page: Page, site: Site) -> None:
    site.pages["/"] = snippet("downloads") + '<a href="/files/Plan.PDF?signature=secret">plan</a>'
    open_counted(page, site)
    stay(page)
    page.click("a")
    assert sent(page, site, 1) == [site.wire("download", p={"url": f"{site.origin}/files/Plan.PDF"})]


def test_download_event_is_sent_when_a_download_starts(page: Page, site: Site) -> None:
    site.pages["/"] = snippet("downloads") + '<a href="/files/data.csv" download>data</a>'
    open_counted(page, site)
    with page.expect_download():
        page.click("a")
    assert sent(page, site, 1) == [site.wire("download", p={"url": f"{site.origin}/files/data.csv"})]


def test_data_downloads_sets_other_file_extensions(page: Page, site: Site) -> None:
    links = "".join(f'<a id="{name}" href="/files/a.{name}">x</a> ' for name in ("stl", "obj", "pdf"))
    site.pages["/"] = snippet("downloads", downloads="stl, obj") + links + '<a id="pdf2" href="/pdf">x</a>'
    open_counted(page, site)
    stay(page)
    for name in ("stl", "pdf", "pdf2"):
        page.click(f"#{name}")
    site.events(1)
    page.click("#obj")
    urls = [event["p"]["url"] for event in sent(page, site, 2)]
    assert urls == [f"{site.origin}/files/a.stl", f"{site.origin}/files/a.obj"]


# Forms


def test_form_event_has_name_and_target_but_no_input(page: Page, site: Site) -> None:
    site.pages["/"] = snippet("forms") + (
        '<form id="search" action="/find?in=all"><input name="q"><input name="id"><input name="action">'
        "<button>Go</button></form>"
    )
    site.pages["/find"] = "<p>found</p>"
    open_counted(page, site)
    page.fill("[name=q]", "private words")
    page.press("[name=q]", "Enter")
    page.wait_for_url("**/find?q=private+words*")
    assert sent(page, site, 1) == [site.wire("form", p={"form": "search", "url": f"{site.origin}/find"})]


def test_form_event_takes_the_target_of_its_button(page: Page, site: Site) -> None:
    site.pages["/"] = snippet("forms") + '<form method="post"><button formaction="/pay?x=1">Pay</button></form>'
    open_counted(page, site)
    page.evaluate("addEventListener('submit', event => event.preventDefault())")
    page.click("button")
    assert sent(page, site, 1) == [site.wire("form", p={"url": f"{site.origin}/pay"})]


def test_invalid_or_dialog_form_sends_no_event(page: Page, site: Site) -> None:
    site.pages["/"] = snippet("forms") + (
        '<form><input required><button id="empty">Go</button></form>'
        '<dialog open><form method="dialog"><button id="close">Close</button></form></dialog>'
    )
    open_counted(page, site)
    page.evaluate("document.querySelector('#empty').click()")
    page.click("#close")
    sent(page, site, 0)


# Hash routing


def test_routes_in_the_hash_are_pages_of_their_own(page: Page, site: Site, server: Server) -> None:
    site.pages["/app"] = snippet("hash", domain="hash.example").replace(' data-domain="example.com"', "")
    page.goto(f"{site.origin}/app?utm_source=news#/a%20b?token=secret")
    site.events(1)
    page.evaluate("location.hash = '#/two'")
    site.events(2)
    page.evaluate("history.pushState(null, '', '#/three')")
    site.events(3)
    page.evaluate("history.back()")
    paths = [event["u"].removeprefix(site.origin) for event in sent(page, site, 4)]
    query = "?utm_source=news"
    assert paths == [
        f"/app%23/a%20b{query}",
        f"/app%23/two{query}",
        f"/app%23/three{query}",
        f"/app%23/two{query}",
    ]
    assert pages_of(server, "hash.example", 3) == ["/app#/a b", "/app#/three", "/app#/two"]


def test_hash_without_a_route_is_no_page(page: Page, site: Site) -> None:
    site.pages["/"] = snippet("hash")
    page.goto(f"{site.origin}/#access_token=secret")
    site.events(1)
    page.evaluate("location.hash = 'part'")
    page.evaluate("history.pushState(null, '', '#/')")
    assert sent(page, site, 1) == [site.wire("pageview")]


def test_path_and_route_change_is_one_pageview(page: Page, site: Site) -> None:
    site.pages["/"] = snippet("hash")
    open_counted(page, site)
    page.evaluate("history.pushState(null, '', '/app#!/inbox')")
    assert sent(page, site, 1) == [site.wire("pageview", "/app%23!/inbox")]


# Pages that do not exist


def test_not_found_event_is_sent_with_the_path_for_a_404_response(page: Page, site: Site) -> None:
    site.pages["/gone"] = snippet("404")
    site.statuses["/gone"] = 404
    page.goto(f"{site.origin}/gone?q=1")
    missing, view = in_order_of_name(sent(page, site, 2))
    assert view == site.wire("pageview", "/gone?q=1")
    assert missing == site.wire("404", "/gone?q=1", p={"path": "/gone"}, i=False)


def test_not_found_event_is_sent_when_the_page_declares_itself_missing(page: Page, site: Site) -> None:
    # Not deferred: the mark comes after the script.
    site.pages["/soft"] = snippet("404").replace("defer ", "") + "<main data-mallard-404>Nothing here</main>"
    page.goto(f"{site.origin}/soft")
    assert in_order_of_name(sent(page, site, 2))[0] == site.wire("404", "/soft", p={"path": "/soft"}, i=False)


def test_not_found_event_is_sent_by_a_call_and_not_on_other_pages(page: Page, site: Site) -> None:
    site.pages["/"] = snippet("404")
    open_counted(page, site)
    sent(page, site, 0)
    page.evaluate("mallard('404', {props: {from: 'menu'}})")
    assert sent(page, site, 1) == [site.wire("404", p={"path": "/", "from": "menu"}, i=False)]


# Tagged elements

BUTTON = (
    '<button data-mallard-event="Signup" data-mallard-prop-plan="pro" data-mallard-prop-pay-by="card"'
    ' data-mallard-revenue="49.90" data-mallard-currency="EUR"><b>Sign up</b></button>'
)


def test_tagged_button_sends_its_event_with_properties_and_revenue(page: Page, site: Site) -> None:
    site.pages["/"] = snippet("tagged") + BUTTON
    open_counted(page, site)
    page.click("b")
    expected = site.wire("Signup", p={"plan": "pro", "pay-by": "card"}, ra=49.9, rc="EUR")
    assert sent(page, site, 1) == [expected]


def test_middle_click_counts_for_a_tagged_link_but_not_a_button(page: Page, site: Site) -> None:
    site.pages["/"] = snippet("tagged") + (
        '<button data-mallard-event="Button">x</button> <a href="/two" data-mallard-event="Link">x</a>'
    )
    open_counted(page, site)
    stay(page)
    for element in ("button", "a"):
        page.click(element, button="middle")
        page.click(element, button="right")
    assert sent(page, site, 1) == [site.wire("Link")]


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_a_tagged_button_counts_by_keyboard(page: Page, site: Site, key: str) -> None:
    site.pages["/"] = snippet("tagged") + '<button data-mallard-event="Open">Open</button>'
    open_counted(page, site)
    page.focus("button")
    page.keyboard.press(key)
    assert sent(page, site, 1) == [site.wire("Open")]


def test_the_nearest_tagged_element_counts_even_where_the_page_stops_the_click(page: Page, site: Site) -> None:
    site.pages["/"] = snippet("tagged") + (
        '<div data-mallard-event="Outer"><p data-mallard-event="Inner">'
        '<i onclick="event.stopPropagation()">x</i></p></div>'
    )
    open_counted(page, site)
    page.click("i")
    assert sent(page, site, 1) == [site.wire("Inner")]


def test_tagged_form_counts_on_submit_and_not_on_click(page: Page, site: Site) -> None:
    site.pages["/"] = snippet("tagged") + (
        '<form data-mallard-event="Subscribe" action="/done"><input name="mail"><button>Go</button></form>'
    )
    site.pages["/done"] = "<p>done</p>"
    open_counted(page, site)
    page.click("input")
    sent(page, site, 0)
    page.fill("input", "a@example.com")
    page.click("button")
    page.wait_for_url("**/done*")
    assert sent(page, site, 1) == [site.wire("Subscribe")]


def test_click_on_a_nested_label_is_one_event(page: Page, site: Site) -> None:
    site.pages["/"] = snippet("tagged") + (
        '<label data-mallard-event="Plan"><input type="radio" name="plan"><span>Pro</span></label>'
    )
    open_counted(page, site)
    page.click("span")
    assert sent(page, site, 1) == [site.wire("Plan")]


# Exclusion, masks, kept queries


def test_excluded_pages_send_no_events_and_are_no_referrer(page: Page, site: Site) -> None:
    tag = snippet("exclude", "outbound", exclude="/admin/**, /private/*")
    site.pages["/admin/users/7"] = tag + '<a href="/open">on</a>'
    site.pages["/private/7/open"] = site.pages["/open"] = tag
    page.goto(f"{site.origin}/admin/users/7")
    page.evaluate("mallard('signup', {callback: () => (window.called = true)})")
    page.wait_for_function("window.called")
    page.evaluate("history.pushState(null, '', '/private/7')")
    sent(page, site, 0)
    page.goto(f"{site.origin}/admin/users/7")
    page.click("a")
    page.wait_for_url("**/open")
    site.events(1)
    page.evaluate("history.pushState(null, '', '/private/7/open')")
    assert sent(page, site, 2) == [site.wire("pageview", "/open"), site.wire("pageview", "/private/7/open")]


def test_patterns_meet_routes_in_the_hash_too(page: Page, site: Site) -> None:
    site.pages["/app"] = snippet("hash", "exclude", "mask", exclude="/app#/admin/**", mask="/app#/user/*")
    page.goto(f"{site.origin}/app#/user/joe")
    site.events(1)
    page.evaluate("location.hash = '#/admin/users'")
    page.evaluate("location.hash = '#/user/ann'")
    assert [event["u"] for event in sent(page, site, 2)] == [f"{site.origin}/app%23/user/*"] * 2


def test_masked_path_is_not_sent(page: Page, site: Site, server: Server) -> None:
    tag = snippet("mask", "forms", mask="/user/*/orders,/u/**,/über/*", domain="mask.example")
    tag = tag.replace(' data-domain="example.com"', "")
    site.pages["/user/joe/orders"] = tag + '<form name="pay"><button>Pay</button></form><a href="/u/joe/a/b">on</a>'
    site.pages["/u/joe/a/b"] = site.pages["/über/joe"] = tag
    page.goto(f"{site.origin}/user/joe/orders?utm_source=news")
    site.events(1)
    page.evaluate("document.forms[0].requestSubmit()")
    page.wait_for_url("**/orders?")
    site.events(3)
    page.click("a")
    page.wait_for_url("**/b")
    site.events(4)
    page.evaluate("history.pushState(null, '', '/über/joe')")
    site.events(5)
    page.evaluate("history.pushState(null, '', '/user/joe/settings')")
    events = sent(page, site, 6)
    assert "joe" not in json.dumps(events[:5])
    # The form's event and the view of its answer go on two connections: either may arrive first.
    (form,) = (event for event in events if event["n"] == "form")
    events.remove(form)
    assert form["u"] == f"{site.origin}/user/*/orders?utm_source=news"
    assert form["p"] == {"form": "pay", "url": f"{site.origin}/user/*/orders"}
    assert [event["u"].removeprefix(site.origin) for event in events] == [
        "/user/*/orders?utm_source=news",
        "/user/*/orders?",
        "/u/**",
        "/%C3%BCber/*",
        "/user/joe/settings",
    ]
    assert pages_of(server, "mask.example", 4) == ["/u/**", "/user/*/orders", "/user/joe/settings", "/über/*"]


def test_keep_query_keys_are_part_of_the_path(page: Page, site: Site, server: Server) -> None:
    tag = snippet("keep-query", keep_query="q, page", domain="query.example").replace(' data-domain="example.com"', "")
    site.pages["/search"] = tag
    page.goto(f"{site.origin}/search?page=2&secret=1&utm_source=news&q=blue%20shoes%2Bs")
    site.events(1)
    page.evaluate("history.pushState(null, '', '/search?secret=2')")
    first, second = (event["u"].removeprefix(site.origin) for event in sent(page, site, 2))
    assert first == "/search%3Fq=blue%20shoes%2Bs&page=2?secret=1&utm_source=news"
    assert second == "/search?secret=2"
    assert pages_of(server, "query.example", 2) == ["/search", "/search?q=blue shoes+s&page=2"]
    assert server.main("query.example")["total_pageviews"] == 2


# Manual page views, and opting out


def test_manual_mode_sends_only_explicit_pageviews(page: Page, site: Site) -> None:
    site.pages["/"] = snippet("manual")
    page.goto(site.origin)
    page.evaluate("history.pushState(null, '', '/two')")
    sent(page, site, 0)
    page.evaluate("mallard('pageview')")
    site.events(1)
    page.evaluate("mallard('pageview', {url: '/step/3', props: {cart: 2}})")
    expected = [site.wire("pageview", "/two"), site.wire("pageview", "/step/3", p={"cart": 2})]
    assert sent(page, site, 2) == expected


def test_opted_out_browser_sends_no_events(page: Page, site: Site) -> None:
    site.pages["/"] = snippet("optout", "engagement", "web-vitals")
    open_counted(page, site)
    page.evaluate("localStorage.mallard_ignore = 'true'")
    page.evaluate("mallard('signup')")
    page.goto(f"{site.origin}/?again")
    page.goto("about:blank")
    sent(page, site, 0)


def test_opting_in_again_needs_no_reload(page: Page, site: Site) -> None:
    site.pages["/"] = snippet("optout")
    site.pages["/start"] = "<script>localStorage.mallard_ignore = 'true'</script>" + snippet("optout")
    page.goto(f"{site.origin}/start")
    sent(page, site, 0)
    page.evaluate("localStorage.removeItem('mallard_ignore'); mallard('signup')")
    assert sent(page, site, 1) == [site.wire("signup", "/start")]


# Prerender


def test_parts_wait_with_the_core_for_a_prerendered_page_to_be_shown(page: Page, site: Site) -> None:
    tag = snippet("404", "engagement", "hash", "web-vitals")
    page.add_init_script(
        "Object.defineProperty(document, 'prerendering', {configurable: true, get: () => !window.shown})"
    )
    site.pages["/soft"] = tag + "<p data-mallard-404>x</p>"
    page.goto(f"{site.origin}/soft")
    page.evaluate("history.pushState(null, '', '/soft#/route')")
    sent(page, site, 0)
    page.evaluate("window.shown = true; document.dispatchEvent(new Event('prerenderingchange'))")
    assert sorted(event["n"] for event in sent(page, site, 2)) == ["404", "pageview"]
