"""Sequences: who did it, how often, and the times between the steps."""

import pytest
from playwright.sync_api import Page, expect

from support.behaviour_dashboard import SEQUENCE, START, SUGGESTED, answer_behaviour, is_earlier
from support.dashboard import Answer, CannedApi, Params, expect_search, shown, wait_until

SEQUENCES = f"{START}&show=sequences"


@pytest.fixture
def api(api: CannedApi) -> CannedApi:
    answer_behaviour(api)
    return api


def test_sequence_report_shows_visitors_rate_matches_and_times(page: Page, api: CannedApi) -> None:
    page.goto(SEQUENCES)
    expect(shown(page, "converting")).to_have_text("120")
    expect(shown(page, "conversion-rate")).to_have_text("6%")
    expect(shown(page, "matches")).to_have_text("150")
    times = shown(page, "times").locator("tbody tr")
    expect(times).to_have_text([r"/ → /pricing3m 20s", "/pricing → signup–"])
    expect(page.get_by_text("120 of 2,000 visitors did it.")).to_be_attached()
    assert api.asked("stats/sequences")[0]["steps"] == SUGGESTED
    assert api.asked("stats/sequences")[0]["details"] == "true"


def test_sequence_times_follow_the_order_of_the_pattern(page: Page, api: CannedApi) -> None:
    page.goto(f"{SEQUENCES}&steps=page:/a,page:/b,event:c")
    shown(page, "pattern").fill("(?3)(?t<=60)(?1).*(?3)")
    shown(page, "pattern").press("Enter")
    expect(shown(page, "times").locator("tbody th")).to_have_text(["c → /a", "/a → c"])
    # The names are there before the answer.
    wait_until(page, lambda: len(api.asked("stats/sequences", pattern="(?3)(?t<=60)(?1).*(?3)")) == 1)
    page.reload()
    expect(shown(page, "pattern")).to_have_value("(?3)(?t<=60)(?1).*(?3)")
    page.go_back()
    expect(shown(page, "pattern")).to_have_value("")


def test_invalid_pattern_is_reported_at_its_field(page: Page, api: CannedApi) -> None:
    said = "pattern has '(' at character 5 ((?1)▸(?9)), but there must be a step from 1 to 3."
    api.answers["/api/stats/sequences"] = lambda _: (400, {"error": said})
    page.goto(f"{SEQUENCES}&steps={SUGGESTED}&pattern=(?1)(?9)")
    expect(shown(page, "pattern")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_text(said)).to_have_count(1)


def test_too_few_steps_are_reported_below_the_steps(page: Page, api: CannedApi) -> None:
    said = "steps has 1 steps, but must have 2 to 32."
    api.answers["/api/stats/sequences"] = lambda _: (400, {"error": said})
    page.goto(f"{SEQUENCES}&steps=page:/")
    expect(page.get_by_role("group", name="Steps")).to_contain_text(said)
    expect(shown(page, "failure")).to_have_count(0)


def test_the_steps_of_the_funnel_are_those_of_the_sequence(page: Page) -> None:
    page.goto(f"{START}&steps=page:/a,page:/b")
    shown(page, "show-sequences").click()
    expect_search(page, "&show=sequences&steps=page:/a,page:/b")
    expect(shown(page, "name").nth(1)).to_have_value("/b")


def test_sequences_are_compared_with_the_previous_period(page: Page, api: CannedApi) -> None:
    def answer(params: Params) -> Answer:
        return 200, {**SEQUENCE, "converting_visitors": 100, "conversion_rate": 0.05} if is_earlier(
            params
        ) else SEQUENCE

    api.answers["/api/stats/sequences"] = answer
    page.goto(f"{SEQUENCES}&steps={SUGGESTED}&compare=previous_period")
    changes = shown(page, "sequences").locator('[data-test="change"]')
    expect(changes.nth(0)).to_contain_text("20%")
    expect(changes.nth(1)).to_contain_text("1 pts")
