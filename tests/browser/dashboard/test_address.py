"""The state of the page is its address."""

from playwright.sync_api import Page, expect

from support.dashboard import CannedApi, expect_search, shown


def test_dashboard_opens_the_first_site_when_the_address_has_none(page: Page) -> None:
    page.goto("/")
    expect_search(page, "/?site=example.com&period=30d")
    expect(shown(page, "site")).to_have_value("example.com")
    expect(page).to_have_title("example.com · Mallard Metrics")


def test_an_address_opens_its_site_and_period(page: Page, api: CannedApi) -> None:
    page.goto("/?site=other.example&period=7d")
    expect(shown(page, "unique-visitors")).to_be_visible()
    expect(shown(page, "site")).to_have_value("other.example")
    expect(shown(page, "period")).to_have_value("7d")
    assert [(asked["site_id"], asked["period"]) for asked in api.asked("stats/overview")] == [("other.example", "7d")]


def test_back_and_forward_go_through_the_periods_and_sites_chosen(page: Page) -> None:
    page.goto("/?site=example.com&period=30d")
    shown(page, "period").select_option("7d")
    expect_search(page, "/?site=example.com&period=7d")
    shown(page, "site").select_option("other.example")
    expect_search(page, "/?site=other.example&period=7d")

    page.go_back()
    expect(shown(page, "site")).to_have_value("example.com")
    page.go_back()
    expect(shown(page, "period")).to_have_value("30d")
    page.go_forward()
    expect(shown(page, "period")).to_have_value("7d")


def test_a_custom_range_shows_its_last_day_and_asks_for_the_day_after_as_its_end(page: Page, api: CannedApi) -> None:
    page.goto("/?site=example.com&period=30d")
    shown(page, "period").select_option("custom")
    shown(page, "from").fill("2025-02-01")
    shown(page, "to").fill("2025-02-28")
    shown(page, "apply-range").click()
    expect_search(page, "/?site=example.com&from=2025-02-01&to=2025-02-28")
    expect(shown(page, "period")).to_have_value("custom")
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    (asked,) = api.asked("stats/overview", start_date="2025-02-01", end_date="2025-03-01")
    assert "period" not in asked

    page.go_back()
    expect(shown(page, "period")).to_have_value("30d")
    expect(shown(page, "from")).to_have_count(0)


def test_invalid_address_parameters_are_removed(page: Page, api: CannedApi) -> None:
    page.goto(
        "/?site=%27%3Brm%20-rf&period=fortnight&from=2025-02-30&to=2025-01-01"
        "&compare=yesterday&f=is,pages&f=is,moods,good&f=was,pages,/&f=is,sources,"
    )
    expect_search(page, "/?site=example.com&period=30d")
    expect(shown(page, "unique-visitors")).to_be_visible()
    assert {params["site_id"] for params in api.asked("stats/overview")} == {"example.com"}
