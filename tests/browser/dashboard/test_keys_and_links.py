"""API keys and shared links, made and ended in the settings."""

import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from support.dashboard import Answer, CannedApi, shown

KEYS = "/?site=example.com&view=settings&section=keys"
LINKS = "/?site=example.com&f=is,countries,DE&f=is_not,pages,/a&view=settings&section=links"
KEY_TEXT = "mm_" + "K" * 43
SLUG = "S" * 22


class Shelf:
    """What was made, in an API that keeps it."""

    def __init__(self, api: CannedApi, name: str) -> None:
        self.rows: list[dict[str, Any]] = []
        self.given: list[dict[str, Any]] = []
        api.answers[f"/api/{name}"] = lambda _: (200, list(self.rows))
        api.answers[f"POST /api/{name}"] = getattr(self, f"make_{name}")

    def make_keys(self, given: dict[str, Any]) -> Answer:
        self.given.append(given)
        row = {"key_hash": "a" * 64, "name": given["name"], "scope": given["scope"], "sites": given["sites"]}
        self.rows.append({**row, "created_at": "2026-03-10T12:00:00+00:00", "revoked": False, "last_used": None})
        self.rows[-1]["expires_at"] = "2099-02-01T00:00:00+00:00" if given["expires_at"] else None
        return 201, {**row, "key": KEY_TEXT}

    def make_links(self, given: dict[str, Any]) -> Answer:
        self.given.append(given)
        row = {
            **given,
            "slug": SLUG,
            "created_at": "2026-03-10T12:00:00+00:00",
            "has_password": bool(given["password"]),
        }
        del row["password"]
        self.rows.append(row)
        return 201, row


def test_key_is_created_by_keyboard_and_shown_once(page: Page, api: CannedApi) -> None:
    shelf = Shelf(api, "keys")
    page.goto(KEYS)
    expect(shown(page, "no-keys")).to_have_text("There are no keys yet.")
    expect(page.locator("input[name=site]")).to_have_count(2)
    shown(page, "key-name").focus()
    page.keyboard.type("our server")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    shown(page, "others").focus()
    page.keyboard.type("a.example, b.example")
    page.keyboard.press("Tab")
    page.keyboard.type("01312099")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="The key “our server”")).to_be_focused()
    expect(shown(page, "new-key")).to_have_text(KEY_TEXT)
    expect(shown(page, "new-key-shown")).to_contain_text("you will not see it again")
    assert shelf.given == [
        {
            "name": "our server",
            "scope": "Ingest",
            "sites": ["example.com", "a.example", "b.example"],
            "expires_at": "2099-01-31",
        }
    ]
    row = shown(page, "key")
    for words in ("our server", "Send events", "example.com, a.example, b.example", "never", "Jan 31, 2099"):
        expect(row).to_contain_text(words)
    shown(page, "key-kept").press("Enter")
    expect(shown(page, "new-key")).to_have_count(0)
    expect(page.get_by_role("heading", name="API keys")).to_be_focused()
    expect(shown(page, "key-name")).to_have_value("")


def test_key_for_selected_sites_is_not_created_without_a_site(page: Page, api: CannedApi) -> None:
    """To the server a key without sites is one for all."""
    shelf = Shelf(api, "keys")
    page.goto(KEYS)
    shown(page, "key-name").fill("a")
    page.get_by_label("Some", exact=True).check()
    shown(page, "make-key").click()
    expect(shown(page, "make-key-problem")).to_have_text("Tick or name at least one site, or choose all.")
    assert shelf.given == []
    page.get_by_label("All, also those to come").check()
    shown(page, "make-key").click()
    expect(shown(page, "new-key")).to_be_visible()
    assert shelf.given == [{"name": "a", "scope": "ReadOnly", "sites": [], "expires_at": ""}]


def test_refused_key_shows_the_error_and_keeps_the_input(page: Page, api: CannedApi) -> None:
    api.answers["POST /api/keys"] = lambda _: (400, {"error": "expires_at is in the past."})
    page.goto(KEYS)
    shown(page, "key-name").fill("a")
    shown(page, "make-key").click()
    expect(shown(page, "make-key-problem")).to_have_text("expires_at is in the past.")
    expect(shown(page, "key-name")).to_have_value("a")


def test_key_is_revoked_after_confirmation_and_stays_listed(page: Page, api: CannedApi) -> None:
    shelf = Shelf(api, "keys")
    shelf.make_keys({"name": "old", "scope": "Admin", "sites": [], "expires_at": ""})
    ended: list[Any] = []

    def revoke(given: Any) -> Answer:
        ended.append(given)
        shelf.rows[0]["revoked"] = True
        return 200, {"status": "revoked"}

    api.answers[f"DELETE /api/keys/{'a' * 64}"] = revoke
    page.goto(KEYS)
    button = page.get_by_role("button", name="Revoke old")
    button.press("Enter")
    expect(page.get_by_role("dialog", name="Revoke “old”?")).to_be_visible()
    page.keyboard.press("Escape")
    expect(button).to_be_focused()
    # The browser tells that a dialog was closed a little later than it is closed.
    expect(shown(page, "confirm")).to_have_count(0)
    assert ended == []
    button.press("Enter")
    shown(page, "yes").click()
    expect(shown(page, "key")).to_contain_text("revoked")
    expect(button).to_have_count(0)
    expect(page.get_by_role("heading", name="API keys")).to_be_focused()
    assert len(ended) == 1


