"""An earlier range beside the one that is shown, on a real server."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from support.dashboard import expect_search, shown
from support.shop import DAY, SITE

THAT_DAY = f"/?site={SITE}&from={DAY}&to={DAY}"


@pytest.fixture
def page(shop_page: Page) -> Page:
    return shop_page


def changes(page: Page) -> Locator:
    return page.locator(".headline").locator('[data-test="change"]')


def test_comparison_is_switched_on_and_off_beside_the_period(page: Page) -> None:
    page.goto(THAT_DAY)
    expect(changes(page)).to_have_count(0)
    shown(page, "compare").select_option(label="Previous period")
    expect_search(page, f"{THAT_DAY}&compare=previous_period")
    expect(changes(page)).to_have_count(6)
    shown(page, "compare").select_option(label="No comparison")
    expect_search(page, THAT_DAY)
    expect(changes(page)).to_have_count(0)


def test_change_shows_arrow_text_and_verdict_with_rising_bounce_rate_as_bad(page: Page) -> None:
    page.goto(f"{THAT_DAY}&compare=previous_period&f=is,countries,DE")
    visitors, bounces = changes(page).nth(0), changes(page).nth(4)
    expect(visitors).to_have_text(re.compile(r"→ 0%\s*unchanged, 0% from 3"))
    expect(visitors).to_have_attribute("data-verdict", "same")

    page.goto(f"{THAT_DAY}&compare=previous_period")
    expect(visitors).to_have_text(re.compile(r"↑ 50%\s*up 50% from 4"))
    expect(visitors).to_have_attribute("data-verdict", "better")
    expect(bounces).to_have_text(re.compile(r"↓ 25 pts\s*down 25 pts from 75%"))
    expect(bounces).to_have_attribute("data-verdict", "better")

    page.goto(f"{THAT_DAY}&compare=previous_period&f=is,sources,Bing")
    expect(bounces).to_have_text(re.compile(r"↑ 50 pts"))
    expect(bounces).to_have_attribute("data-verdict", "worse")


def test_breakdown_rows_show_the_change_of_their_visitors(page: Page) -> None:
    page.goto(f"{THAT_DAY}&compare=previous_period")
    sources = shown(page, "breakdown-sources")
    expect(sources.locator('[data-test="value"]')).to_have_text(["Google", "Direct", "Bing"])
    expect(sources.locator('[data-test="moved"]')).to_have_text(["+200%", "+100%", "-50%"])
    expect(shown(page, "breakdown-browsers").locator('[data-test="moved"]')).to_have_text(["+50%", "0%", "new"])


def test_comparison_shows_both_days_in_chart_tooltip_and_table(page: Page) -> None:
    page.goto(f"{THAT_DAY}&compare=previous_period")
    expect(shown(page, "earlier")).to_have_text("Mar 2, 2026")
    chart = page.get_by_role("img", name="beside Mar 2, 2026")
    expect(chart).to_be_visible()
    # The plot begins right of the axis; ten o'clock is ten of its twenty-three hours.
    over = page.locator(".u-over").bounding_box()
    assert over
    page.mouse.move(over["x"] + over["width"] * 10 / 23, over["y"] + over["height"] / 2)
    expect(page.locator(".tooltip-line b")).to_have_text(["6", "10", "4", "5"])
    expect(page.locator(".tooltip-title")).to_have_text([re.compile("Mar 3"), re.compile("Mar 2")])
    shown(page, "trend-table").locator("summary").click()
    ten = shown(page, "trend-table").locator("tbody tr").nth(10)
    expect(ten.locator("td")).to_have_text(["6", "4", "10", "5"])


def test_a_year_before_without_events_leaves_rates_without_a_change(page: Page) -> None:
    page.goto(f"{THAT_DAY}&compare=year_over_year")
    expect(shown(page, "earlier")).to_have_text("Mar 3, 2025")
    # Counts have one, rates over no visits have none.
    expect(changes(page)).to_have_count(3)
    expect(shown(page, "breakdown-sources").locator('[data-test="moved"]')).to_have_text(["new"] * 3)


def test_comparison_is_disabled_for_all_time(page: Page) -> None:
    page.goto(f"/?site={SITE}&period=all&compare=previous_period")
    expect(shown(page, "unique-visitors")).to_be_visible()
    expect(shown(page, "failure")).to_have_count(0)
    expect(shown(page, "compare")).to_be_disabled()
    expect(changes(page)).to_have_count(0)


@pytest.mark.parametrize(
    ("start", "end", "compare", "expected"),
    [
        ("2026-03-03", "2026-03-04", "previous_period", {"from": "2026-03-02", "to": "2026-03-02"}),
        ("2026-03-01", "2026-03-31", "previous_period", {"from": "2026-01-30", "to": "2026-02-28"}),
        ("2026-03-01", "2026-03-31", "year_over_year", {"from": "2025-03-01", "to": "2025-03-30"}),
        ("2024-02-29", "2024-03-01", "year_over_year", {"from": "2023-02-28", "to": "2023-02-28"}),
        ("2026-03-01", "2026-03-31", "", None),
    ],
)
def test_earlier_range_of_the_dashboard_equals_that_of_the_server(
    page: Page, start: str, end: str, compare: str, expected: dict[str, str] | None
) -> None:
    page.goto("/mallard.svg")
    found = page.evaluate("async given => (await import('/compare.js')).earlierRange(...given)", [start, end, compare])
    assert found == expected
