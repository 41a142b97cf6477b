"""The grid of cohorts."""

import pytest
from playwright.sync_api import Page, expect

from support.behaviour_dashboard import COHORTS, NOTE, START, answer_behaviour
from support.dashboard import CannedApi, expect_search, shown, wait_until

RETENTION = f"{START}&show=retention"
NOBODY = [
    {**each, "visitors": [each["cohort_size"], *([0] * (2 - at))], "note": NOTE} for at, each in enumerate(COHORTS)
]


@pytest.fixture
def api(api: CannedApi) -> CannedApi:
    answer_behaviour(api)
    return api


def test_cohort_rows_have_a_number_for_each_past_interval(page: Page, api: CannedApi) -> None:
    page.goto(RETENTION)
    table = page.get_by_role("table")
    expect(table.get_by_role("columnheader")).to_have_text(["First seen", "Visitors", "Week 1", "Week 2"])
    rows = shown(page, "cohort")
    expect(rows.get_by_role("rowheader")).to_have_text(["Mar 17 – 23, 2025", "Mar 10 – 16, 2025", "Mar 3 – 9, 2025"])
    expect(rows.nth(2).locator("td")).to_have_text(["200", "25%50", "5%10"])
    expect(rows.nth(1).locator("td")).to_have_text(["100", "10%10", ""])
    expect(rows.nth(0).locator("td")).to_have_text(["50", "", ""])
    assert api.asked("stats/retention")[0]["interval"] == "week"


def test_retention_mean_covers_only_cohorts_that_could_return(page: Page) -> None:
    page.goto(RETENTION)
    expect(shown(page, "mean").locator("td")).to_have_text(["350", "20%60", "5%10"])
    expect(page.get_by_text("3 cohorts. 20% came back in the next week.")).to_be_attached()


def test_retention_cell_colour_grows_with_its_share_in_light_and_dark(page: Page) -> None:
    page.goto(RETENTION)
    colour = "(cell) => getComputedStyle(cell).backgroundColor"
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        cells = shown(page, "cohort").nth(2).locator('[data-test="cell"]')
        assert cells.nth(0).evaluate(colour) != cells.nth(1).evaluate(colour)


def test_retention_shows_the_note_and_no_zeros_when_visitors_cannot_be_recognised(page: Page, api: CannedApi) -> None:
    api.answers["/api/stats/retention"] = lambda _: (200, NOBODY)
    page.goto(RETENTION)
    expect(shown(page, "note")).to_have_text(NOTE)
    expect(shown(page, "cohort").nth(2).locator("td")).to_have_text(["200", "–", "–"])
    expect(shown(page, "cell")).to_have_count(0)


def test_retention_shows_no_note_for_a_cohort_without_later_intervals(page: Page) -> None:
    page.goto(RETENTION)
    expect(shown(page, "cohort")).to_have_count(3)
    expect(shown(page, "note")).to_have_count(0)


def test_retention_interval_and_count_are_written_to_the_address(page: Page, api: CannedApi) -> None:
    page.goto(RETENTION)
    shown(page, "interval").select_option("day")
    expect_search(page, "&show=retention&interval=day")
    wait_until(page, lambda: len(api.asked("stats/retention")) == 2)
    shown(page, "count").select_option(label="30 days later")
    expect_search(page, "&show=retention&interval=day&count=31")
    wait_until(page, lambda: len(api.asked("stats/retention")) == 3)
    asked = [(each["interval"], each["count"]) for each in api.asked("stats/retention")]
    assert asked == [("week", "9"), ("day", "15"), ("day", "31")]
    page.go_back()
    expect(shown(page, "count")).to_have_value("15")


@pytest.mark.parametrize(("period", "interval"), [("7d", "day"), ("90d", "week"), ("12mo", "month")])
def test_default_retention_interval_depends_on_the_period(page: Page, period: str, interval: str) -> None:
    page.goto(RETENTION.replace("30d", period))
    expect(shown(page, "interval")).to_have_value(interval)


def test_retention_of_a_period_with_one_interval_shows_a_notice(page: Page, api: CannedApi) -> None:
    api.answers["/api/stats/retention"] = lambda _: (200, COHORTS[2:])
    page.goto(RETENTION)
    expect(shown(page, "retention")).to_contain_text("The period has no week after its first: choose a longer one.")


def test_retention_shows_the_error_of_the_server(page: Page, api: CannedApi) -> None:
    said = "interval is day, of which the range has over 800; ask for a longer one."
    api.answers["/api/stats/retention"] = lambda _: (400, {"error": said})
    page.goto(f"{RETENTION}&interval=day")
    expect(shown(page, "failure")).to_contain_text(said)
    answer_behaviour(api)
    shown(page, "retry").click()
    expect(shown(page, "cohort")).to_have_count(3)


def test_behaviour_report_names_the_days_with_damaged_files(page: Page, api: CannedApi) -> None:
    api.answers["/api/stats/retention"] = lambda _: (200, COHORTS, {"X-Mallard-Incomplete": "2025-03-04"})
    page.goto(RETENTION)
    expect(shown(page, "incomplete")).to_contain_text("damaged files of Tue, Mar 4, 2025 are left out")
    expect(shown(page, "cohort")).to_have_count(3)
