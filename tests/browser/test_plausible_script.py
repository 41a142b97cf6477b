"""The script under Plausible's names, in a page written for Plausible's own."""

import gzip
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from mallard.api.static_files import Scripts
from support.tracked_site import Site, bodies

DIST = Path(__file__).parents[2] / "tracker" / "dist"
MAX_GZIPPED_BYTES = 2900
HOLDS = "data-local data-automation"
STUB = (
    "<script>window.plausible=window.plausible||function(){(plausible.q=plausible.q||[]).push(arguments)},"
    "plausible.init=plausible.init||function(i){plausible.o=i||{}};{call}</script>"
)


def tag(name: str, attributes: str = 'data-domain="example.com"') -> str:
    return f'<script defer {HOLDS} {attributes} src="/js/{name}"></script>'


def sent(page: Page, site: Site, count: int, path: str = "/") -> list[dict[str, Any]]:
    page.goto(site.origin + path)
    return bodies(site.events_in_all(page, count))


def test_stub_calls_and_revenue_reach_the_server(site: Site, page: Page, complaints: list[str]) -> None:
    call = "plausible('Buy', {props: {plan: 'a'}, revenue: {amount: 5, currency: 'EUR'}, interactive: false})"
    site.pages["/"] = STUB.replace("{call}", call) + tag("script.revenue.js")
    view, buy = sent(page, site, 2)
    assert view == site.wire("pageview")
    assert buy == site.wire("Buy", p={"plan": "a"}, ra=5, rc="EUR", i=False)
    assert (site.refused, complaints) == ([], [])


def test_event_attributes_are_properties_of_every_event(site: Site, page: Page) -> None:
    site.pages["/"] = tag("script.pageview-props.js", 'data-domain="example.com" event-author="Jane"')
    assert sent(page, site, 1) == [site.wire("pageview", p={"author": "Jane"})]
    page.evaluate("plausible('x', {props: {author: 'Joe'}, u: 'https://example.com/other'})")
    event = bodies(site.events_in_all(page, 2))[1]
    assert (event["n"], event["u"], event["p"]) == ("x", "https://example.com/other", {"author": "Joe"})


def test_parts_by_plausibles_words_send_plausibles_names(site: Site, page: Page) -> None:
    site.pages["/"] = (
        tag("plausible.outbound-links.file-downloads.tagged-events.compat.js")
        + '<a id="out" href="https://other.example/x" onclick="event.preventDefault()">o</a>'
        + '<a id="file" href="/files/a.pdf" onclick="event.preventDefault()">f</a>'
        + '<button class="plausible-event-name=Sign+Up plausible-event-plan--pro plausible-revenue-amount=9.5 '
        + 'plausible-revenue-currency=USD">b</button>'
    )
    sent(page, site, 1)
    for number, selector in enumerate(("#out", "#file", "button"), 2):
        page.click(selector)
        site.events(number)
    found = bodies(site.events_in_all(page, 4))[1:]
    assert [each["n"] for each in found] == ["Outbound Link: Click", "File Download", "Sign Up"]
    assert [each["p"] for each in found] == [
        {"url": "https://other.example/x"},
        {"url": f"{site.origin}/files/a.pdf"},
        {"plan": "pro"},
    ]
    assert (found[2]["ra"], found[2]["rc"]) == ("9.5", "USD")
    assert site.refused == []


def test_manual_and_exclusions_send_no_page_view(site: Site, page: Page) -> None:
    site.pages["/"] = tag("script.manual.js") + "<script>addEventListener('load', () => plausible('x'))</script>"
    assert [each["n"] for each in sent(page, site, 1)] == ["x"]
    site.pages["/admin/a"] = tag("script.exclusions.js", 'data-domain="example.com" data-exclude="/admin/*"')
    sent(page, site, 1, "/admin/a")


def test_new_script_takes_the_options_of_init(site: Site, page: Page) -> None:
    options = "{customProperties: name => ({of: name}), autoCapturePageviews: false, endpoint: '/api/event'}"
    call = f"plausible.init({options});plausible('a')"
    site.pages["/"] = STUB.replace("{call}", call) + tag("pa-AbC_12-x.js", "")
    (event,) = sent(page, site, 1)
    assert (event["d"], event["n"], event["p"]) == ("127.0.0.1", "a", {"of": "a"})


def test_every_name_is_one_file() -> None:
    scripts = Scripts(DIST)
    words = "hash outbound-links file-downloads tagged-events revenue pageview-props manual compat local exclusions 404"
    for name in ("script.js", "plausible.js", f"script.{words.replace(' ', '.')}.js", "pa-A_b-1.js"):
        assert scripts.plausible(name) == scripts.plausible("script.js") is not None
    for name in ("script.unknown.js", "other.js", "pa-.js", "script.hash.hash/../x.js"):
        assert scripts.plausible(name) is None


def test_script_of_plausibles_names_stays_small() -> None:
    text = Scripts(DIST).plausible("script.js")
    assert text is not None
    assert len(gzip.compress(text.encode())) <= MAX_GZIPPED_BYTES
