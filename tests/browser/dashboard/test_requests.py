"""What the page asks, and when."""

from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.sync_api import Page, expect

from support.dashboard import BREAKDOWNS, HEADLINE, LIVE, CannedApi, overview, rows, shown, wait_until
from support.shop import DAY, SITE


def test_page_load_sends_four_requests_in_parallel(page: Page, api: CannedApi) -> None:
    paths = ["/api/auth/status", "/api/sites", "/api/stats/main", "/api/stats/overview"]
    api.answers = {path: lambda _: None for path in paths}
    page.goto("/?site=example.com&period=30d")
    expect(shown(page, "period")).to_be_attached()
    wait_until(page, lambda: len(api.held) == len(paths))
    assert sorted(path for path, _ in api.requests) == paths
    assert api.asked("stats/overview")[0]["breakdowns"] == ",".join(BREAKDOWNS)


def test_open_list_adds_one_request_repeated_for_the_next_period(page: Page, api: CannedApi) -> None:
    api.answers["/api/stats/breakdown/pages"] = lambda _: (200, rows(40))
    page.goto("/?site=example.com&period=30d")
    page.get_by_role("button", name="Show more Pages").click()
    expect(shown(page, "breakdown-pages").locator('[data-test="row"]')).to_have_count(40)
    shown(page, "period").select_option("7d")
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    assert [asked["period"] for asked in api.asked("stats/breakdown/pages")] == ["30d", "7d"]
    assert len(api.asked("stats/overview")) == 2


def test_stale_overview_response_does_not_replace_a_newer_one(page: Page, api: CannedApi) -> None:
    def of_visitors(count: int) -> dict[str, Any]:
        return overview(main={**HEADLINE, "unique_visitors": count})

    api.answers["/api/stats/overview"] = lambda asked: None if asked["period"] == "7d" else (200, of_visitors(111))
    page.goto("/?site=example.com&period=7d")
    wait_until(page, lambda: len(api.held) == 1)
    shown(page, "period").select_option("90d")
    expect(shown(page, "unique-visitors")).to_have_text("111")
    api.held[0].fulfil(200, of_visitors(999))
    page.wait_for_timeout(200)
    expect(shown(page, "unique-visitors")).to_have_text("111")


def test_numbers_of_today_refresh_every_minute(clocked_page: Page, api: CannedApi) -> None:
    clocked_page.goto("/?site=example.com&period=today")
    expect(shown(clocked_page, "unique-visitors")).to_be_visible()
    clocked_page.clock.run_for(61_000)
    wait_until(clocked_page, lambda: len(api.asked("stats/overview")) > 1)
    assert len(api.asked("stats/overview")) == 2


def test_live_card_refreshes_every_ten_seconds(clocked_page: Page, api: CannedApi) -> None:
    visitors = iter(range(1, 100))
    api.answers["/api/stats/main"] = lambda _: (200, {**LIVE, "unique_visitors": next(visitors)})
    clock = clocked_page.clock
    # It stands still from the start: on a slow machine ten seconds may pass by themselves.
    clock.pause_at(datetime.now(UTC) + timedelta(hours=1))
    clocked_page.goto("/?site=example.com&period=today")
    for count in ("1", "2", "3"):
        # What is rendered asks in its next frame.
        clock.run_for(100)
        expect(shown(clocked_page, "live-visitors")).to_have_text(count)
        clock.run_for(9_800)
        assert len(api.asked("stats/main")) == int(count)
        clock.run_for(100)


def test_numbers_of_a_past_period_are_requested_once(clocked_page: Page, api: CannedApi) -> None:
    clocked_page.goto("/?site=example.com&period=yesterday")
    expect(shown(clocked_page, "unique-visitors")).to_be_visible()
    clocked_page.clock.run_for(200_000)
    # What was asked before this one has arrived by now.
    clocked_page.evaluate("() => fetch('/api/sites').then((answer) => answer.text())")
    assert len(api.asked("stats/overview")) == 1


def test_unchanged_response_is_not_sent_again(shop_page: Page) -> None:
    # A question of this test only. Resource timing tells 300 bytes for an answer of 304, which has no body.
    sent = "performance.getEntriesByType('resource').find(({ name }) => name.includes('overview'))?.transferSize"
    for is_first in (True, False):
        shop_page.goto(f"/?site={SITE}&from={DAY}&to={DAY}&f=is_not,pages,/asked-once")
        expect(shown(shop_page, "unique-visitors")).to_be_visible()
        # The page may have its answer before the browser has counted it.
        assert (shop_page.wait_for_function(sent).json_value() > 300) is is_first


def test_dashboard_stores_nothing_on_the_device(page: Page) -> None:
    page.goto("/?site=example.com&period=30d")
    expect(shown(page, "unique-visitors")).to_be_visible()
    assert page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]
