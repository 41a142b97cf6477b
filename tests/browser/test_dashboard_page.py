"""The dashboard's page in a real browser, against canned answers of the API."""

import json
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Request, Route, expect

ROOT = Path(__file__).resolve().parents[2]
DASHBOARD = ROOT / "dashboard"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

HEADLINE = {
    "unique_visitors": 12_345,
    "total_pageviews": 45_678,
    "bounce_rate": 0.43,
    "avg_visit_duration_secs": 127.4,
    "pages_per_visit": 3.7,
    "visits": 20_000,
    "views_per_visit": 2.28,
    "events": 50_000,
    "current_visitors": 3,
}
NOTHING = dict.fromkeys(HEADLINE, 0)
LIVE = {**HEADLINE, "unique_visitors": 3, "total_pageviews": 7}

# What a browser says about any answer of 4xx and 5xx, whatever the page does with it.
STATUS_NOTE = "Failed to load resource: the server responded with a status of"


class StaticFiles(SimpleHTTPRequestHandler):
    """The files of dashboard/ under the policy the server sends."""

    protocol_version = "HTTP/1.1"

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


class CannedApi:
    """Answers `/api/*` of one page: by default a site with traffic, else what a test puts into `answers`."""

    def __init__(self) -> None:
        self.sites = ["example.com", "other.example"]
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.answers: dict[str, Callable[[dict[str, str]], tuple[int, Any] | None]] = {}
        self.held: list[tuple[Route, dict[str, str]]] = []

    def handle(self, route: Route) -> None:
        address = urlsplit(route.request.url)
        params = {name: values[0] for name, values in parse_qs(address.query).items()}
        self.requests.append((address.path, params))
        chosen = self.answers.get(address.path)
        answer = chosen(params) if chosen else (200, self.usual(address.path, params))
        if answer is None:
            self.held.append((route, params))
        else:
            fulfil(route, *answer)

    def usual(self, path: str, params: dict[str, str]) -> Any:
        match path.removeprefix("/api/"):
            case "sites":
                return [{"site_id": site} for site in self.sites]
            case "stats/main":
                return LIVE if params.get("period") == "realtime" else HEADLINE
            case "stats/timeseries":
                return [{"date": f"2025-03-{day:02}", "visitors": day, "pageviews": day * 3} for day in range(1, 31)]
            case "stats/breakdown/countries":
                return [row("DE", 20, 40), row("(unknown)", 10, 11)]
            case _:
                return [row(f"/page-{at}", 1000 - at, 2000 - at) for at in range(int(params["limit"]))]

    def asked(self, path: str) -> list[dict[str, str]]:
        return [params for asked, params in self.requests if asked == f"/api/{path}"]

    def reported(self) -> list[dict[str, str]]:
        """What was asked of `main`, without the live card's and the installation's questions."""
        return [params for params in self.asked("stats/main") if params.get("period") not in ("realtime", "all")]


def row(value: str, visitors: int, pageviews: int) -> dict[str, Any]:
    return {"value": value, "visitors": visitors, "pageviews": pageviews}


def fulfil(route: Route, status: int, body: Any) -> None:
    # The page may have given up on the request meanwhile, which is its right.
    with suppress(Error):
        route.fulfill(status=status, content_type="application/json", body=json.dumps(body))


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    if not (DASHBOARD / "vendor").is_dir():
        node = shutil.which("node")
        assert node, "dashboard/vendor is missing and there is no node to make it"
        subprocess.run([node, "dashboard/vendor.mjs"], cwd=ROOT, check=True)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(StaticFiles, directory=str(DASHBOARD))) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def api() -> CannedApi:
    return CannedApi()


