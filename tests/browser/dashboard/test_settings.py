"""The settings of a site, and the erasure of its days."""

from typing import Any

from playwright.sync_api import Page, expect

from support.dashboard import OWNER, Answer, CannedApi, expect_search, shown, wait_until

ADDRESS = "/?site=example.com&period=30d&view=settings"
GOALS = [
    {"name": "Signup", "event": "signup", "props": {"plan": "pro", "note": "a=b, c"}, "currency": "EUR"},
    {"name": "Blog", "page": "/blog/**"},
    {"name": "Read", "page": "/blog/*", "scroll_threshold": 80},
]
STORED = {"timezone": "Europe/Vienna", "origins": ["a.example", "*.b.example"], "goals": GOALS, "public": False}


def settled(page: Page, api: CannedApi, stored: dict[str, Any] = STORED) -> list[dict[str, Any]]:
    """The settings are open, and what is saved ends up in the list."""
    saved: list[dict[str, Any]] = []

    def save(given: dict[str, Any]) -> Answer:
        saved.append(given)
        return 200, given

    api.answers["/api/sites/example.com"] = lambda _: (200, stored)
    api.answers["PUT /api/sites/example.com"] = save
    page.goto(ADDRESS)
    expect(shown(page, "save-site")).to_be_visible()
    return saved


def test_menu_opens_the_settings_and_back_returns_to_the_report(page: Page, api: CannedApi) -> None:
    api.answers["/api/sites/example.com"] = lambda _: (200, STORED)
    page.goto("/?site=example.com&period=7d&f=is,countries,DE")
    page.get_by_title("Menu").click()
    shown(page, "to-settings").click()
    expect_search(page, "/?site=example.com&period=7d&f=is,countries,DE&view=settings")
    expect(page).to_have_title("Settings · Mallard Metrics")
    page.get_by_role("link", name="API keys").click()
    expect_search(page, "&view=settings&section=keys")
    expect(page.get_by_role("link", name="API keys")).to_have_attribute("aria-current", "page")
    page.go_back()
    expect(shown(page, "save-site")).to_be_visible()
    shown(page, "back").click()
    expect_search(page, "/?site=example.com&period=7d&f=is,countries,DE")
    expect(shown(page, "unique-visitors")).to_be_visible()


def test_stored_site_settings_are_shown_and_saved_unchanged(page: Page, api: CannedApi) -> None:
    saved = settled(page, api)
    expect(page.get_by_label("Time zone")).to_have_value("Europe/Vienna")
    expect(page.get_by_label("Pages that may send events")).to_have_value("a.example\n*.b.example")
    expect(shown(page, "goal")).to_have_count(3)
    shown(page, "save-site").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert saved == [STORED]


def test_goals_of_each_kind_can_be_added_and_removed(page: Page, api: CannedApi) -> None:
    saved = settled(page, api, {**STORED, "goals": GOALS[1:2]})
    goals = shown(page, "goal")
    shown(page, "add-goal").click()
    expect(goals.nth(1).get_by_label("Name", exact=True)).to_be_focused()
    page.keyboard.type("Signup")
    goals.nth(1).get_by_label("Name of the event").fill("signup")
    shown(page, "add-goal").click()
    goals.nth(2).get_by_label("Name", exact=True).fill("Read")
    goals.nth(2).get_by_label("Kind").select_option(label="Page read")
    goals.nth(2).get_by_label("Path").fill("/docs/**")
    goals.nth(2).get_by_label("Read to, in percent").fill("90")
    page.get_by_role("button", name="Remove Blog").click()
    expect(shown(page, "add-goal")).to_be_focused()
    shown(page, "save-site").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert saved[0]["goals"] == [
        {"name": "Signup", "event": "signup"},
        {"name": "Read", "page": "/docs/**", "scroll_threshold": 90},
    ]


def test_refused_settings_show_the_error_and_keep_the_input(page: Page, api: CannedApi) -> None:
    settled(page, api)
    sentence = "'a b' in origins must be a host such as www.example.com or *.example.com."
    api.answers["PUT /api/sites/example.com"] = lambda _: (400, {"error": sentence})
    page.get_by_label("Pages that may send events").fill("a b")
    shown(page, "save-site").click()
    expect(shown(page, "save-site-problem")).to_have_text(sentence)
    expect(page.get_by_label("Pages that may send events")).to_have_value("a b")


def test_pending_time_zone_change_is_described(page: Page, api: CannedApi) -> None:
    settled(page, api, {**STORED, "timezone_from": "2026-03-11"})
    expect(page.get_by_label("Time zone")).to_have_accessible_description(
        "Europe/Vienna holds from Mar 11, 2026 on. Days before stay as they are."
    )


def test_time_zone_unknown_to_the_browser_is_kept(page: Page, api: CannedApi) -> None:
    settled(page, api, {**STORED, "timezone": "Mars/Olympus"})
    expect(page.get_by_label("Time zone")).to_have_value("Mars/Olympus")


