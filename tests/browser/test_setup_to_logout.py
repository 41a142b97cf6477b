"""The way through a real server's door: first visit, settings, a key, a link in a foreign page, and out again."""

import csv
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from support.dashboard import DASHBOARD, expect_search, shown, wait_until
from support.server import Server
from support.static_host import Hosted, hosting

SITE = "example.com"
PASSWORD, OTHER = "kettle-moss-17", "lantern-fjord-4"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server of which nothing is known yet but three page views of two pages."""
    with Server(tmp_path / "data", MALLARD_AUTH="on") as server:
        assert [server.send(u=f"https://{SITE}{path}") for path in ("/", "/", "/pricing")] == [202] * 3
        yield server


@pytest.fixture
def foreign(tmp_path: Path) -> Iterator[Hosted]:
    """A host of another site."""
    (tmp_path / "foreign").mkdir()
    with hosting(tmp_path / "foreign") as host:
        yield host


def asked(server: Server, path: str, key: str = "") -> tuple[int, Any]:
    """Status and JSON of what a program is answered."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(server.origin + path, headers=headers)) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.load(refused)


def first_visit(page: Page, origin: str) -> None:
    page.goto(f"{origin}/")
    expect(page.get_by_role("heading", name="Choose a password")).to_be_visible()
    shown(page, "password").fill(PASSWORD)
    shown(page, "password").press("Enter")
    expect(shown(page, "total-pageviews")).to_have_attribute("data-value", "3")


def open_settings(page: Page, section: str) -> None:
    page.get_by_title("Menu").click()
    shown(page, "to-settings").click()
    page.get_by_role("navigation", name="Settings").get_by_role("link", name=section).click()


def make_link(page: Page, name: str, *, embeddable: bool, password: str = "") -> str:
    """The address of a new link."""
    shown(page, "link-name").fill(name)
    shown(page, "link-password").fill(password)
    page.get_by_label("It may be embedded").set_checked(embeddable)
    shown(page, "make-link").click()
    row = shown(page, "link").filter(has_text=name)
    return row.locator('[data-test="share-address"]').inner_text()


def test_owner_sets_up_creates_a_key_and_logs_out(page: Page, server: Server, complaints: list[str]) -> None:
    first_visit(page, server.origin)
    open_settings(page, "API keys")
    shown(page, "key-name").fill("spreadsheet")
    shown(page, "key-name").press("Enter")
    key = shown(page, "new-key").inner_text()
    numbers = f"/api/stats/main?site_id={SITE}"
    assert asked(server, numbers)[0] == 401
    assert asked(server, numbers, key)[1]["total_pageviews"] == 3
    page.reload()
    expect(shown(page, "key")).to_contain_text("spreadsheet")
    expect(page.get_by_text(key)).to_have_count(0)
    shown(page, "revoke-key").click()
    shown(page, "yes").click()
    expect(shown(page, "key")).to_contain_text("revoked")
    assert asked(server, numbers, key)[0] == 401

    page.get_by_title("Menu").click()
    shown(page, "log-out").click()
    expect(shown(page, "door")).to_contain_text("You are logged out")
    page.reload()
    expect(shown(page, "password")).to_be_visible()
    shown(page, "password").fill("not-the-password")
    shown(page, "password").press("Enter")
    expect(shown(page, "problem")).to_have_text("The password is not right.")
    shown(page, "password").fill(PASSWORD)
    shown(page, "password").press("Enter")
    expect(shown(page, "key")).to_be_visible()
    # Strangers were refused, and so was a wrong password; nothing else was said.
    assert all("401" in complaint for complaint in complaints)


def test_site_is_configured_made_public_and_erased(page: Page, browser: Browser, server: Server) -> None:
    first_visit(page, server.origin)
    open_settings(page, "Sites")
    page.get_by_label("Time zone").select_option("America/Los_Angeles")
    shown(page, "add-goal").click()
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.keyboard.type("Pricing seen")
    page.get_by_label("Kind").select_option(label="Page view")
    page.get_by_label("Path").fill("/pricing")
    page.get_by_label("Everyone may look").check()
    shown(page, "save-site").click()
    # West of UTC it is never tomorrow already.
    expect(page.get_by_text("America/Los_Angeles holds from")).to_be_visible()

    stranger = browser.new_page()
    stranger.goto(shown(page, "public-address").inner_text())
    expect(shown(stranger, "total-pageviews")).to_have_attribute("data-value", "3")
    expect(shown(stranger, "reader-menu")).to_have_count(0)
    stranger.goto(f"{server.origin}/?site=other.example")
    expect(shown(stranger, "password")).to_be_visible()
    stranger.close()

    today = datetime.now(UTC).date()
    page.get_by_label("From", exact=True).fill((today - timedelta(days=7)).isoformat())
    page.get_by_label("To, inclusive").fill(today.isoformat())
    page.get_by_label(f"Type {SITE} to confirm").fill(SITE)
    shown(page, "erase").click()
    expect(shown(page, "erased")).not_to_be_empty()
    shown(page, "back").click()
    expect(shown(page, "install")).to_contain_text(f"No events from {SITE} yet")


