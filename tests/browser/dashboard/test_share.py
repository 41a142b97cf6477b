"""What a shared link shows, on a canned API."""

import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from support.dashboard import Answer, CannedApi, expect_search, shown, wait_until

SLUG = "S" * 22
ADDRESS = f"/share.html#{SLUG}"
OPEN = f"POST /api/share/{SLUG}"
SHARE = {"token": "t1", "site_id": "example.com", "name": "board", "filters": "", "embeddable": False}
GONE = (404, {"error": "There is no such link; it may have been revoked."})


def test_shared_link_shows_the_report_of_its_site_only(page: Page, api: CannedApi) -> None:
    api.answers[OPEN] = lambda _: (200, SHARE)
    page.goto(ADDRESS)
    expect(shown(page, "unique-visitors")).to_have_text("12.3K")
    expect(shown(page, "site-name")).to_have_text("example.com")
    expect(shown(page, "link-title")).to_have_text("board")
    for owners in ("site", "add-site", "reader-menu", "to-login", "fixed-filters"):
        expect(shown(page, owners)).to_have_count(0)
    assert api.bearers == {"Bearer t1"}
    assert api.asked("sites") == api.asked("auth/status") == []


def test_shared_link_slug_is_sent_only_in_the_opening_request(page: Page, api: CannedApi) -> None:
    api.answers[OPEN] = lambda _: (200, SHARE)
    heard: list[str] = []
    page.on("request", lambda request: heard.append(request.url + str(request.headers)))
    page.goto(ADDRESS)
    expect(shown(page, "unique-visitors")).to_be_visible()
    shown(page, "period").select_option("7d")
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    assert [SLUG in each for each in heard].count(True) == 1
    assert page.evaluate("[document.cookie, localStorage.length, sessionStorage.length]") == ["", 0, 0]


def test_shared_page_keeps_the_state_in_the_query_and_the_slug_in_the_fragment(page: Page, api: CannedApi) -> None:
    api.answers[OPEN] = lambda _: (200, SHARE)
    page.goto(ADDRESS)
    shown(page, "period").select_option("7d")
    expect_search(page, f"/share.html?period=7d#{SLUG}")
    page.get_by_role("button", name="Germany").click()
    expect_search(page, f"/share.html?period=7d&f=is,countries,DE#{SLUG}")
    page.reload()
    expect(shown(page, "filter")).to_contain_text("Germany")
    page.go_back()
    expect(shown(page, "filter")).to_have_count(0)
    expect(shown(page, "period")).to_have_value("7d")


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ([["is", "countries", ["DE"]], ["is_not", "pages", ["/a,b"]]], ["Country is Germany", "Page is not /a,b"]),
        ([["contains", "event:page", ["/blog"]]], ["A part of the site’s numbers"]),
    ],
)
def test_shared_link_filters_are_shown_and_cannot_be_removed(
    page: Page, api: CannedApi, filters: Any, said: list[str]
) -> None:
    text = json.dumps(filters, separators=(",", ":"))
    api.answers[OPEN] = lambda _: (200, {**SHARE, "filters": text})
    page.goto(ADDRESS)
    expect(shown(page, "fixed-filter")).to_have_text(said)
    expect(shown(page, "fixed-filters").get_by_role("button")).to_have_count(0)


def test_shared_link_with_a_password_prompts_for_it(page: Page, api: CannedApi) -> None:
    wrong = (401, {"error": "The link has a password, which this is not."})

    def opened(given: dict[str, Any]) -> Answer:
        return (200, SHARE) if given.get("password") == "lantern-fjord-4" else wrong

    api.answers[OPEN] = opened
    page.goto(ADDRESS)
    field = page.get_by_label("Password of the link")
    expect(field).to_be_focused()
    expect(page.get_by_text("which this is not")).to_have_count(0)
    field.fill("wrong")
    field.press("Enter")
    expect(field).to_have_accessible_description("The link has a password, which this is not.")
    field.fill("lantern-fjord-4")
    field.press("Enter")
    expect(shown(page, "unique-visitors")).to_be_visible()
    expect(page.locator("#report")).to_be_focused()