@pytest.fixture
def page(browser: Browser, origin: str, api: CannedApi) -> Iterator[Page]:
    """A page at `origin`; at the end of every test it must have been quiet and kept to its own host."""
    context = browser.new_context(base_url=origin, locale="en-US", viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(10_000)
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
    page.route("**/api/**", api.handle)
    yield page
    assert problems == []
    context.close()


def shown(page: Page, name: str) -> Any:
    return page.locator(f'[data-test="{name}"]')


def expect_search(page: Page, search: str) -> None:
    expect(page).to_have_url(re.compile(re.escape(search) + "$"))


# The state of the page is its address


def test_without_a_site_in_the_address_the_first_one_is_opened_and_written_there(page: Page) -> None:
    page.goto("/")
    expect_search(page, "/?site=example.com&period=30d")
    expect(shown(page, "site")).to_have_value("example.com")
    expect(page).to_have_title("example.com · Mallard Metrics")


def test_an_address_opens_its_site_and_period(page: Page, api: CannedApi) -> None:
    page.goto("/?site=other.example&period=7d")
    expect(shown(page, "unique-visitors")).to_be_visible()
    expect(shown(page, "site")).to_have_value("other.example")
    expect(shown(page, "period")).to_have_value("7d")
    assert api.reported() == [{"site_id": "other.example", "period": "7d"}]


def test_back_and_forward_go_through_the_periods_and_sites_chosen(page: Page) -> None:
    page.goto("/?site=example.com&period=30d")
    shown(page, "period").select_option("7d")
    expect_search(page, "/?site=example.com&period=7d")
    shown(page, "site").select_option("other.example")
    expect_search(page, "/?site=other.example&period=7d")

    page.go_back()
    expect(shown(page, "site")).to_have_value("example.com")
    page.go_back()
    expect(shown(page, "period")).to_have_value("30d")
    page.go_forward()
    expect(shown(page, "period")).to_have_value("7d")


def test_a_custom_range_shows_its_last_day_and_asks_for_the_day_after_as_its_end(page: Page, api: CannedApi) -> None:
    page.goto("/?site=example.com&period=30d")
    shown(page, "period").select_option("custom")
    shown(page, "from").fill("2025-02-01")
    shown(page, "to").fill("2025-02-28")
    shown(page, "apply-range").click()
    expect_search(page, "/?site=example.com&from=2025-02-01&to=2025-02-28")
    expect(shown(page, "period")).to_have_value("custom")
    page.wait_for_function("document.querySelector('[aria-busy=true]') === null")
    assert api.reported()[-1] == {"site_id": "example.com", "start_date": "2025-02-01", "end_date": "2025-03-01"}

    page.go_back()
    expect(shown(page, "period")).to_have_value("30d")
    expect(shown(page, "from")).to_have_count(0)


def test_what_makes_no_sense_in_an_address_is_left_out(page: Page, api: CannedApi) -> None:
    page.goto("/?site=%27%3Brm%20-rf&period=fortnight&from=2025-02-30&to=2025-01-01")
    expect_search(page, "/?site=example.com&period=30d")
    expect(shown(page, "unique-visitors")).to_be_visible()
    assert {params["site_id"] for params in api.asked("stats/main")} == {"example.com"}


# What is shown


def test_headline_numbers_are_short_to_read_and_exact_in_their_data(page: Page) -> None:
    page.goto("/?site=example.com&period=30d")
    texts = {
        "unique-visitors": "12.3K",
        "total-pageviews": "45.7K",
        "visits": "20K",
        "views-per-visit": "2.28",
        "bounce-rate": "43%",
        "visit-duration": "2m 7s",
        "live-visitors": "3",
        "live-pageviews": "7",
    }
    for name, text in texts.items():
        expect(shown(page, name)).to_have_text(text)
    expect(shown(page, "unique-visitors")).to_have_attribute("data-value", "12345")


def test_rates_over_no_visits_are_left_blank(page: Page, api: CannedApi) -> None:
    api.answers["/api/stats/main"] = lambda params: (200, HEADLINE if params["period"] == "all" else NOTHING)
    page.goto("/?site=example.com&period=today")
    expect(shown(page, "unique-visitors")).to_have_text("0")
    expect(shown(page, "bounce-rate")).to_have_text("–")


def test_breakdown_rows_have_names_and_both_counts(page: Page) -> None:
    page.goto("/?site=example.com&period=30d")
    rows = shown(page, "breakdown-countries").locator('[data-test="row"]')
    expect(rows).to_have_count(2)
    expect(rows.nth(0).locator('[data-test="value"]')).to_have_text("Germany")
    expect(rows.nth(0).locator('[data-test="visitors"]')).to_have_text("20")
    expect(rows.nth(0).locator('[data-test="pageviews"]')).to_have_text("40")
    expect(rows.nth(1).locator('[data-test="value"]')).to_have_text("(unknown)")


def test_show_more_opens_a_hundred_rows_and_closes_them_again(page: Page) -> None:
    page.goto("/?site=example.com&period=30d")
    pages = shown(page, "breakdown-pages")
    rows = pages.locator('[data-test="row"]')
    expect(rows).to_have_count(10)
    pages.get_by_role("button", name="Show more Pages").click()
    expect(rows).to_have_count(100)
    pages.get_by_role("button", name="Show fewer Pages").click()
    expect(rows).to_have_count(10)


def test_the_chart_has_a_table_with_the_same_numbers(page: Page) -> None:
    page.goto("/?site=example.com&period=30d")
    expect(page.get_by_role("img", name="Chart of visitors and page views per day")).to_be_visible()
    shown(page, "trend-table").locator("summary").click()
    rows = shown(page, "trend-table").locator("tbody tr")
    expect(rows).to_have_count(30)
    expect(rows.nth(1)).to_have_text(re.compile("Mar 2, 2025.*2.*6", re.DOTALL))


def test_a_bucket_that_is_not_over_is_drawn_apart_and_those_to_come_not_at_all(page: Page) -> None:
    page.goto("/?site=example.com&period=30d")
    hours = [{"date": f"2025-03-01 {hour:02}:00", "visitors": hour + 1, "pageviews": 9} for hour in range(4)]
    columns = """async ([hours, now]) => {
        const { toColumns } = await import("/series.js");
        const { columns, lone } = toColumns(hours, new Date(now));
        return [columns[3], columns[4], lone];
    }"""
    third = page.evaluate(columns, [hours, "2025-03-01T02:30:00Z"])
    assert third == [[1, 2, None, None], [None, 2, 3, None], False]
    first = page.evaluate(columns, [hours, "2025-03-01T00:10:00Z"])
    assert first == [[None] * 4, [1, None, None, None], True]
    over = page.evaluate(columns, [hours, "2025-03-02T00:10:00Z"])
    assert over == [[1, 2, 3, 4], [None] * 4, False]


@pytest.mark.parametrize("width", [360, 800, 1600])
def test_nothing_is_wider_than_the_window(page: Page, api: CannedApi, width: int) -> None:
    long = [row("/" + "very-long-path/" * 30, 123_456_789_012, 987_654_321_098)]
    api.answers["/api/stats/breakdown/pages"] = lambda _: (200, long)
    page.set_viewport_size({"width": width, "height": 900})
    page.goto("/?site=example.com&from=2025-02-01&to=2025-02-28")
    expect(page.locator("canvas")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


# Sites without events


def test_a_site_without_events_shows_how_to_send_the_first_and_opens_when_it_comes(
    page: Page, api: CannedApi, origin: str
) -> None:
    api.answers["/api/stats/main"] = lambda _: (200, NOTHING)
    page.clock.install()
    page.goto("/?site=new.example&period=30d")
    tag = f'<script defer data-domain="new.example" src="{origin}/tracking/script.js"></script>'
    expect(shown(page, "snippet")).to_have_text(tag)
    expect(shown(page, "test-event")).to_contain_text(f"curl -X POST {origin}/api/event -H 'User-Agent: Mozilla/5.0")
    expect(shown(page, "test-event")).to_contain_text(
        """-d '{"d":"new.example","n":"pageview","u":"https://new.example/"}'"""
    )

    del api.answers["/api/stats/main"]
    page.clock.run_for(10_000)
    expect(shown(page, "unique-visitors")).to_have_text("12.3K")
    expect(shown(page, "install")).to_have_count(0)


def test_a_server_without_sites_opens_one_by_its_domain(page: Page, api: CannedApi) -> None:
    api.sites = []
    api.answers["/api/stats/main"] = lambda _: (200, NOTHING)
    page.goto("/")
    expect(shown(page, "install")).to_contain_text("Which site do you want to count?")
    field = shown(page, "site-id")
    field.fill("no site!")
    field.press("Enter")
    expect(page.get_by_text("A site is letters, digits")).to_be_visible()
    field.fill("https://New.example/pricing")
    field.press("Enter")
    expect_search(page, "/?site=new.example&period=30d")
    expect(shown(page, "snippet")).to_contain_text('data-domain="new.example"')


def test_a_quiet_period_of_a_known_site_is_no_new_site(page: Page, api: CannedApi) -> None:
    api.answers["/api/stats/main"] = lambda params: (200, HEADLINE if params["period"] == "all" else NOTHING)
    api.answers["/api/stats/breakdown/pages"] = lambda _: (200, [])
    page.goto("/?site=example.com&period=today")
    expect(shown(page, "breakdown-pages")).to_contain_text("No visits in this period.")
    expect(shown(page, "install")).to_have_count(0)


# Failures


def test_a_failure_is_told_once_in_the_servers_words_and_tried_again_on_demand(page: Page, api: CannedApi) -> None:
    sentence = "The store does not answer; try again in a few seconds."
    parts = ["main", "timeseries", *(f"breakdown/{name}" for name in breakdowns())]
    api.answers = {f"/api/stats/{part}": lambda _: (503, {"error": sentence}) for part in parts}
    page.goto("/?site=example.com&period=30d")
    expect(page.get_by_text(sentence)).to_have_count(1)

    api.answers = {}
    shown(page, "retry").click()
    expect(shown(page, "unique-visitors")).to_have_text("12.3K")
    expect(shown(page, "failure")).to_have_count(0)


def test_a_part_that_fails_leaves_the_others_in_place(page: Page, api: CannedApi) -> None:
    api.answers["/api/stats/breakdown/os"] = lambda _: (500, "no JSON object at all")
    page.goto("/?site=example.com&period=30d")
    expect(shown(page, "failure")).to_contain_text("The server answered with status 500.")
    expect(shown(page, "breakdown-os")).to_contain_text("Not available.")
    expect(shown(page, "unique-visitors")).to_have_text("12.3K")


def test_a_refused_list_of_sites_is_told_too(page: Page, api: CannedApi) -> None:
    api.answers["/api/sites"] = lambda _: (401, {"error": "Log in first."})
    page.goto("/")
    expect(shown(page, "failure")).to_contain_text("Log in first.")


def test_a_reader_without_access_is_told_so_once(page: Page) -> None:
    page.route("**/api/**", lambda route: fulfil(route, 401, {"error": "Log in first."}))
    page.goto("/?site=example.com&period=30d")
    expect(shown(page, "failure")).to_contain_text("Log in first.")
    expect(page.get_by_text("Log in first.")).to_have_count(1)


def test_an_answer_to_an_earlier_question_never_replaces_a_later_one(page: Page, api: CannedApi) -> None:
    def main(params: dict[str, str]) -> tuple[int, Any] | None:
        if params["period"] == "7d":
            return None
        return 200, {**HEADLINE, "unique_visitors": 111}

    api.answers["/api/stats/main"] = main
    page.goto("/?site=example.com&period=7d")
    expect(shown(page, "breakdown-pages").locator('[data-test="row"]')).to_have_count(10)
    shown(page, "period").select_option("90d")
    expect(shown(page, "unique-visitors")).to_have_text("111")
    late, _ = api.held[0]
    fulfil(late, 200, {**HEADLINE, "unique_visitors": 999})
    page.wait_for_timeout(200)
    expect(shown(page, "unique-visitors")).to_have_text("111")


# Requests


def breakdowns() -> list[str]:
    pages = ["pages", "entry_pages", "exit_pages"]
    return [*pages, "sources", "channels", "countries", "browsers", "os", "devices"]


def test_each_breakdown_has_a_panel_in_the_order_of_a_visit(page: Page) -> None:
    page.goto("/?site=example.com&period=30d")
    expect(shown(page, "unique-visitors")).to_be_visible()
    panels = page.locator("section.breakdown")
    assert [panel.get_attribute("data-test") for panel in panels.all()] == [
        f"breakdown-{name}" for name in breakdowns()
    ]
    for panel in panels.all():
        expect(panel.locator('[data-test="row"]').first).to_be_visible()


def test_all_requests_of_a_load_go_out_before_any_is_answered(page: Page, api: CannedApi) -> None:
    parts = ["main", "timeseries", *(f"breakdown/{name}" for name in breakdowns())]
    api.answers = {f"/api/stats/{part}": lambda _: None for part in parts}
    page.goto("/?site=example.com&period=30d")
    page.wait_for_timeout(500)
    asked = {path.removeprefix("/api/stats/") for path, _ in api.requests}
    assert asked.issuperset(parts)
    for route, _ in api.held:
        fulfil(route, 503, {"error": "Over."})


def test_numbers_of_today_are_asked_for_again_every_minute(page: Page, api: CannedApi) -> None:
    page.clock.install()
    page.goto("/?site=example.com&period=today")
    expect(shown(page, "unique-visitors")).to_be_visible()
    page.clock.run_for(61_000)
    expect(shown(page, "unique-visitors")).to_be_visible()
    assert len(api.reported()) == 2


def test_the_live_card_asks_every_ten_seconds(page: Page, api: CannedApi) -> None:
    visitors = iter(range(1, 100))
    usual = api.usual
    api.answers["/api/stats/main"] = lambda params: (
        200,
        {**LIVE, "unique_visitors": next(visitors)}
        if params["period"] == "realtime"
        else usual("/api/stats/main", params),
    )
    page.clock.install()
    page.goto("/?site=example.com&period=today")
    for count in ("1", "2", "3"):
        expect(shown(page, "live-visitors")).to_have_text(count)
        page.clock.run_for(10_100)


def test_numbers_of_a_past_period_are_asked_for_once(page: Page, api: CannedApi) -> None:
    page.clock.install()
    page.goto("/?site=example.com&period=yesterday")
    expect(shown(page, "unique-visitors")).to_be_visible()
    page.clock.run_for(200_000)
    assert len(api.reported()) == 1


def test_nothing_is_kept_on_the_device(page: Page) -> None:
    page.goto("/?site=example.com&period=30d")
    expect(shown(page, "unique-visitors")).to_be_visible()
    assert page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]


def imports(module: Path) -> set[Path]:
    """The module and everything it imports, directly or not."""
    found: set[Path] = set()
    waiting = [module]
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            names = re.findall(r'\bfrom\s*"(\.{1,2}/[^"\n]+)"', file.read_text(encoding="utf-8"))
            waiting += [(file.parent / name).resolve() for name in names]
    return found


def test_the_modules_preloaded_are_the_modules_imported(origin: str) -> None:
    text = (DASHBOARD / "index.html").read_text(encoding="utf-8")
    preloaded = {DASHBOARD / href for href in re.findall(r'<link rel="modulepreload" href="/([^"]+)"', text)}
    assert preloaded == imports(DASHBOARD / "app.js") - {DASHBOARD / "app.js"}


def test_copied_modules_name_no_source_maps(origin: str) -> None:
    for file in (DASHBOARD / "vendor").iterdir():
        assert "sourceMappingURL" not in file.read_text(encoding="utf-8"), file.name


# The keyboard


def test_the_keyboard_reaches_the_pickers_in_the_order_they_stand(page: Page) -> None:
    page.goto("/?site=example.com&period=30d")
    expect(shown(page, "unique-visitors")).to_be_visible()
    reached = []
    for _ in range(5):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.dataset.test ?? document.activeElement.textContent"))
    assert reached == ["Skip to the report", "Mallard Metrics", "site", "add-site", "period"]
    page.keyboard.press("ArrowDown")
    expect_search(page, "/?site=example.com&period=90d")


def test_a_site_is_added_by_keyboard_alone(page: Page) -> None:
    page.goto("/?site=example.com&period=30d")
    shown(page, "add-site").focus()
    page.keyboard.press("Enter")
    expect(shown(page, "site-id")).to_be_focused()
    page.keyboard.press("Escape")
    expect(shown(page, "add-site")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.type("new.example")
    page.keyboard.press("Enter")
    expect_search(page, "/?site=new.example&period=30d")
    expect(shown(page, "site")).to_have_value("new.example")


def test_every_control_and_region_has_a_name(page: Page) -> None:
    page.goto("/?site=example.com&from=2025-02-01&to=2025-02-28")
    expect(shown(page, "unique-visitors")).to_be_visible()
    for label in ("Site", "Period", "From", "To, inclusive"):
        expect(page.get_by_label(label, exact=True)).to_be_visible()
    for region in (
        "Overview",
        "Pages",
        "Entry pages",
        "Exit pages",
        "Sources",
        "Channels",
        "Countries",
        "Browsers",
        "Operating systems",
        "Devices",
    ):
        expect(page.get_by_role("region", name=region, exact=True)).to_be_visible()
    expect(page.get_by_role("banner")).to_have_count(1)
    expect(page.get_by_role("main")).to_have_count(1)
    expect(page.get_by_role("contentinfo")).to_have_count(1)
