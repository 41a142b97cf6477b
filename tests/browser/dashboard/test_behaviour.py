"""The part of the report about behaviour: what it asks, its states, its address, and who sees it."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from support.behaviour_dashboard import COHORTS, SITE, START, SUGGESTED, answer_behaviour, basis
from support.dashboard import LIVE, STRANGER, CannedApi, expect_search, shown, wait_until

SLUG = "S" * 22
SHARE = {"token": "t1", "site_id": SITE, "name": "board", "filters": "", "embeddable": False}
REPORTS = ("sessions", "funnel", "retention", "sequences", "flow")
LAST = {"funnel": "funnel-rate", "retention": "mean", "sequences": "times", "flow": "flow-table"}
LONG = "/a-page-with-a-name-that-is-far-longer-than-any-screen-is-wide/and-that-goes-on-and-on-and-does-not-end"


@pytest.fixture
def api(api: CannedApi) -> CannedApi:
    answer_behaviour(api)
    return api


def asked(api: CannedApi) -> list[str]:
    """Which of these reports were asked for, in order."""
    names = [path.removeprefix("/api/stats/") for path, _ in api.requests]
    return [name for name in names if name in REPORTS]


def test_overview_requests_no_behaviour_report(page: Page, api: CannedApi) -> None:
    page.goto(f"/?site={SITE}&period=30d")
    expect(shown(page, "unique-visitors")).to_be_visible()
    expect(shown(page, "part-behaviour")).to_be_visible()
    assert asked(api) == []
    loaded = page.evaluate("performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname)")
    assert [path for path in loaded if path.startswith("/behaviour/")] == ["/behaviour/state.js"]


def test_behaviour_tab_requests_only_the_visible_report(page: Page, api: CannedApi) -> None:
    page.goto(f"/?site={SITE}&period=30d")
    shown(page, "part-behaviour").click()
    expect(shown(page, "part-behaviour")).to_be_focused()
    expect(shown(page, "funnel-rate")).to_be_visible()
    expect(shown(page, "sessions")).to_be_visible()
    assert sorted(asked(api)) == ["funnel", "sessions"]
    for name in ("retention", "sequences", "flow"):
        shown(page, f"show-{name}").click()
        expect(shown(page, LAST[name])).to_be_visible()
        expect(shown(page, f"show-{name}")).to_have_attribute("aria-current", "page")
    assert sorted(asked(api)) == sorted(REPORTS)


def test_behaviour_state_survives_a_switch_to_the_overview(page: Page, api: CannedApi) -> None:
    page.goto(f"{START}&show=flow&page=/docs&depth=2")
    expect(shown(page, "flow-row")).to_have_count(9)
    shown(page, "part-overview").click()
    expect_search(page, f"/?site={SITE}&period=30d")
    expect(shown(page, "unique-visitors")).to_be_visible()
    shown(page, "part-behaviour").click()
    expect_search(page, f"{START}&show=flow&page=/docs&depth=2")
    expect(shown(page, "flow-row")).to_have_count(9)
    page.go_back()
    expect(shown(page, "unique-visitors")).to_be_visible()


def test_period_and_filters_apply_to_all_behaviour_reports(page: Page, api: CannedApi) -> None:
    page.goto(f"{START}&steps={SUGGESTED}&f=is,countries,DE")
    expect(shown(page, "funnel-rate")).to_be_visible()
    shown(page, "period").select_option("7d")
    expect_search(page, f"/?site={SITE}&period=7d&f=is,countries,DE&view=behaviour&steps={SUGGESTED}")
    wait_until(page, lambda: len(api.asked("stats/funnel")) == len(api.asked("stats/sessions")) == 2)
    for name in ("sessions", "funnel"):
        assert len(api.asked(f"stats/{name}", period="7d", filters='[["is","countries",["DE"]]]')) == 1
    shown(page, "remove-filter").click()
    wait_until(page, lambda: len(api.asked("stats/funnel")) == 3)
    assert "filters" not in api.asked("stats/funnel")[2]


def test_funnel_steps_are_reset_when_another_site_is_selected(page: Page, api: CannedApi) -> None:
    page.goto(f"{START}&steps=page:/only-here")
    expect(shown(page, "funnel-rate")).to_be_visible()
    api.answers["/api/sites/other.example"] = lambda _: (200, {"goals": []})
    shown(page, "site").select_option("other.example")
    expect_search(page, f"/?site=other.example&period=30d&view=behaviour&steps={SUGGESTED}")


def test_invalid_behaviour_parameters_are_removed_from_the_address(page: Page, api: CannedApi) -> None:
    page.goto(f"{START}&show=nothing&by=weather&interval=year&count=999&depth=9&direction=up")
    expect_search(page, f"{START}&steps={SUGGESTED}")
    expect(shown(page, "funnel-rate")).to_be_visible()


def test_session_cards_show_the_previous_period(page: Page) -> None:
    page.goto(f"{START}&compare=previous_period")
    expect(shown(page, "sessions")).to_have_text("1,500")
    expect(shown(page, "session-duration")).to_have_text("2m 5s")
    expect(shown(page, "session-pages")).to_have_text("2.5")
    card = page.get_by_role("region", name="Sessions")
    expect(card.locator('[data-test="change"]').first).to_contain_text("up 50% from 1,000")


def test_failed_report_shows_the_error_and_can_be_retried(page: Page, api: CannedApi) -> None:
    said = "The store does not answer; try again in a few seconds."
    api.answers["/api/stats/funnel"] = lambda _: (503, {"error": said})
    page.goto(f"{START}&steps={SUGGESTED}")
    expect(shown(page, "failure")).to_contain_text(said)
    expect(shown(page, "sessions")).to_have_text("1,500")
    answer_behaviour(api)
    shown(page, "retry").click()
    expect(shown(page, "funnel-rate")).to_have_text("25%")
    expect(shown(page, "failure")).to_have_count(0)


def test_funnel_without_events_shows_a_notice_and_accepts_steps(page: Page, api: CannedApi) -> None:
    nothing: dict[str, list[Any]] = {"pages": [], "entry_pages": [], "events": []}
    api.answers["/api/stats/overview"] = lambda _: (200, basis(breakdowns=nothing))
    page.goto(START)
    expect(shown(page, "funnel")).to_contain_text("Nothing happened in this period.")
    assert "funnel" not in asked(api)
    shown(page, "add-step").click()
    expect(shown(page, "name")).to_be_focused()
    page.keyboard.type("/")
    page.keyboard.press("Enter")
    expect(shown(page, "funnel-step")).to_have_count(1)


def test_stale_funnel_response_does_not_replace_a_newer_one(page: Page, api: CannedApi) -> None:
    api.answers["/api/stats/funnel"] = lambda params: (
        None if params["steps"] == "page:/a" else (200, [{"step": 1, "visitors": 111}])
    )
    page.goto(f"{START}&steps=page:/a")
    wait_until(page, lambda: len(api.held) == 1)
    shown(page, "name").fill("/b")
    shown(page, "name").press("Enter")
    expect(shown(page, "funnel-step")).to_have_attribute("data-value", "111")
    api.held[0].fulfil(200, [{"step": 1, "visitors": 999}])
    page.wait_for_timeout(200)
    expect(shown(page, "funnel-step")).to_have_attribute("data-value", "111")


@pytest.mark.parametrize(("show", "field"), [("funnel", "name"), ("funnel", "window"), ("sequences", "pattern")])
def test_typed_text_stays_when_responses_arrive(page: Page, api: CannedApi, show: str, field: str) -> None:
    api.answers["/api/stats/overview"] = lambda _: None
    page.goto(f"{START}&show={show}&steps=page:/a,page:/b,page:/c")
    wait_until(page, lambda: len(api.held) == 1)
    expect(shown(page, LAST[show])).to_be_visible()
    shown(page, field).first.press_sequentially("xy")
    written = shown(page, field).first.input_value()
    api.held[0].fulfil(200, basis())
    expect(shown(page, "step").first.locator("option[value='/pricing']")).to_be_attached()
    page.wait_for_timeout(100)
    expect(shown(page, field).first).to_have_value(written)
    expect(shown(page, field).first).to_be_focused()


def test_behaviour_report_of_today_refreshes_without_moving_the_focus(clocked_page: Page, api: CannedApi) -> None:
    page = clocked_page
    page.goto(f"{START}&steps=page:/a,page:/b")
    expect(shown(page, "funnel-rate")).to_be_visible()
    shown(page, "name").first.focus()
    page.clock.run_for(61_000)
    wait_until(page, lambda: len(api.asked("stats/funnel")) == 2)
    expect(shown(page, "name").first).to_be_focused()


@pytest.mark.parametrize("show", LAST)
def test_shared_link_shows_behaviour_and_keeps_its_address(page: Page, api: CannedApi, show: str) -> None:
    api.answers[f"POST /api/share/{SLUG}"] = lambda _: (200, SHARE)
    page.goto(f"/share.html#{SLUG}")
    shown(page, "part-behaviour").click()
    shown(page, f"show-{show}").click()
    expect(shown(page, LAST[show])).to_be_visible()
    expect(page).to_have_url(re.compile(f"view=behaviour.*#{SLUG}$"))
    assert str(shown(page, "show-flow").get_attribute("href")).endswith(f"#{SLUG}")
    assert api.bearers == {"Bearer t1"}
    assert [path for path, _ in api.requests if path.startswith("/api/sites")] == []


def test_public_site_shows_behaviour_without_a_login(page: Page, api: CannedApi) -> None:
    api.answers["/api/auth/status"] = lambda _: (200, STRANGER)
    api.answers["/api/stats/main"] = lambda _: (200, LIVE)
    refusal = (401, {"error": "Log in first."})
    api.answers["/api/sites"] = lambda _: refusal
    api.answers[f"/api/sites/{SITE}"] = lambda _: refusal
    page.goto(START)
    expect(shown(page, "funnel-rate")).to_have_text("25%")
    expect(shown(page, "failure")).to_have_count(0)


@pytest.mark.parametrize("show", LAST)
def test_behaviour_report_fits_the_narrowest_screens(page: Page, api: CannedApi, show: str) -> None:
    api.answers["/api/stats/retention"] = lambda _: (200, [{**COHORTS[0], "visitors": [9] * 12}] * 3)
    api.answers["/api/stats/flow"] = lambda _: (200, [{"next_page": LONG, "visitors": 3}])
    page.set_viewport_size({"width": 320, "height": 700})
    page.goto(f"{START}&show={show}&steps=page:{LONG},page:{LONG},event:signup&by=countries&page={LONG}")
    expect(shown(page, LAST[show])).to_be_attached()
    assert page.evaluate("document.documentElement.scrollWidth") == 320


@pytest.mark.parametrize("show", LAST)
def test_every_control_has_a_name(page: Page, show: str) -> None:
    page.goto(f"{START}&show={show}")
    expect(shown(page, LAST[show])).to_be_visible()
    controls = page.locator("main").locator("input, select, button, summary").filter(visible=True)
    for control in controls.all():
        expect(control).to_have_accessible_name(re.compile(r"\w"))
    expect(page.get_by_role("navigation", name="Behaviour")).to_be_visible()
    expect(page.get_by_role("heading", level=2)).to_have_count(1)
