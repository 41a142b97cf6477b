"""The keyboard, and names for who does not see."""

from playwright.sync_api import Page, expect

from support.dashboard import expect_search, shown


def test_the_keyboard_reaches_the_pickers_in_the_order_they_stand(page: Page) -> None:
    page.goto("/?site=example.com&period=30d")
    expect(shown(page, "unique-visitors")).to_be_visible()
    reached = []
    for _ in range(6):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.dataset.test ?? document.activeElement.textContent"))
    assert reached == ["Skip to the report", "Mallard Metrics", "site", "add-site", "period", "compare"]
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("ArrowDown")
    expect_search(page, "/?site=example.com&period=90d")


def test_a_site_is_added_by_keyboard_alone(page: Page) -> None:
    page.goto("/?site=example.com&period=30d")
    shown(page, "add-site").focus()
    page.keyboard.press("Enter")
    expect(shown(page, "site-id")).to_be_focused()
    page.keyboard.press("Escape")
    expect(shown(page, "add-site")).to_be_focused()
    page.keyboard.press("Enter")
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
