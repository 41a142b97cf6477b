"""The keyboard, and names for who does not see."""

from typing import Any

from playwright.sync_api import Page, expect

from support.dashboard import HEADLINE, CannedApi, expect_search, overview, rows, shown


def test_the_keyboard_reaches_the_pickers_in_the_order_they_stand(page: Page) -> None:
    page.goto("/?site=example.com&period=30d")
    expect(shown(page, "unique-visitors")).to_be_visible()
    reached = []
    for _ in range(7):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                "(({dataset, title, textContent}) => dataset.test ?? (title || textContent))(document.activeElement)"
            )
        )
    assert reached == ["Skip to the report", "Mallard Metrics", "Menu", "site", "add-site", "period", "compare"]
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("ArrowDown")
    expect_search(page, "/?site=example.com&period=90d")


def test_focus_stays_at_the_list_when_its_row_is_gone(page: Page, api: CannedApi) -> None:
    def answer(asked: dict[str, str]) -> tuple[int, Any]:
        found = overview()
        if "filters" in asked:
            found["breakdowns"]["pages"] = rows(3)
        return 200, found

    api.answers["/api/stats/overview"] = answer
    page.goto("/?site=example.com&period=30d")
    page.get_by_role("button", name="/page-7").first.focus()
    page.keyboard.press("Enter")
    expect(shown(page, "breakdown-pages").locator('[data-test="row"]')).to_have_count(3)
    expect(page.get_by_role("heading", name="Pages", exact=True)).to_be_focused()


def test_refresh_does_not_move_the_focus(clocked_page: Page, api: CannedApi) -> None:
    page, visitors = clocked_page, iter(range(100))
    api.answers["/api/stats/overview"] = lambda _: (200, overview(main={**HEADLINE, "unique_visitors": next(visitors)}))
    page.goto("/?site=example.com&period=today")
    page.get_by_role("button", name="/page-7").first.click()
    expect(shown(page, "unique-visitors")).to_have_text("1")
    page.evaluate("document.activeElement.blur()")
    page.clock.run_for(61_000)
    expect(shown(page, "unique-visitors")).to_have_text("2")
    assert page.evaluate("document.activeElement === document.body")


def test_a_site_is_added_by_keyboard_alone(page: Page) -> None:
    page.goto("/?site=example.com&period=30d")
    shown(page, "add-site").focus()
    page.keyboard.press("Enter")
    expect(shown(page, "site-id")).to_be_focused()
    page.keyboard.press("Escape")
    expect(shown(page, "add-site")).to_be_focused()
    page.keyboard.press("Enter")
    expect(shown(page, "site-id")).to_be_focused()
    page.keyboard.type("new.example")
    page.keyboard.press("Enter")
    expect_search(page, "/?site=new.example&period=30d")
    expect(shown(page, "site")).to_have_value("new.example")


def test_every_control_and_region_has_a_name(page: Page) -> None:
    page.goto("/?site=example.com&from=2025-02-01&to=2025-02-28")
    expect(shown(page, "unique-visitors")).to_be_visible()
    for label in ("Site", "Period", "Compare with", "From", "To, inclusive"):
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
