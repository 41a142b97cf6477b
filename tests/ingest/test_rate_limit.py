"""Rates of ingest: a site's events and bytes, one client's share of them, and whom they never touch."""

import pytest

from mallard.bootstrap.ingest import rate_limit_of
from mallard.config import Settings
from mallard.ingest import rate_limit
from mallard.ingest.rate_limit import RateLimit, Throttle

NOW_MS = 1_772_366_400_000
MINUTE_MS = 60_000
SITE = "example.com"


def passed(limit: RateLimit, addresses: list[str], now_ms: int = NOW_MS, size: int = 0, site: str = SITE) -> list[bool]:
    return [not limit.wait_seconds(site, now_ms, address, size) for address in addresses]


def test_client_cannot_take_the_visitors_places_at_a_site() -> None:
    limit = RateLimit(100)
    assert sum(passed(limit, ["192.0.2.1"] * 1000)) == 100
    seconds = range(1, 31)
    of_the_client = [sum(passed(limit, ["192.0.2.1"] * 1000, NOW_MS + 1000 * each)) for each in seconds]
    assert set(of_the_client) == {25}
    of_visitors = [sum(passed(limit, [f"198.51.100.{n}" for n in range(75)], NOW_MS + 1000 * each)) for each in seconds]
    assert set(of_visitors) == {75}


def test_client_share_is_one_event_a_second_at_least() -> None:
    limit = RateLimit(1)
    assert [sum(passed(limit, ["192.0.2.1"] * 3, NOW_MS + 1000 * second)) for second in range(5)] == [1] * 5


def test_client_bytes_of_a_minute_may_be_spent_at_once_and_refill() -> None:
    limit = RateLimit(0, client_bytes=10_000)
    assert passed(limit, ["192.0.2.1"] * 12, size=1000) == [True] * 10 + [False] * 2
    assert limit.wait_seconds(SITE, NOW_MS, "192.0.2.1", 1000) == 6
    assert passed(limit, ["192.0.2.2"] * 10, size=1000) == [True] * 10
    assert passed(limit, ["192.0.2.1"] * 2, NOW_MS + MINUTE_MS // 10, size=1000) == [True, False]


def test_client_bytes_are_counted_over_all_sites() -> None:
    limit = RateLimit(0, client_bytes=10_000)
    sites = [f"site{n}.example" for n in range(20)]
    assert [limit.wait_seconds(site, NOW_MS, "192.0.2.1", 1000) == 0 for site in sites] == [True] * 10 + [False] * 10


def test_ipv6_addresses_of_a_64_are_one_client_and_a_48_is_bounded() -> None:
    limit = RateLimit(0, client_bytes=10_000)
    assert sum(passed(limit, [f"2001:db8:1:1::{n:x}" for n in range(100)], size=1000)) == 10
    assert sum(passed(limit, [f"2001:db8:1:{n:x}::1" for n in range(2, 100)], size=1000)) == 30
    assert sum(passed(limit, ["2001:db8:2:1::1"] * 20, size=1000)) == 10


def test_site_bytes_are_bounded_over_all_clients() -> None:
    limit = RateLimit(0, site_bytes=50_000)
    assert sum(passed(limit, [f"192.0.2.{n}" for n in range(100)], size=1000)) == 50
    assert sum(passed(limit, ["192.0.2.1"] * 100, size=1000, site="other.example")) == 50


def test_loopback_requests_are_not_limited_as_a_client() -> None:
    limit = RateLimit(0, client_bytes=10_000)
    assert all(passed(limit, ["127.0.0.1", "::1", ""] * 100, size=1000))


def test_rate_limit_keeps_no_address() -> None:
    limit = RateLimit(10, client_bytes=10_000, site_bytes=10_000)
    passed(limit, ["192.0.2.1", "2001:db8:1:1::7"], size=10)
    kept = [repr(key) for each in vars(limit).values() if isinstance(each, Throttle) for key in each._free_at]
    assert len(kept) == 7
    assert not any("192.0" in key or "2001" in key for key in kept)


def test_rate_limits_are_settings_and_0_disables_them() -> None:
    limit = rate_limit_of(Settings())
    assert 200 < sum(passed(limit, ["192.0.2.1"] * 1000, size=8000)) < 300
    lifted = rate_limit_of(Settings(client_kb_per_minute=0, site_mb_per_minute=0))
    assert all(passed(lifted, ["192.0.2.1"] * 1000, size=1_000_000))


def test_throttle_resets_when_the_clock_was_ahead() -> None:
    throttle = Throttle(10)
    assert [throttle.wait_ms("key", 1, NOW_MS + 1_000_000_000) for _ in range(10)] == [0.0] * 10
    assert throttle.wait_ms("key", 1, NOW_MS) == 0.0


def test_throttle_is_bounded_in_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit, "MAX_KEYS", 100)
    throttle = Throttle(10)
    for number in range(1000):
        throttle.wait_ms(number, 5, NOW_MS + number)
        assert len(throttle._free_at) <= 101
