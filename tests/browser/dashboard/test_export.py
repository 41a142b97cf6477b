"""Files of what is shown."""

import csv
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, expect

from support.dashboard import shown
from support.shop import DAY, SITE


def test_export_menu_links_files_of_the_shown_report(page: Page) -> None:
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


def test_export_menu_closes_by_escape_and_an_outside_click(page: Page) -> None:
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


def test_a_file_has_the_range_and_the_filters_of_the_page(shop_page: Page, tmp_path: Path) -> None:
    shop_page.goto(f"/?site={SITE}&from={DAY}&to={DAY}&f=is,sources,Google")
    shown(shop_page, "export").locator("summary").click()
    with shop_page.expect_download() as started:
        shop_page.get_by_role("group", name="Events").get_by_role("link", name="CSV").click()
    started.value.save_as(tmp_path / "events.csv")
    with (tmp_path / "events.csv").open(newline="", encoding="utf-8-sig") as file:
        events = [(event["date"], event["referrer_source"], event["pathname"]) for event in csv.DictReader(file)]
    pages = ["/", "/", "/", "/pricing", "/pricing", "/thanks"]
    assert sorted(events) == [(DAY, "Google", page) for page in pages]
