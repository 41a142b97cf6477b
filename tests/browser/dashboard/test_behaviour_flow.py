"""The flow from page to page."""

import re

import pytest
from playwright.sync_api import Page, expect

from support.behaviour_dashboard import START, answer_behaviour
from support.dashboard import CannedApi, expect_search, shown, wait_until

FLOW = f"{START}&show=flow"


@pytest.fixture
def api(api: CannedApi) -> CannedApi:
    answer_behaviour(api)
    return api


def test_flow_starts_at_the_top_entry_page(page: Page, api: CannedApi) -> None:
    page.goto(FLOW)
    expect(shown(page, "flow-row")).to_have_text(
        [re.compile(r"/docs\s*40"), re.compile(r"/about\s*20"), re.compile("No further page")]
    )
    expect(shown(page, "flow-heading")).to_have_text("After /")
    expect_search(page, "&show=flow&page=/")
    asked = api.asked("stats/flow")
    assert len(asked) == 1
    assert (asked[0]["page"], asked[0]["exits"]) == ("/", "true")


def test_flow_continues_at_a_chosen_page_and_back_returns(page: Page, api: CannedApi) -> None:
    page.goto(f"{FLOW}&page=/pricing")
    row = page.get_by_role("button", name="/docs")
    row.focus()
    page.keyboard.press("Enter")
    expect_search(page, "&show=flow&page=/docs")
    expect(shown(page, "flow-heading")).to_have_text("After /docs")
    wait_until(page, lambda: [asked["page"] for asked in api.asked("stats/flow")] == ["/pricing", "/docs"])
    page.go_back()
    expect(shown(page, "flow-heading")).to_have_text("After /pricing")


def test_focus_moves_to_the_heading_when_its_flow_row_is_gone(page: Page, api: CannedApi) -> None:
    page.goto(f"{FLOW}&page=/pricing")
    row = page.get_by_role("button", name="/docs")
    expect(row).to_be_visible()
    api.answers["/api/stats/flow"] = lambda _: (200, [{"next_page": "/other", "visitors": 3}])
    row.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="/other")).to_be_visible()
    expect(shown(page, "flow-heading")).to_be_focused()


def test_flow_goes_backward(page: Page, api: CannedApi) -> None:
    page.goto(f"{FLOW}&page=/pricing")
    shown(page, "direction").select_option("backward")
    expect_search(page, "&page=/pricing&direction=backward")
    expect(shown(page, "flow-heading")).to_have_text("Before /pricing")
    expect(shown(page, "flow-row").nth(2)).to_contain_text("No page before")


def test_flow_steps_are_nested_below_their_page(page: Page, api: CannedApi) -> None:
    page.goto(f"{FLOW}&page=/pricing")
    shown(page, "depth").select_option("2")
    expect_search(page, "&page=/pricing&depth=2")
    levels = shown(page, "flow-row")
    expect(levels).to_have_count(9)
    assert [row.get_attribute("data-level") for row in levels.all()] == list("011101110")
    expect(levels.nth(2).get_by_role("rowheader")).to_have_accessible_name(re.compile("after /docs: /about"))
    assert len(api.asked("stats/flow", depth="2")) == 1


def test_flow_can_start_at_an_event(page: Page, api: CannedApi) -> None:
    page.goto(f"{FLOW}&page=/pricing")
    expect(shown(page, "flow").locator("datalist option")).to_have_count(3)
    page.get_by_label("From", exact=True).select_option("event")
    expect_search(page, "&show=flow&event=click")
    expect(shown(page, "flow-heading")).to_have_text("After click")
    page.get_by_label("Name", exact=True).fill("signup")
    page.get_by_label("Name", exact=True).press("Enter")
    expect_search(page, "&show=flow&event=signup")
    wait_until(page, lambda: len(api.asked("stats/flow", event="signup")) == 1)
    assert "page" not in api.asked("stats/flow", event="signup")[0]


def test_flow_bars_are_proportional_to_the_top_page_and_absent_for_exits(page: Page, api: CannedApi) -> None:
    rows = [
        {"next_page": "/a", "visitors": 40},
        {"next_page": "/b", "visitors": 10},
        {"next_page": None, "visitors": 900},
    ]
    api.answers["/api/stats/flow"] = lambda _: (200, rows)
    page.goto(f"{FLOW}&page=/pricing")
    expect(shown(page, "flow-row")).to_have_count(3)
    width = "(row) => parseFloat(getComputedStyle(row.querySelector('th'), '::before').width)"
    widths = [row.evaluate(width) for row in shown(page, "flow-row").all()]
    assert widths[0] > 500
    assert widths == [pytest.approx(widths[0]), pytest.approx(widths[0] / 4, abs=1), 0]


def test_invalid_flow_page_is_reported_at_its_field(page: Page, api: CannedApi) -> None:
    said = "page is 'docs', but must be a path, such as /pricing or /blog/*."
    api.answers["/api/stats/flow"] = lambda _: (400, {"error": said})
    page.goto(f"{FLOW}&page=docs")
    expect(page.get_by_label("Path", exact=True)).to_have_accessible_description(said)
    expect(shown(page, "failure")).to_have_count(0)


def test_flow_of_an_unvisited_page_shows_a_notice(page: Page, api: CannedApi) -> None:
    api.answers["/api/stats/flow"] = lambda _: (200, [])
    page.goto(f"{FLOW}&page=/never")
    expect(shown(page, "flow")).to_contain_text("Nobody was there in this period.")
