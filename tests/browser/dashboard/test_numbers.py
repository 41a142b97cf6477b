"""What is shown of a site with traffic."""

import re

import pytest
from playwright.sync_api import Page, expect

from support.dashboard import BREAKDOWNS, HEADLINE, NOTHING, CannedApi, overview, row, shown


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


def test_rates_are_blank_without_visits(page: Page, api: CannedApi) -> None:
    api.answers["/api/stats/overview"] = lambda _: (200, overview(main=NOTHING))
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


def test_show_more_requests_a_thousand_rows_and_can_be_closed(page: Page, api: CannedApi) -> None:
    page.goto("/?site=example.com&period=30d")
    pages = shown(page, "breakdown-pages")
    rows = pages.locator('[data-test="row"]')
    expect(rows).to_have_count(10)
    pages.get_by_role("button", name="Show more Pages").click()
    expect(rows).to_have_count(1000)
    pages.get_by_role("button", name="Show fewer Pages").click()
    expect(rows).to_have_count(10)
    assert [asked["limit"] for asked in api.asked("stats/breakdown/pages")] == ["1000"]


def test_the_chart_has_a_table_with_the_same_numbers(page: Page) -> None:
    page.goto("/?site=example.com&period=30d")
    expect(page.get_by_role("img", name="Chart of visitors and page views per day")).to_be_visible()
    shown(page, "trend-table").locator("summary").click()
    rows = shown(page, "trend-table").locator("tbody tr")
    expect(rows).to_have_count(30)
    expect(rows.nth(1)).to_have_text(re.compile("Mar 2, 2025.*2.*6", re.DOTALL))


def test_chart_marks_the_current_bucket_and_omits_future_ones(page: Page) -> None:
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


def test_site_clock_determines_the_current_bucket(page: Page) -> None:
    page.goto("/?site=example.com&period=30d")
    script = """async (zones) => {
        const { siteClock } = await import("/series.js");
        return zones.map((zone) => siteClock(new Date("2026-03-10T15:30:00Z"), zone ?? undefined).toISOString());
    }"""
    expected = {
        "UTC": "2026-03-10T15:30:00.000Z",
        "Pacific/Auckland": "2026-03-11T04:30:00.000Z",
        "Asia/Kathmandu": "2026-03-10T21:15:00.000Z",
        "America/Los_Angeles": "2026-03-10T08:30:00.000Z",
        "Nowhere/Land": "2026-03-10T15:30:00.000Z",
        None: "2026-03-10T15:30:00.000Z",
    }
    assert page.evaluate(script, list(expected)) == list(expected.values())


@pytest.mark.parametrize("width", [360, 800, 1600])
def test_report_is_no_wider_than_the_window(page: Page, api: CannedApi, width: int) -> None:
    long = [row("/" + "very-long-path/" * 30, 123_456_789_012, 987_654_321_098)]
    answer = overview(main={**HEADLINE, "comparison": HEADLINE, "change": {**HEADLINE, "bounce_rate": -12.3}})
    answer["breakdowns"]["pages"] = [{**each, "previous": {"visitors": 7, "pageviews": 7}} for each in long]
    api.answers["/api/stats/overview"] = lambda _: (200, answer)
    page.set_viewport_size({"width": width, "height": 900})
    chips = "&f=is,sources,Google" * 2 + "&f=is_not,pages,/" + "very-long-path/" * 30
    page.goto(f"/?site=example.com&from=2025-02-01&to=2025-02-28&compare=previous_period{chips}")
    expect(page.locator("canvas")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_each_breakdown_has_a_panel_in_the_order_of_a_visit(page: Page) -> None:
    page.goto("/?site=example.com&period=30d")
    expect(shown(page, "unique-visitors")).to_be_visible()
    panels = page.locator("section.breakdown")
    named = [panel.get_attribute("data-test") for panel in panels.all()]
    assert named == [f"breakdown-{name}" for name in BREAKDOWNS]
    for panel in panels.all():
        expect(panel.locator('[data-test="row"]').first).to_be_visible()


def test_the_live_card_is_a_sentence_when_times_are_rounded(page: Page, api: CannedApi) -> None:
    api.answers["/api/stats/main"] = lambda _: (400, {"error": "period is 'realtime', but this server rounds times."})
    api.answers["/api/stats/overview"] = lambda _: (200, overview(main={**HEADLINE, "current_visitors": None}))
    page.goto("/?site=example.com&period=30d")
    expect(shown(page, "no-live")).to_have_text("Times are kept to the hour: no live visitors")
    expect(shown(page, "live-visitors")).to_have_count(0)
