"""The funnel: what it asks, what it shows, and how its steps are written."""

import re

import pytest
from playwright.sync_api import Page, expect

from support.behaviour_dashboard import GOALS, START, SUGGESTED, answer_behaviour
from support.dashboard import CannedApi, expect_search, shown, wait_until


@pytest.fixture
def api(api: CannedApi) -> CannedApi:
    answer_behaviour(api)
    return api


def names(page: Page) -> list[str]:
    """What the steps' fields hold."""
    return [field.input_value() for field in shown(page, "name").all()]


def bars(page: Page) -> list[int]:
    """How many reached each step, as shown."""
    return [int(bar.get_attribute("data-value") or -1) for bar in shown(page, "funnel-step").all()]


def steps_asked(api: CannedApi) -> list[str]:
    return [asked["steps"] for asked in api.asked("stats/funnel")]


def test_funnel_opens_with_steps_of_the_site_and_writes_them_into_the_address(page: Page, api: CannedApi) -> None:
    page.goto(START)
    expect(shown(page, "funnel-rate")).to_have_text("25%")
    assert names(page) == ["/", "/pricing", "signup"]
    assert bars(page) == [1000, 500, 250]
    expect(shown(page, "funnel-step").nth(2)).to_contain_text("250 left before this step (50%)")
    expect_search(page, f"{START}&steps={SUGGESTED}")
    assert steps_asked(api) == [SUGGESTED]
    page.go_back()
    expect(page).to_have_url("about:blank")


def test_suggested_funnel_ends_at_a_goal_of_the_site(page: Page, api: CannedApi) -> None:
    answer_behaviour(api, GOALS)
    page.goto(START)
    expect_search(page, "&steps=page:/,page:/pricing,goal:Signup")


def test_a_step_is_written_added_and_removed_by_keyboard_alone(page: Page, api: CannedApi) -> None:
    page.goto(f"{START}&steps=page:/,page:/pricing")
    expect(shown(page, "funnel-step")).to_have_count(2)
    shown(page, "add-step").focus()
    page.keyboard.press("Enter")
    expect(shown(page, "name").nth(2)).to_be_focused()
    page.keyboard.type("/docs")
    page.keyboard.press("Enter")
    expect_search(page, "&steps=page:/,page:/pricing,page:/docs")
    expect(shown(page, "name").nth(2)).to_be_focused()
    expect(shown(page, "funnel-step")).to_have_count(3)

    shown(page, "remove-step").nth(1).focus()
    page.keyboard.press("Enter")
    expect_search(page, "&steps=page:/,page:/docs")
    expect(shown(page, "remove-step").nth(1)).to_be_focused()
    expect(page.get_by_text("Step 2 is removed; 2 left.")).to_be_attached()
    wait_until(page, lambda: len(steps_asked(api)) == 3)
    assert steps_asked(api) == ["page:/,page:/pricing", "page:/,page:/pricing,page:/docs", "page:/,page:/docs"]


def test_funnel_step_keeps_the_focus_when_moved(page: Page) -> None:
    page.goto(f"{START}&steps=page:/a,page:/b,page:/c")
    expect(shown(page, "funnel-step")).to_have_count(3)
    shown(page, "down-step").first.focus()
    page.keyboard.press("Enter")
    expect_search(page, "&steps=page:/b,page:/a,page:/c")
    expect(shown(page, "down-step").nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    expect_search(page, "&steps=page:/b,page:/c,page:/a")
    # It cannot go any further down: the button that is left takes the keyboard.
    expect(shown(page, "up-step").nth(2)).to_be_focused()
    expect(page.get_by_text("Moved to place 3 of 3.")).to_be_attached()
    page.go_back()
    expect(shown(page, "name").nth(1)).to_have_value("/a")


def test_funnel_step_of_another_kind_is_requested_once_named(page: Page, api: CannedApi) -> None:
    page.goto(f"{START}&steps=page:/,page:/pricing")
    expect(shown(page, "funnel-step")).to_have_count(2)
    shown(page, "add-step").click()
    shown(page, "step-kind").nth(2).select_option("event")
    offered = shown(page, "step").nth(2).locator("datalist option")
    expect(offered).to_have_count(3)
    assert [option.get_attribute("value") for option in offered.all()] == ["pageview", "click", "signup"]
    shown(page, "name").nth(2).fill("signup")
    shown(page, "name").nth(2).press("Tab")
    expect_search(page, "&steps=page:/,page:/pricing,event:signup")
    wait_until(page, lambda: len(steps_asked(api)) == 2)
    assert steps_asked(api) == ["page:/,page:/pricing", "page:/,page:/pricing,event:signup"]


@pytest.mark.parametrize(
    ("typed", "written"),
    [("/a,b", 'page:"/a,b"'), ('/a"b\\', 'page:"/a\\"b\\\\"'), ("/docs[plan=pro|team]", "page:/docs[plan=pro|team]")],
)
def test_funnel_step_names_with_reserved_characters_are_quoted_and_read_back(
    page: Page, api: CannedApi, typed: str, written: str
) -> None:
    page.goto(f"{START}&steps=page:/,event:signup")
    field = shown(page, "name").first
    field.fill(typed)
    field.press("Enter")
    wait_until(page, lambda: f"{written},event:signup" in steps_asked(api))
    page.reload()
    expect(field).to_have_value(typed)
    expect(shown(page, "name").nth(1)).to_have_value("signup")


def test_step_error_of_the_server_is_shown_at_its_step(page: Page, api: CannedApi) -> None:
    said = "steps has 'pricing' at character 13 (page:/,page:▸pricing), but there must be a page, which begins with /."
    api.answers["/api/stats/funnel"] = lambda _: (400, {"error": said})
    page.goto(f"{START}&steps=page:/,page:pricing,event:signup")
    wrong = shown(page, "name").nth(1)
    expect(wrong).to_have_accessible_description(said)
    expect(wrong).to_have_attribute("aria-invalid", "true")
    expect(shown(page, "name").first).to_have_attribute("aria-invalid", "false")
    expect(page.get_by_text(said)).to_have_count(1)
    expect(shown(page, "failure")).to_have_count(0)

    answer_behaviour(api)
    wrong.fill("/pricing")
    wrong.press("Enter")
    expect(shown(page, "funnel-rate")).to_have_text("25%")
    expect(page.get_by_text(said)).to_have_count(0)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ("window ends after character 1 (3▸), but there must be a unit: one of second, minute.", "window"),
        ("'Nope' is no goal of this site; it has none.", "name"),
    ],
)
def test_funnel_errors_are_shown_at_their_field(page: Page, api: CannedApi, said: str, field: str) -> None:
    api.answers["/api/stats/funnel"] = lambda _: (400, {"error": said})
    page.goto(f"{START}&steps=goal:Nope&window=3")
    expect(shown(page, field)).to_have_accessible_description(said)
    expect(shown(page, "failure")).to_have_count(0)


