"""The first visit, the login, the end of a session, and who may look without any."""

from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from support.dashboard import OWNER, STRANGER, Answer, CannedApi, expect_search, overview, shown, wait_until

PASSWORD = "kettle-moss-17"
LOG_IN_FIRST = (401, {"error": "Log in, or send an API key as Authorization: Bearer or X-API-Key."})
WRONG = (401, {"error": "The password is not right."})


class Lock:
    """An API behind a password, of which each test says what it answers to one."""

    def __init__(self, api: CannedApi, *, is_new: bool = False, is_public: bool = False) -> None:
        self.api, self.is_in, self.is_new, self.is_public = api, False, is_new, is_public
        self.refusals: list[Answer] = []
        self.given: list[dict[str, Any]] = []
        for path in ("/api/sites", "/api/stats/main", "/api/stats/overview", "/api/keys"):
            api.answers[path] = partial(self.numbers, path)
        api.answers["/api/auth/status"] = lambda _: (200, self.status())
        for path in ("setup", "login", "logout"):
            api.answers[f"POST /api/auth/{path}"] = getattr(self, path)

    def status(self) -> dict[str, bool]:
        return {"setup_required": self.is_new, "authenticated": self.is_in, "open": False}

    def numbers(self, path: str, params: dict[str, Any]) -> Answer:
        may = self.is_in or (self.is_public and path.startswith("/api/stats/"))
        return (200, self.api.usual(path, params)) if may else LOG_IN_FIRST

    def login(self, given: dict[str, Any]) -> Answer:
        self.given.append(given)
        if self.refusals:
            return self.refusals.pop(0)
        self.is_in, self.is_new = True, False
        return 200, {"token": "t"}

    setup = login

    def logout(self, given: dict[str, Any]) -> Answer:
        self.is_in = False
        return 200, {"status": "logged out"}


def give(page: Page, password: str) -> None:
    """Type a password where the keyboard is, and send it."""
    expect(shown(page, "password")).to_be_focused()
    page.keyboard.type(password)
    page.keyboard.press("Enter")


def test_the_first_visit_asks_for_a_password_and_shows_the_servers_rules_by_its_field(
    page: Page, api: CannedApi
) -> None:
    lock = Lock(api, is_new=True)
    lock.refusals = [(400, {"error": "The password has 5 characters, but needs at least 8."})]
    page.goto("/")
    expect(page.get_by_role("heading", name="Choose a password")).to_be_visible()
    expect(shown(page, "token")).to_have_count(0)
    field = page.get_by_label("New password")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("autocomplete", "new-password")
    give(page, "short")
    expect(field).to_have_accessible_description(
        "At least 8 characters, and none of the common ones: three or four words make a good one."
        " The password has 5 characters, but needs at least 8."
    )
    expect(field).to_be_focused()
    give(page, PASSWORD)
    expect(shown(page, "unique-visitors")).to_have_text("12.3K")
    assert lock.given == [{"password": "short", "token": ""}, {"password": PASSWORD, "token": ""}]


def test_setup_form_asks_for_the_token_when_the_server_requires_it(page: Page, api: CannedApi) -> None:
    lock = Lock(api, is_new=True)
    needed = "This server is reachable from other machines: give the token that it printed when it started."
    lock.refusals = [(403, {"error": needed}), (403, {"error": "The token is not the one."})]
    page.goto("/")
    give(page, PASSWORD)
    token = shown(page, "token")
    expect(token).to_be_focused()
    expect(token).to_have_accessible_description(f"It stands where the server was started, below its address. {needed}")
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The token is not the one.")).to_be_visible()
    token.fill(" printed ")
    page.keyboard.press("Enter")
    expect(shown(page, "unique-visitors")).to_be_visible()
    assert lock.given[-1] == {"password": PASSWORD, "token": "printed"}


