"""Every page fits the narrowest screens, and nothing jumps when its answers come."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from browser.dashboard.conftest import quiet_page, settings
from support.dashboard import STRANGER, CannedApi, Stage, shown, wait_until

LONG = "a-site-with-a-name-that-is-far-longer-than-any-screen-is-wide.and-goes-on-and-on.example.com"
STORED = {"timezone": "UTC", "origins": [LONG], "goals": [{"name": LONG, "page": f"/{LONG}"}], "public": True}
KEY = {
    "key_hash": "a" * 64,
    "name": LONG,
    "scope": "ReadOnly",
    "created_at": "2026-03-10T12:00:00+00:00",
    "revoked": False,
    "sites": [LONG],
    "expires_at": None,
    "last_used": "2026-03-10",
}
LINK = {
    "slug": "S" * 22,
    "site_id": LONG,
    "name": LONG,
    "created_at": "2026-03-10T12:00:00+00:00",
    "has_password": True,
    "filters": f'[["is","pages",["/{LONG}"]]]',
    "embeddable": True,
}
SHARE = {"token": "t", "site_id": LONG, "name": LONG, "filters": LINK["filters"], "embeddable": True}
SECTIONS = {"sites": "save-site", "links": "embed", "keys": "revoke-key", "password": "change-password"}


@pytest.fixture
def narrow(browser: Browser, stage: Stage, api: CannedApi) -> Iterator[BrowserContext]:
    api.sites = [LONG]
    api.answers[f"/api/sites/{LONG}"] = lambda _: (200, STORED)
    api.answers["/api/keys"] = lambda _: (200, [KEY])
    api.answers["/api/links"] = lambda _: (200, [LINK])
    api.answers[f"POST /api/share/{LINK['slug']}"] = lambda _: (200, SHARE)
    with settings(browser, stage.origin) as context:
        yield context


def expect_to_fit(page: Page, width: int = 320) -> None:
    page.set_viewport_size({"width": width, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(("section", "last"), SECTIONS.items())
def test_settings_fit_narrow_screens(narrow: BrowserContext, stage: Stage, section: str, last: str) -> None:
    with quiet_page(narrow, stage.origin, stage.api) as page:
        page.goto(f"/?view=settings&section={section}")
        expect(shown(page, last).first).to_be_attached()
        expect_to_fit(page)
        page.get_by_title("Menu").click()
        expect_to_fit(page)


def test_login_fits_narrow_screens(narrow: BrowserContext, stage: Stage, api: CannedApi) -> None:
    api.answers["/api/auth/status"] = lambda _: (200, STRANGER)
    with quiet_page(narrow, stage.origin, stage.api) as page:
        page.goto("/?view=login")
        expect(shown(page, "door")).to_be_visible()
        expect_to_fit(page)


def test_shared_link_and_public_site_fit_narrow_screens(narrow: BrowserContext, stage: Stage, api: CannedApi) -> None:
    with quiet_page(narrow, stage.origin, stage.api) as page:
        page.goto(f"/share.html?f=is,pages,/{LONG}#{LINK['slug']}")
        expect(shown(page, "unique-visitors")).to_be_visible()
        expect_to_fit(page)
        api.answers["/api/auth/status"] = lambda _: (200, STRANGER)
        page.goto(f"/?site={LONG}")
        expect(shown(page, "to-login")).to_be_visible()
        expect_to_fit(page)


def test_header_does_not_shift_when_the_login_status_arrives(narrow: BrowserContext, stage: Stage) -> None:
    stage.api.answers["/api/auth/status"] = lambda _: None
    with quiet_page(narrow, stage.origin, stage.api) as page:
        page.goto("/?site=example.com")
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        places = "[...document.querySelectorAll('.top-inner > *, main > *')].map((each) => each.offsetTop)"
        before = page.evaluate(places)
        wait_until(page, lambda: len(stage.api.held) == 1)
        stage.api.held[0].fulfil(200, stage.api.usual("/api/auth/status", {}))
        expect(shown(page, "reader-menu")).to_be_visible()
        assert page.evaluate(places) == before
