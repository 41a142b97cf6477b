"""Sites without events, and what is said when something fails."""

from playwright.sync_api import Page, expect

from support.behaviour_dashboard import answer_behaviour, basis
from support.dashboard import NOTHING, CannedApi, Stage, expect_search, overview, shown

QUIET = overview(limit=0, main=NOTHING, timeseries=[])


def test_site_without_events_shows_the_snippet_until_the_first_event(
    clocked_page: Page, api: CannedApi, stage: Stage
) -> None:
    page, origin = clocked_page, stage.origin
    api.answers = {"/api/stats/main": lambda _: (200, NOTHING), "/api/stats/overview": lambda _: (200, QUIET)}
    page.goto("/?site=new.example&period=30d")
    tag = f'<script defer data-domain="new.example" src="{origin}/tracking/script.js"></script>'
    expect(shown(page, "snippet")).to_have_text(tag)
    expect(shown(page, "test-event")).to_contain_text(f"curl -X POST {origin}/api/event -H 'User-Agent: Mozilla/5.0")
    expect(shown(page, "test-event")).to_contain_text(
        """-d '{"d":"new.example","n":"pageview","u":"https://new.example/"}'"""
    )

    api.answers = {}
    page.clock.run_for(10_000)
    expect(shown(page, "unique-visitors")).to_have_text("12.3K")
    expect(shown(page, "install")).to_have_count(0)


def test_site_is_opened_by_its_domain_when_the_server_has_none(page: Page, api: CannedApi) -> None:
    api.sites = []
    api.answers = {"/api/stats/main": lambda _: (200, NOTHING), "/api/stats/overview": lambda _: (200, QUIET)}
    page.goto("/")
    expect(shown(page, "install")).to_contain_text("Which site do you want to count?")
    field = shown(page, "site-id")
    field.fill("no site!")
    field.press("Enter")
    expect(page.get_by_text("A site is a host’s name")).to_be_visible()
    field.fill("https://New.example/pricing")
    field.press("Enter")
    expect_search(page, "/?site=new.example&period=30d")
    expect(shown(page, "snippet")).to_contain_text('data-domain="new.example"')


def test_site_form_converts_an_international_name_to_its_site_id(page: Page, api: CannedApi) -> None:
    api.sites = []
    api.answers = {"/api/stats/main": lambda _: (200, NOTHING), "/api/stats/overview": lambda _: (200, QUIET)}
    page.goto("/")
    shown(page, "site-id").fill("https://Faß.example/über")
    shown(page, "site-id").press("Enter")
    expect_search(page, "/?site=xn--fa-hia.example&period=30d")
    page.goto("/?site=bücher.example&period=30d")
    expect(shown(page, "snippet")).to_contain_text('data-domain="xn--bcher-kva.example"')


def test_quiet_period_of_a_site_with_events_shows_no_snippet(page: Page, api: CannedApi) -> None:
    api.answers["/api/stats/overview"] = lambda _: (200, QUIET)
    page.goto("/?site=example.com&period=today")
    expect(shown(page, "breakdown-pages")).to_contain_text("No visits in this period.")
    expect(shown(page, "install")).to_have_count(0)


def test_overview_notes_the_range_with_rollups_only(page: Page, api: CannedApi) -> None:
    api.answers["/api/stats/overview"] = lambda _: (200, overview(events_from="2026-03-07"))
    page.goto("/?site=example.com&period=30d")
    expect(shown(page, "kept-counts")).to_contain_text("All events are there from Mar 7, 2026 on.")
    answer_behaviour(api)
    api.answers["/api/stats/overview"] = lambda _: (200, basis(events_from="2026-03-07"))
    page.goto("/?site=example.com&period=30d&view=behaviour")
    expect(shown(page, "kept-counts")).to_contain_text("All events are there from Mar 7, 2026 on.")
    api.answers = {}
    page.goto("/?site=example.com&period=7d")
    expect(shown(page, "unique-visitors")).to_have_text("12.3K")
    expect(shown(page, "kept-counts")).to_have_count(0)