def test_setup_form_becomes_a_login_when_a_password_was_set_meanwhile(page: Page, api: CannedApi) -> None:
    lock = Lock(api, is_new=True)
    page.goto("/")
    expect(shown(page, "enter")).to_have_text("Set the password")
    lock.refusals, lock.is_new = [(409, {"error": "A password is set already; log in with it."})], False
    give(page, PASSWORD)
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()


def test_login_works_by_keyboard_and_opens_the_requested_address(page: Page, api: CannedApi) -> None:
    lock = Lock(api)
    page.goto("/?site=other.example&period=7d")
    field = page.get_by_label("Password", exact=True)
    expect(field).to_be_focused()
    expect(field).to_have_attribute("autocomplete", "current-password")
    expect(page.locator("form input[autocomplete=username]")).to_have_value("owner")
    expect(shown(page, "period")).to_have_count(0)
    give(page, PASSWORD)
    expect(shown(page, "site")).to_have_value("other.example")
    expect(page.locator("#report")).to_be_focused()
    expect_search(page, "/?site=other.example&period=7d")
    assert lock.given == [{"password": PASSWORD}]


def test_wrong_password_is_reported_at_the_field(page: Page, api: CannedApi) -> None:
    lock = Lock(api)
    lock.refusals = [WRONG]
    page.goto("/")
    give(page, "wrong")
    field = shown(page, "password")
    expect(field).to_have_accessible_description("The password is not right.")
    expect(field).to_have_attribute("aria-invalid", "true")
    # What was wrong is selected, so that typing replaces it.
    give(page, PASSWORD)
    expect(shown(page, "unique-visitors")).to_be_visible()
    assert lock.given[-1] == {"password": PASSWORD}


def test_password_can_be_revealed_while_typing(page: Page, api: CannedApi) -> None:
    Lock(api)
    page.goto("/")
    shown(page, "password").fill(PASSWORD)
    expect(shown(page, "password")).to_have_attribute("type", "password")
    page.get_by_role("button", name="Show the password").click()
    expect(shown(page, "password")).to_have_attribute("type", "text")
    expect(shown(page, "password")).to_have_value(PASSWORD)