def test_funnel_window_and_modes_are_requested_and_written_to_the_address(page: Page, api: CannedApi) -> None:
    page.goto(f"{START}&steps={SUGGESTED}")
    expect(shown(page, "window")).to_have_value("1 day")
    shown(page, "window").fill("2 hours")
    shown(page, "window").press("Enter")
    expect_search(page, f"&steps={SUGGESTED}&window=2+hours")
    shown(page, "modes").locator("summary").click()
    page.get_by_label("Nothing else in between").check()
    page.get_by_label("An event is one step only").check()
    expect_search(page, f"&steps={SUGGESTED}&window=2+hours&mode=strict_order,strict_once")
    asked = {"window": "2 hours", "mode": "strict_order,strict_once"}
    wait_until(page, lambda: len(api.asked("stats/funnel", **asked)) == 1)


def test_funnel_breaks_down_by_country(page: Page, api: CannedApi) -> None:
    page.goto(f"{START}&steps={SUGGESTED}")
    shown(page, "by").select_option("countries")
    expect_search(page, f"&steps={SUGGESTED}&by=countries")
    rows = shown(page, "funnel-row")
    expect(rows).to_have_text([re.compile(r"Germany\s*800\s*400\s*200\s*25%"), re.compile(r"France\s*200\s*100\s*50")])
    expect(page.get_by_role("region", name="By country")).to_be_visible()
    shown(page, "by").select_option("")
    expect(rows).to_have_count(0)


def test_funnel_is_compared_with_the_previous_period(page: Page, api: CannedApi) -> None:
    page.goto(f"{START}&steps={SUGGESTED}&compare=previous_period")
    expect(shown(page, "funnel-step").first).to_contain_text("800 before")
    expect(shown(page, "funnel").locator('[data-test="change"]')).to_contain_text("0 pts")
    earlier = next(asked for asked in api.asked("stats/funnel") if "start_date" in asked)
    assert (earlier["start_date"], earlier["end_date"]) == ("2025-01-30", "2025-03-01")
    assert all("compare" not in asked for asked in api.asked("stats/funnel"))


def test_funnel_layout_does_not_shift_when_the_response_arrives(page: Page, api: CannedApi) -> None:
    api.answers["/api/stats/funnel"] = lambda _: None
    page.goto(f"{START}&steps={SUGGESTED}")
    wait_until(page, lambda: len(api.held) == 1)
    expect(shown(page, "sessions")).to_be_visible()
    expect(shown(page, "name")).to_have_count(3)
    # What there is to choose from has come too.
    expect(shown(page, "step").first.locator("option[value='/pricing']")).to_be_attached()
    # What is folded away has no place, nor have choices, of which the last step's may still be on their way.
    places = """[...document.querySelectorAll('.asked *, .tabs, h2')]
        .filter((each) => each.checkVisibility() && !each.closest('option, optgroup, datalist'))
        .map((each) => each.getBoundingClientRect().top)"""
    before = page.evaluate(places)
    api.held[0].fulfil(200, [{"step": at, "visitors": 10} for at in (1, 2, 3)])
    expect(shown(page, "funnel-rate")).to_be_visible()
    assert page.evaluate(places) == before
