"""The dialog that says how the headline numbers are counted, and at what cost."""

import re
from typing import Any

from playwright.sync_api import Page, expect

from support.dashboard import STRANGER, CannedApi, shown

ADDRESS = "/?site=example.com&period=30d&f=is,countries,DE"
EXPLAINED: dict[str, Any] = {
    "days": {"rollup": [f"2025-03-{day:02}" for day in range(1, 30)], "events": ["2025-03-30"]},
    "files": 2,
    "bytes": 1_234_567,
    "milliseconds": 12,
    "memory_bytes": 34_500_000,
    "pending_events": 3,
    "written": "2025-03-30T10:00:00Z",
    "definition": "0123456789abcdef",
    "sql": ["WITH\nevent AS (SELECT 1)\nSELECT * FROM event WHERE country_code = $f0"],
    "values": {"f0": "DE"},
}
QUESTION = {
    "site_id": "example.com",
    "metrics": ["visitors", "pageviews", "visits", "views_per_visit", "bounce_rate", "visit_duration"],
    "date_range": ["2025-03-01", "2025-03-30"],
    "filters": [["is", "countries", ["DE"]]],
    "explain": True,
}


def explained(api: CannedApi, **more: Any) -> None:
    answer = {"results": [], "meta": {"explain": {**EXPLAINED, **more}}, "query": {}}
    api.answers["POST /api/v2/query"] = lambda _: (200, answer)


def facts(page: Page) -> dict[str, str]:
    pairs = shown(page, "explanation").locator("dl > div")
    return {each.locator("dt").inner_text(): each.locator("dd").inner_text() for each in pairs.all()}


def asked(api: CannedApi) -> list[dict[str, Any]]:
    return [params for path, params in api.requests if path == "POST /api/v2/query"]


def test_dialog_says_how_the_shown_numbers_are_counted(page: Page, api: CannedApi) -> None:
    explained(api)
    page.goto(ADDRESS)
    expect(shown(page, "unique-visitors")).to_be_visible()
    assert asked(api) == []
    shown(page, "how-counted").click()
    expect(page.get_by_role("dialog", name="How the headline numbers are counted")).to_be_visible()
    expect(shown(page, "explanation").locator("dl")).to_be_visible()
    assert asked(api) == [QUESTION]
    found = facts(page)
    assert found["From daily counts"] == "29 days, Mar 1 – 29, 2025"
    assert found["From events"] == "1 day, Mar 30, 2025"
    assert found["Data until"] == "now, with 3 events of the queue"
    assert found["Read"] == "2 files, 1.2 MB"
    assert (found["Time"], found["Memory"]) == ("12 ms", "34.5 MB at most")
    assert found["Definition"] == "0123456789abcdef"
    statement = page.get_by_label("SQL", exact=True)
    expect(statement).to_be_hidden()
    page.get_by_text("SQL", exact=True).click()
    expect(statement).to_contain_text("country_code = $f0")
    expect(statement).to_contain_text('-- $f0 = "DE"')


def test_each_opening_counts_again(page: Page, api: CannedApi) -> None:
    explained(api, pending_events=0)
    page.goto(ADDRESS)
    shown(page, "how-counted").click()
    expect(page.get_by_text("12 ms")).to_be_visible()
    assert re.fullmatch(r"Mar 30, 2025, .*, when the newest file was written", facts(page)["Data until"])
    page.get_by_role("button", name="Close").click()
    explained(api, milliseconds=7, days={"rollup": ["2025-03-01"]}, files=0, sql=[], written=None, pending_events=0)
    shown(page, "how-counted").click()
    expect(page.get_by_text("7 ms")).to_be_visible()
    found = facts(page)
    assert (found["Read"], found["Data until"]) == ("daily counts alone", "–")
    expect(page.get_by_text("SQL", exact=True)).to_have_count(0)


def test_dialog_is_used_by_keyboard_and_gives_the_focus_back(page: Page, api: CannedApi) -> None:
    explained(api)
    page.goto(ADDRESS)
    shown(page, "how-counted").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("12 ms")).to_be_visible()
    page.keyboard.press("Escape")
    expect(shown(page, "explanation")).to_be_hidden()
    expect(shown(page, "how-counted")).to_be_focused()


def test_a_refusal_is_shown_in_the_dialog(page: Page, api: CannedApi) -> None:
    api.answers["POST /api/v2/query"] = lambda _: (503, {"error": "Too many queries wait already."})
    page.goto(ADDRESS)
    shown(page, "how-counted").click()
    expect(shown(page, "explanation").get_by_role("alert")).to_have_text("Too many queries wait already.")


def test_visitors_of_a_public_site_see_no_button(page: Page, api: CannedApi) -> None:
    api.answers["/api/auth/status"] = lambda _: (200, STRANGER)
    page.goto(ADDRESS)
    expect(shown(page, "unique-visitors")).to_be_visible()
    expect(shown(page, "how-counted")).to_have_count(0)


def test_dialog_fits_a_narrow_screen(page: Page, api: CannedApi) -> None:
    explained(api, sql=["SELECT " + "a" * 500])
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto(ADDRESS)
    shown(page, "how-counted").click()
    page.get_by_text("SQL", exact=True).click()
    dialog = shown(page, "explanation")
    box = dialog.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 320
    assert dialog.evaluate("element => element.scrollWidth <= element.clientWidth")