def test_breakdown_shows_the_rest_as_a_last_row_without_a_filter(page: Page, api: CannedApi) -> None:
    found = overview(events_from="2026-03-07")
    found["breakdowns"]["pages"].append({"value": "(other)", "visitors": 7000, "pageviews": 9000, "other": True})
    api.answers["/api/stats/overview"] = lambda _: (200, found)
    page.goto("/?site=example.com&period=30d")
    panel = shown(page, "breakdown-pages")
    expect(panel.locator("tbody tr").last).to_contain_text("Other values, together")
    expect(panel.locator("tbody button")).to_have_count(10)
    expect(panel.locator("tbody tr")).to_have_count(11)


def test_failure_shows_the_server_error_once_and_can_be_retried(page: Page, api: CannedApi) -> None:
    sentence = "The store does not answer; try again in a few seconds."
    api.answers = {f"/api/{path}": lambda _: (503, {"error": sentence}) for path in ("sites", "stats/overview")}
    page.goto("/?site=example.com&period=30d")
    expect(page.get_by_text(sentence)).to_have_count(1)

    api.answers = {}
    shown(page, "retry").click()
    expect(shown(page, "unique-visitors")).to_have_text("12.3K")
    expect(shown(page, "failure")).to_have_count(0)


def test_overview_names_the_days_with_damaged_files(page: Page, api: CannedApi) -> None:
    files = [{"date": f"2025-03-0{day}", "file": f"events/{name}"} for day in (2, 3, 4, 5) for name in "ab"]
    api.answers["/api/stats/overview"] = lambda _: (200, overview(incomplete=files))
    page.goto("/?site=example.com&period=30d")
    expect(shown(page, "incomplete")).to_contain_text(
        "damaged files of Sun, Mar 2, 2025; Mon, Mar 3, 2025; Tue, Mar 4, 2025 and 1 more are left out"
    )
    expect(shown(page, "unique-visitors")).to_have_text("12.3K")
    api.answers = {}
    page.reload()
    expect(shown(page, "unique-visitors")).to_have_text("12.3K")
    expect(shown(page, "incomplete")).to_have_count(0)


def test_failed_list_request_keeps_the_first_rows(page: Page, api: CannedApi) -> None:
    api.answers["/api/stats/breakdown/pages"] = lambda _: (500, "no JSON object at all")
    page.goto("/?site=example.com&period=30d")
    page.get_by_role("button", name="Show more Pages").click()
    expect(shown(page, "failure")).to_contain_text("The server answered with status 500.")
    expect(shown(page, "breakdown-pages").locator('[data-test="row"]')).to_have_count(11)
    expect(shown(page, "unique-visitors")).to_have_text("12.3K")


def test_failed_refresh_keeps_the_old_numbers(clocked_page: Page, api: CannedApi) -> None:
    clocked_page.goto("/?site=example.com&period=today")
    expect(shown(clocked_page, "unique-visitors")).to_have_text("12.3K")
    api.answers["/api/stats/overview"] = lambda _: (503, {"error": "The store does not answer."})
    clocked_page.clock.run_for(61_000)
    expect(shown(clocked_page, "failure")).to_contain_text("The store does not answer.")
    expect(shown(clocked_page, "unique-visitors")).to_have_text("12.3K")


def test_refused_list_of_sites_shows_the_error(page: Page, api: CannedApi) -> None:
    api.answers["/api/sites"] = lambda _: (403, {"error": "Not from here."})
    page.goto("/")
    expect(shown(page, "failure")).to_contain_text("Not from here.")


def test_error_shared_by_all_requests_is_shown_once(page: Page, api: CannedApi) -> None:
    paths = ("sites", "stats/main", "stats/overview")
    api.answers = {f"/api/{path}": lambda _: (403, {"error": "Not from here."}) for path in paths}
    page.goto("/?site=example.com&period=30d")
    expect(shown(page, "failure")).to_contain_text("Not from here.")
    expect(page.get_by_text("Not from here.")).to_have_count(1)
