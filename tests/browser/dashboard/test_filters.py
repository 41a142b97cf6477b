"""Filters by click, on a real server: what holds is in the numbers, on the chips and in the address."""

import pytest
from playwright.sync_api import Locator, Page, expect

from support.dashboard import expect_search, shown
from support.shop import DAY, SITE

THAT_DAY = f"/?site={SITE}&from={DAY}&to={DAY}"


@pytest.fixture
def page(shop_page: Page) -> Page:
    return shop_page


def button(page: Page, breakdown: str, value: str) -> Locator:
    return shown(page, f"breakdown-{breakdown}").get_by_role("button", name=value, exact=True)


def expect_values(page: Page, breakdown: str, *values: str) -> None:
    expect(shown(page, f"breakdown-{breakdown}").locator('[data-test="value"]')).to_have_text(values)


def expect_visitors(page: Page, count: int) -> None:
    expect(shown(page, "unique-visitors")).to_have_attribute("data-value", str(count))


def expect_chips(page: Page, *texts: str) -> None:
    expect(shown(page, "filter")).to_have_text(texts)


def test_row_click_adds_a_filter_and_a_second_click_removes_it(page: Page) -> None:
    page.goto(THAT_DAY)
    expect_visitors(page, 6)
    button(page, "sources", "Google").click()
    expect_search(page, f"{THAT_DAY}&f=is,sources,Google")
    expect_chips(page, "Source is Google")
    expect_visitors(page, 3)
    expect_values(page, "sources", "Google")
    expect_values(page, "exit_pages", "/", "/pricing", "/thanks")
    expect(button(page, "sources", "Google")).to_have_attribute("aria-pressed", "true")

    # The numbers of a row can be clicked as its name can.
    shown(page, "breakdown-sources").locator('[data-test="visitors"]').click()
    expect_search(page, THAT_DAY)
    expect_chips(page)
    expect_visitors(page, 6)


def test_filters_combine_and_are_removed_singly_or_together(page: Page) -> None:
    page.goto(THAT_DAY)
    button(page, "sources", "Google").click()
    button(page, "countries", "Germany").click()
    expect_chips(page, "Source is Google", "Country is Germany")
    expect_visitors(page, 2)
    button(page, "pages", "/pricing").click()
    expect_visitors(page, 1)
    page.get_by_role("button", name="Remove the filter: Source is Google").click()
    expect_chips(page, "Country is Germany", "Page is /pricing")
    expect_values(page, "sources", "Google")
    shown(page, "clear-filters").click()
    expect_visitors(page, 6)
    expect_search(page, THAT_DAY)


def test_filter_chip_can_be_negated_and_restored(page: Page) -> None:
    page.goto(f"{THAT_DAY}&f=is,sources,Google")
    expect_visitors(page, 3)
    turn = shown(page, "turn-filter")
    expect(turn).to_have_accessible_name("Source is Google: change to “is not”")
    turn.click()
    expect_search(page, f"{THAT_DAY}&f=is_not,sources,Google")
    expect_chips(page, "Source is not Google")
    expect_values(page, "sources", "Direct", "Bing")
    expect(turn).to_be_focused()
    turn.click()
    expect_visitors(page, 3)


def test_filters_in_the_address_are_applied_and_back_walks_through_them(page: Page) -> None:
    page.goto(f"{THAT_DAY}&f=is,countries,FR&f=is_not,browsers,Safari")
    expect_chips(page, "Country is France", "Browser is not Safari")
    expect_visitors(page, 2)
    button(page, "pages", "/docs").click()
    expect_visitors(page, 1)
    page.go_back()
    expect_chips(page, "Country is France", "Browser is not Safari")
    expect_visitors(page, 2)
    page.go_forward()
    expect_visitors(page, 1)


def test_filters_without_matches_show_a_notice(page: Page) -> None:
    page.goto(f"{THAT_DAY}&f=is,sources,Bing&f=is,countries,FR")
    expect(shown(page, "breakdown-pages")).to_contain_text("No visits match the filters.")
    expect_visitors(page, 0)
    expect(shown(page, "install")).to_have_count(0)


def test_a_filter_can_be_any_text_a_page_can_be_named(page: Page) -> None:
    path = "/a,b & c?d=1#é%2C'\"<b>"
    page.goto(THAT_DAY)
    expect_visitors(page, 6)
    page.evaluate(
        "path => history.replaceState(null, '', location.search + '&f=is,pages,' + encodeURIComponent(path))", path
    )
    page.reload()
    expect_chips(page, f"Page is {path}")
    expect_visitors(page, 0)
    # The page writes it as it reads it.
    shown(page, "turn-filter").click()
    expect_visitors(page, 6)
    page.reload()
    expect_chips(page, f"Page is not {path}")


def test_the_keyboard_filters_turns_and_removes_without_losing_its_place(page: Page) -> None:
    page.goto(THAT_DAY)
    google, germany = button(page, "sources", "Google"), button(page, "countries", "Germany")
    google.focus()
    page.keyboard.press("Enter")
    expect_visitors(page, 3)
    expect(google).to_be_focused()
    germany.focus()
    page.keyboard.press("Space")
    expect_visitors(page, 2)
    expect(germany).to_be_focused()

    removes = shown(page, "remove-filter")
    removes.first.focus()
    page.keyboard.press("Enter")
    expect_chips(page, "Country is Germany")
    expect(removes).to_be_focused()
    page.keyboard.press("Enter")
    expect_chips(page)
    expect(page.get_by_role("main")).to_be_focused()
    expect_visitors(page, 6)


def test_filter_changes_are_announced_to_screen_readers(page: Page) -> None:
    page.goto(THAT_DAY)
    button(page, "browsers", "Chrome").click()
    expect(page.get_by_role("group", name="Filters").get_by_role("listitem")).to_have_count(1)
    expect(page.get_by_role("status").filter(has_text="Filtered: Browser is Chrome.")).to_have_count(1)
    page.get_by_role("button", name="Clear all").click()
    expect(page.get_by_role("status").filter(has_text="No filters.")).to_have_count(1)


def test_filters_are_cleared_when_another_site_is_selected(page: Page) -> None:
    page.goto(f"{THAT_DAY}&f=is,sources,Google")
    shown(page, "add-site").click()
    shown(page, "site-id").fill("other.example")
    shown(page, "site-id").press("Enter")
    expect_search(page, f"/?site=other.example&from={DAY}&to={DAY}")