def test_refused_revocation_shows_the_error_in_the_dialog(page: Page, api: CannedApi) -> None:
    shelf = Shelf(api, "keys")
    shelf.make_keys({"name": "old", "scope": "Admin", "sites": [], "expires_at": ""})
    api.answers[f"DELETE /api/keys/{'a' * 64}"] = lambda _: (404, {"error": "There is no key with this hash."})
    page.goto(KEYS)
    shown(page, "revoke-key").click()
    shown(page, "yes").click()
    expect(shown(page, "confirm")).to_contain_text("There is no key with this hash.")


@pytest.mark.parametrize(("address", "path"), [(KEYS, "/api/keys"), (LINKS, "/api/links")])
def test_failed_list_of_keys_or_links_can_be_retried(page: Page, api: CannedApi, address: str, path: str) -> None:
    api.answers[path] = lambda _: (503, {"error": "The store does not answer."})
    page.goto(address)
    expect(shown(page, "failure")).to_contain_text("The store does not answer.")
    del api.answers[path]
    shown(page, "retry").click()
    expect(page.locator(".section .nothing")).to_be_visible()


def test_link_is_created_with_the_filters_of_the_report_and_shows_its_addresses(page: Page, api: CannedApi) -> None:
    shelf = Shelf(api, "links")
    page.goto(LINKS)
    shown(page, "link-name").fill("board")
    shown(page, "link-password").fill("lantern-fjord-4")
    expect(page.get_by_label("With the filters of the report")).to_be_checked()
    expect(page.get_by_label("With the filters of the report")).to_have_accessible_description(
        "It shows only this part: Country is Germany, Page is not /a."
    )
    page.get_by_label("It may be embedded").check()
    shown(page, "make-link").click()
    row = shown(page, "link")
    expect(row.locator(".row-head")).to_be_focused()
    [given] = shelf.given
    assert json.loads(given.pop("filters")) == [["is", "countries", ["DE"]], ["is_not", "pages", ["/a"]]]
    assert given == {"site_id": "example.com", "name": "board", "password": "lantern-fjord-4", "embeddable": True}
    origin = page.evaluate("location.origin")
    expect(shown(page, "share-address")).to_have_text(f"{origin}/share.html#{SLUG}")
    expect(shown(page, "embed")).to_contain_text(f'<iframe src="{origin}/share.html#{SLUG}"')
    for words in ("board", "example.com", "with a password", "Country is Germany, Page is not /a"):
        expect(row).to_contain_text(words)


def test_link_does_not_take_the_filters_of_another_site(page: Page, api: CannedApi) -> None:
    shelf = Shelf(api, "links")
    page.goto(LINKS)
    page.get_by_label("Site", exact=True).select_option("other.example")
    expect(page.get_by_label("With the filters of the report")).to_be_disabled()
    shown(page, "link-name").fill("b")
    shown(page, "make-link").click()
    expect(shown(page, "share-address")).to_be_visible()
    expect(shown(page, "embed")).to_have_count(0)
    blank = {"password": "", "filters": "", "embeddable": False}
    assert shelf.given == [{"site_id": "other.example", "name": "b", **blank}]


def test_link_filters_beyond_the_dashboard_are_shown_as_json(page: Page, api: CannedApi) -> None:
    shelf = Shelf(api, "links")
    text = '[["or", [["is", "visit:country", ["DE"]], ["is", "event:page", ["/de"]]]]]'
    given = {"site_id": "example.com", "name": "a", "password": "", "embeddable": False}
    shelf.make_links({**given, "filters": text})
    page.goto(LINKS)
    expect(shown(page, "link").locator("code").last).to_have_text(text)


def test_a_link_is_revoked_after_a_question(page: Page, api: CannedApi) -> None:
    shelf = Shelf(api, "links")
    blank = {"password": "", "filters": "", "embeddable": False}
    shelf.make_links({"site_id": "example.com", "name": "old", **blank})

    def revoke(_: Any) -> Answer:
        shelf.rows.clear()
        return 200, {"status": "revoked"}

    api.answers[f"DELETE /api/links/{SLUG}"] = revoke
    page.goto(LINKS)
    page.get_by_role("button", name="Revoke old").click()
    shown(page, "yes").click()
    expect(shown(page, "no-links")).to_be_visible()
    expect(page.get_by_role("heading", name="Shared links")).to_be_focused()