def test_unknown_shared_link_shows_a_notice(page: Page, api: CannedApi) -> None:
    api.answers[OPEN] = lambda _: GONE
    page.goto(ADDRESS)
    expect(shown(page, "notice")).to_contain_text("This link shows nothing any more")


def test_shared_link_revoked_while_open_shows_a_notice(clocked_page: Page, api: CannedApi) -> None:
    api.answers[OPEN] = lambda _: (200, SHARE)
    clocked_page.goto(f"/share.html?period=today#{SLUG}")
    expect(shown(clocked_page, "unique-visitors")).to_be_visible()
    api.answers[OPEN] = lambda _: GONE
    api.answers["/api/stats/main"] = lambda _: (401, {"error": "The key or token is unknown, expired or revoked."})
    clocked_page.clock.run_for(11_000)
    expect(shown(clocked_page, "notice")).to_be_visible()
    expect(shown(clocked_page, "unique-visitors")).to_have_count(0)


def test_expired_share_token_is_renewed_silently(clocked_page: Page, api: CannedApi) -> None:
    tokens = iter(("t1", "t2"))
    api.answers[OPEN] = lambda _: (200, {**SHARE, "token": next(tokens)})
    clocked_page.goto(f"/share.html?period=today#{SLUG}")
    expect(shown(clocked_page, "unique-visitors")).to_be_visible()
    over = iter([(401, {"error": "It is over."})])
    api.answers["/api/stats/main"] = lambda params: next(over, (200, api.usual("/api/stats/main", params)))
    clocked_page.clock.run_for(11_000)
    wait_until(clocked_page, lambda: api.bearers == {"Bearer t1", "Bearer t2"})
    expect(shown(clocked_page, "unique-visitors")).to_be_visible()
    expect(shown(clocked_page, "failure")).to_have_count(0)


def test_shared_page_switches_to_another_link_in_the_same_tab(page: Page, api: CannedApi) -> None:
    api.answers[OPEN] = lambda _: (200, SHARE)
    api.answers[f"POST /api/share/{'T' * 22}"] = lambda _: (200, {**SHARE, "token": "t2", "site_id": "other.example"})
    page.goto(ADDRESS)
    expect(shown(page, "site-name")).to_have_text("example.com")
    page.goto(f"/share.html#{'T' * 22}")
    expect(shown(page, "site-name")).to_have_text("other.example")


def test_failed_opening_of_a_shared_link_can_be_retried(page: Page, api: CannedApi) -> None:
    api.answers[OPEN] = lambda _: (503, {"error": "The store does not answer."})
    page.goto(ADDRESS)
    expect(shown(page, "failure")).to_contain_text("The store does not answer.")
    api.answers[OPEN] = lambda _: (200, SHARE)
    shown(page, "retry").click()
    expect(shown(page, "unique-visitors")).to_be_visible()


def test_a_file_is_fetched_with_the_token_and_named_by_the_server(page: Page, api: CannedApi) -> None:
    api.answers[OPEN] = lambda _: (200, SHARE)
    named = {"Content-Disposition": 'attachment; filename="example.com-days.json"'}
    api.answers["/api/stats/export"] = lambda _: (200, [{"date": "2026-03-01"}], named)
    page.goto(ADDRESS)
    shown(page, "export").locator("summary").click()
    expect(page.get_by_role("group", name="Events")).to_have_count(0)
    with page.expect_download() as started:
        page.get_by_role("group", name="Days").get_by_role("link", name="JSON").click()
    assert started.value.suggested_filename == "example.com-days.json"
    assert json.loads(started.value.path().read_text()) == [{"date": "2026-03-01"}]
    assert api.bearers == {"Bearer t1"}


def test_refused_export_of_a_shared_link_shows_the_error(page: Page, api: CannedApi) -> None:
    api.answers[OPEN] = lambda _: (200, SHARE)
    api.answers["/api/stats/export"] = lambda _: (413, {"error": "It is too large."})
    page.goto(ADDRESS)
    shown(page, "export").locator("summary").click()
    page.get_by_role("link", name="CSV").click()
    expect(page.get_by_text("It is too large.")).to_be_visible()