def test_public_site_shows_its_shareable_address(page: Page, api: CannedApi) -> None:
    saved = settled(page, api)
    expect(shown(page, "public-address")).to_have_count(0)
    page.get_by_label("Everyone may look").check()
    shown(page, "save-site").click()
    expect(shown(page, "public-address")).to_have_text(page.evaluate("location.origin") + "/?site=example.com")
    assert saved[0]["public"] is True


def test_days_are_erased_only_once_the_sites_name_is_typed(page: Page, api: CannedApi) -> None:
    settled(page, api)
    asked: list[dict[str, Any]] = []

    def erase(given: dict[str, Any]) -> Answer:
        asked.append(given)
        return 200, {"status": "done", "days": ["2026-03-01", "2026-03-02"], "events": 1234, "pending": 0}

    api.answers["DELETE /api/gdpr/erase"] = erase
    page.get_by_label("From", exact=True).fill("2026-03-01")
    page.get_by_label("To, inclusive").fill("2026-03-02")
    name = page.get_by_label("Type example.com to confirm")
    name.fill("example.org")
    name.press("Enter")
    expect(shown(page, "erase")).to_have_attribute("aria-disabled", "true")
    assert asked == []
    name.fill("example.com")
    name.press("Enter")
    expect(shown(page, "erased")).to_have_text("1,234 events of 2 days are gone.")
    assert asked == [{"site_id": "example.com", "start_date": "2026-03-01", "end_date": "2026-03-02"}]
    expect(name).to_have_value("")


def test_erasure_report_includes_pending_events(page: Page, api: CannedApi) -> None:
    settled(page, api)
    api.answers["DELETE /api/gdpr/erase"] = lambda _: (
        200,
        {"status": "done", "days": [], "events": 0, "pending": 3},
    )
    page.get_by_label("From", exact=True).fill("2026-03-01")
    page.get_by_label("To, inclusive").fill("2026-03-02")
    name = page.get_by_label("Type example.com to confirm")
    name.fill("example.com")
    name.press("Enter")
    expect(shown(page, "erased")).to_have_text("0 events of 0 days are gone, and 3 that waited.")


def test_failed_site_settings_can_be_retried(page: Page, api: CannedApi) -> None:
    api.answers["/api/sites/example.com"] = lambda _: (503, {"error": "The store does not answer."})
    page.goto(ADDRESS)
    expect(shown(page, "failure")).to_contain_text("The store does not answer.")
    api.answers["/api/sites/example.com"] = lambda _: (200, STORED)
    shown(page, "retry").click()
    expect(shown(page, "save-site")).to_be_visible()


def test_settings_show_a_skeleton_while_loading(page: Page, api: CannedApi) -> None:
    api.answers["/api/sites/example.com"] = lambda _: None
    page.goto(ADDRESS)
    expect(page.locator(".list-skeleton")).to_be_visible()
    wait_until(page, lambda: len(api.held) == 1)
    api.held[0].fulfil(200, STORED)
    expect(shown(page, "save-site")).to_be_visible()


def test_settings_show_a_notice_without_sites(page: Page, api: CannedApi) -> None:
    api.sites = []
    page.goto("/?view=settings")
    expect(shown(page, "no-site")).to_be_visible()


def test_settings_warn_when_auth_is_off(page: Page, api: CannedApi) -> None:
    api.answers["/api/auth/status"] = lambda _: (200, {**OWNER, "open": True})
    page.goto(f"{ADDRESS}&section=password")
    expect(shown(page, "open-note")).to_contain_text("This server asks nobody for a password.")
    expect(shown(page, "no-password")).to_be_visible()
    expect(shown(page, "current")).to_have_count(0)


def test_password_is_changed_and_errors_are_shown_at_their_field(page: Page, api: CannedApi) -> None:
    answers: list[Answer] = [
        (403, {"error": "The password is not right."}),
        (400, {"error": "The password has 5 characters, but needs at least 8."}),
        (409, {"error": "The password is given by MALLARD_ADMIN_PASSWORD; change it there."}),
        (200, {"token": "t"}),
    ]
    given: list[dict[str, Any]] = []

    def change(body: dict[str, Any]) -> Answer:
        given.append(body)
        return answers.pop(0)

    api.answers["POST /api/auth/password"] = change
    page.goto(f"{ADDRESS}&section=password")
    current, fresh = page.get_by_label("Current password"), page.get_by_label("New password")
    current.fill("old-password-1")
    fresh.fill("short")
    fresh.press("Enter")
    expect(current).to_have_accessible_description("The password is not right.")
    expect(current).to_be_focused()
    current.press("Enter")
    expect(fresh).to_have_accessible_description(
        "At least 8 characters, and none of the common ones. The password has 5 characters, but needs at least 8."
    )
    fresh.press("Enter")
    expect(shown(page, "change-password-problem")).to_contain_text("MALLARD_ADMIN_PASSWORD")
    fresh.press("Enter")
    expect(page.get_by_text("It is changed. Every other session has ended.")).to_be_visible()
    expect(current).to_have_value("")
    assert given[0] == {"current": "old-password-1", "new": "short"}
