"""Files of what is shown."""

from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, expect

from support.dashboard import shown


def test_the_export_menu_links_what_is_shown_as_files(page: Page) -> None:
    page.goto("/?site=example.com&from=2025-02-01&to=2025-02-28&f=is_not,sources,Google")
    expect(shown(page, "unique-visitors")).to_be_visible()
    menu = shown(page, "export")
    menu.locator("summary").click()
    days = menu.get_by_role("group", name="Days").get_by_role("link")
    expect(days).to_have_text(["CSV", "JSON", "Parquet"])
    address = urlsplit(days.first.get_attribute("href") or "")
    assert address.path == "/api/stats/export"
    assert {name: value for name, (value,) in parse_qs(address.query).items()} == {
        "site_id": "example.com",
        "start_date": "2025-02-01",
        "end_date": "2025-03-01",
        "filters": '[["is_not","sources",["Google"]]]',
        "format": "csv",
        "what": "days",
    }
    expect(menu.get_by_role("group", name="Events").get_by_role("link")).to_have_text(["CSV", "JSON", "Parquet"])


def test_the_export_menu_closes_by_escape_and_by_a_click_beside_it(page: Page) -> None:
    page.goto("/?site=example.com&period=30d")
    summary = shown(page, "export").locator("summary")
    link = shown(page, "export").get_by_role("link", name="Parquet").first
    summary.click()
    expect(link).to_be_visible()
    page.keyboard.press("Escape")
    expect(link).to_be_hidden()
    expect(summary).to_be_focused()
    summary.click()
    page.locator(".legend").click()
    expect(link).to_be_hidden()