def test_login_throttle_shows_a_countdown(clocked_page: Page, api: CannedApi) -> None:
    page, lock = clocked_page, Lock(api)
    lock.refusals = [(429, {"error": "Too many wrong passwords came from this address."}, {"Retry-After": "65"})]
    page.goto("/")
    shown(page, "password").fill("wrong")
    # From here on the clock goes on only when told: what is counted is seconds.
    page.clock.pause_at(page.evaluate("Date.now() / 1000 + 60"))
    page.keyboard.press("Enter")
    enter = shown(page, "enter")
    expect(page.get_by_text("Too many wrong passwords")).to_be_visible()
    expect(enter).to_have_text("Wait 1:05")
    page.clock.run_for(5000)
    expect(enter).to_have_text("Wait 1:00")
    shown(page, "password").press("Enter")
    assert len(lock.given) == 1
    page.clock.run_for(61_000)
    expect(enter).to_have_text("Log in")
    expect(page.get_by_text("You can try again now.")).to_be_visible()
    page.clock.resume()
    shown(page, "password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(shown(page, "unique-visitors")).to_be_visible()


def test_session_expiry_leads_to_the_login_and_back(clocked_page: Page, api: CannedApi) -> None:
    page, lock = clocked_page, Lock(api)
    lock.is_in = True
    address = "/?site=other.example&period=today&f=is,countries,DE"
    page.goto(address)
    expect(shown(page, "unique-visitors")).to_be_visible()
    lock.is_in = False
    page.clock.run_for(11_000)
    expect(shown(page, "door")).to_contain_text("Your session has ended.")
    expect_search(page, address)
    shown(page, "password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(shown(page, "filter")).to_contain_text("Germany")
    expect_search(page, address)


def test_menu_logs_out_by_keyboard_and_confirms_it(page: Page, api: CannedApi) -> None:
    lock = Lock(api)
    lock.is_in = True
    page.goto("/?site=example.com&period=30d")
    expect(shown(page, "unique-visitors")).to_have_text("12.3K")
    page.get_by_title("Menu").focus()
    expect(page.get_by_title("Menu")).to_be_focused()
    page.keyboard.press("Enter")
    expect(shown(page, "to-settings")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(shown(page, "log-out")).to_be_focused()
    page.keyboard.press("Enter")
    expect(shown(page, "door")).to_contain_text("You are logged out, in every browser.")
    expect(shown(page, "password")).to_be_focused()


def test_public_site_is_shown_without_settings_and_with_a_login_link(page: Page, api: CannedApi) -> None:
    lock = Lock(api, is_public=True)
    page.goto("/?site=example.com&period=7d")
    expect(shown(page, "unique-visitors")).to_have_text("12.3K")
    expect(shown(page, "site-name")).to_have_text("example.com")
    for owners in ("site", "add-site", "reader-menu", "door", "failure"):
        expect(shown(page, owners)).to_have_count(0)
    shown(page, "export").locator("summary").click()
    expect(page.get_by_role("group", name="Days")).to_be_visible()
    expect(page.get_by_role("group", name="Events")).to_have_count(0)
    shown(page, "to-login").click()
    expect_search(page, "/?site=example.com&period=7d&view=login")
    expect(shown(page, "password")).to_be_focused()
    give(page, PASSWORD)
    expect(shown(page, "reader-menu")).to_be_visible()
    expect_search(page, "/?site=example.com&period=7d")
    assert lock.given == [{"password": PASSWORD}]


def test_settings_address_shows_only_the_login_without_a_session(page: Page, api: CannedApi) -> None:
    Lock(api)
    page.goto("/?view=settings&section=keys")
    expect(shown(page, "password")).to_be_visible()
    expect(shown(page, "settings")).to_have_count(0)
    give(page, PASSWORD)
    expect(shown(page, "no-keys")).to_be_visible()


def test_public_site_leads_to_the_login_when_made_private(clocked_page: Page, api: CannedApi) -> None:
    lock = Lock(api, is_public=True)
    clocked_page.goto("/?site=example.com&period=today")
    expect(shown(clocked_page, "unique-visitors")).to_be_visible()
    lock.is_public = False
    clocked_page.clock.run_for(11_000)
    expect(shown(clocked_page, "password")).to_be_visible()


@pytest.mark.parametrize("status", [STRANGER, {**OWNER, "setup_required": True, "authenticated": False}])
def test_dashboard_is_hidden_until_the_login_status_is_known(
    page: Page, api: CannedApi, status: dict[str, bool]
) -> None:
    api.answers = {"/api/auth/status": lambda _: None, "/api/sites": lambda _: LOG_IN_FIRST}
    page.goto("/")
    expect(page.locator(".frame")).to_be_hidden()
    wait_until(page, lambda: len(api.held) == 1)
    api.held[0].fulfil(200, status)
    expect(shown(page, "door")).to_be_visible()


def test_login_status_request_can_be_retried_after_a_failure(page: Page, api: CannedApi) -> None:
    api.answers["/api/auth/status"] = lambda _: (503, {"error": "The store does not answer."})
    page.goto("/?site=example.com&period=30d")
    expect(shown(page, "failure")).to_contain_text("The store does not answer.")
    del api.answers["/api/auth/status"]
    shown(page, "retry").click()
    expect(shown(page, "unique-visitors")).to_be_visible()


def test_menu_has_no_logout_when_auth_is_off(page: Page, api: CannedApi) -> None:
    api.answers["/api/auth/status"] = lambda _: (200, {**OWNER, "open": True})
    api.answers["/api/stats/overview"] = lambda _: (200, overview())
    page.goto("/?site=example.com&period=30d")
    page.get_by_title("Menu").click()
    expect(shown(page, "to-settings")).to_be_visible()
    expect(shown(page, "log-out")).to_have_count(0)