def test_embedded_link_shows_its_filtered_report_until_revoked(
    page: Page, browser: Browser, server: Server, foreign: Hosted
) -> None:
    first_visit(page, server.origin)
    page.goto(f"{server.origin}/?site={SITE}&f=is,pages,/pricing")
    open_settings(page, "Shared links")
    address = make_link(page, "board", embeddable=True)
    foreign.put("/index.html", shown(page, "embed").inner_text())
    closed = make_link(page, "closed", embeddable=False)
    foreign.put("/closed.html", f'<iframe src="{closed}"></iframe>')
    foreign.put("/owner.html", f'<iframe src="{server.origin}/"></iframe>')

    visitor = browser.new_page()
    visitor.goto(f"{foreign.origin}/")
    frame = visitor.frame_locator("iframe")
    expect(frame.locator('[data-test="total-pageviews"]')).to_have_attribute("data-value", "1")
    expect(frame.locator('[data-test="fixed-filter"]')).to_have_text("Page is /pricing")
    assert frame.locator('[data-test="way-out"]').get_attribute("href") == address

    visitor.goto(f"{foreign.origin}/closed.html")
    expect(frame.locator('[data-test="notice"]')).to_contain_text("This link is not for other pages")
    expect(frame.locator('[data-test="total-pageviews"]')).to_have_count(0)
    visitor.goto(closed)
    expect(shown(visitor, "total-pageviews")).to_have_attribute("data-value", "1")

    # The dashboard itself stands in no frame, whoever is logged in.
    page.goto(f"{foreign.origin}/owner.html")
    wait_until(page, lambda: [frame.url.partition(":")[0] for frame in page.frames[1:]] == ["chrome-error"])

    page.goto(f"{server.origin}/?view=settings&section=links")
    page.get_by_role("button", name="Revoke closed").click()
    shown(page, "yes").click()
    expect(shown(page, "link")).to_have_count(1)
    visitor.goto("about:blank")
    visitor.goto(closed)
    expect(shown(visitor, "notice")).to_contain_text("This link shows nothing any more")
    visitor.close()


def test_link_with_a_password_exports_days_but_no_events(
    page: Page, browser: Browser, server: Server, tmp_path: Path
) -> None:
    first_visit(page, server.origin)
    open_settings(page, "Shared links")
    address = make_link(page, "agency", embeddable=False, password=OTHER)
    visitor = browser.new_page()
    visitor.goto(address)
    shown(visitor, "password").fill("wrong-guess-1")
    shown(visitor, "password").press("Enter")
    expect(shown(visitor, "problem")).to_contain_text("which this is not")
    shown(visitor, "password").fill(OTHER)
    shown(visitor, "password").press("Enter")
    expect(shown(visitor, "total-pageviews")).to_have_attribute("data-value", "3")
    assert days_of(visitor, tmp_path) == 3
    visitor.close()


def test_configured_password_cannot_be_changed_in_the_dashboard(page: Page, tmp_path: Path) -> None:
    with Server(tmp_path / "data", MALLARD_AUTH="on", MALLARD_ADMIN_PASSWORD=PASSWORD) as server:
        page.goto(f"{server.origin}/?view=settings&section=password")
        shown(page, "password").fill(PASSWORD)
        shown(page, "password").press("Enter")
        page.get_by_label("Current password").fill(PASSWORD)
        page.get_by_label("New password").fill(OTHER)
        shown(page, "change-password").click()
        expect(shown(page, "change-password-problem")).to_contain_text("MALLARD_ADMIN_PASSWORD")


def test_dashboard_on_another_origin_logs_in_and_exports_with_a_token_in_memory(
    page: Page, browser: Browser, tmp_path: Path, complaints: list[str]
) -> None:
    with hosting(DASHBOARD) as host:
        settings = {"MALLARD_AUTH": "on", "MALLARD_ADMIN_PASSWORD": PASSWORD, "MALLARD_DASHBOARD_ORIGIN": host.origin}
        with Server(tmp_path / "data", **settings) as server:
            assert server.send() == 202
            host.allow(
                f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src {server.origin}"
            )
            for name in ("index.html", "share.html"):
                text = (DASHBOARD / name).read_text()
                host.put(
                    f"/{name}",
                    text.replace('name="mallard-api" content=""', f'name="mallard-api" content="{server.origin}"'),
                )

            page.goto(f"{host.origin}/?site={SITE}&period=7d")
            expect(shown(page, "door")).to_contain_text("a reload asks again")
            shown(page, "password").fill(PASSWORD)
            shown(page, "password").press("Enter")
            expect(shown(page, "total-pageviews")).to_have_attribute("data-value", "1")
            expect_search(page, f"/?site={SITE}&period=7d")
            assert page.context.cookies(host.origin) == []
            assert days_of(page, tmp_path) == 1

            open_settings(page, "Shared links")
            address = make_link(page, "board", embeddable=False)
            assert address.startswith(f"{host.origin}/share.html#")
            visitor = browser.new_page()
            visitor.goto(address)
            expect(shown(visitor, "total-pageviews")).to_have_attribute("data-value", "1")
            visitor.close()

            page.reload()
            expect(shown(page, "password")).to_be_visible()
            shown(page, "password").fill(PASSWORD)
            shown(page, "password").press("Enter")
            expect(shown(page, "link")).to_be_visible()
            page.get_by_title("Menu").click()
            shown(page, "log-out").click()
            expect(shown(page, "door")).to_contain_text("You are logged out")
    assert all("401" in complaint for complaint in complaints), complaints


def days_of(page: Page, folder: Path) -> int:
    """The page views in the file of days."""
    shown(page, "export").locator("summary").click()
    with page.expect_download() as started:
        page.get_by_role("group", name="Days").get_by_role("link", name="CSV").click()
    assert started.value.suggested_filename.endswith(".csv")
    started.value.save_as(folder / "days.csv")
    with (folder / "days.csv").open(newline="") as file:
        return sum(int(row["pageviews"]) for row in csv.DictReader(file))
