"""Rounded times: the begin of the local hour, and an order within it that tells no time."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.contexts import ADDRESS, FIREFOX, NOW, SITE, open_context, take
from mallard.auth.api_keys import ApiKey
from mallard.event import Event, to_ms
from mallard.ingest.batch import BatchOutcome, accept_batch
from mallard.ingest.hour_order import HOUR_ORDER_BITS, LEVELS, hour_order
from mallard.privacy.redaction import Redaction
from mallard.privacy.salts import Salt
from mallard.sites.settings_store import SiteSettingsStore
from mallard.sites.time_zone import SiteZones
from mallard.store.local import LocalStore

ROUNDED = Redaction(round_timestamps=True)
SALT = Salt("2026-03-10", bytes(range(32)))
HOUR_MS = 3_600_000
BEGIN_MS = 1_773_154_800_000

moments = st.integers(0, HOUR_MS - 1)


@given(moments, moments, st.integers(0, 2**62), st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1))
def test_hour_order_rises_with_the_time(first: int, second: int, visitor: int, one: int, other: int) -> None:
    found = [hour_order(SALT, visitor, BEGIN_MS, BEGIN_MS + ms, last) for ms, last in ((first, one), (second, other))]
    assert all(0 <= each < 1 << HOUR_ORDER_BITS for each in found)
    if first != second:
        assert (found[0] < found[1]) == (first < second)


def test_hour_order_rises_with_the_sequence_within_a_millisecond() -> None:
    found = [hour_order(SALT, 7, BEGIN_MS, BEGIN_MS + 5, sequence) for sequence in range(100)]
    assert found == sorted(set(found))
    assert found[-1] < hour_order(SALT, 7, BEGIN_MS, BEGIN_MS + 6, 0)


def test_hour_order_holds_an_hour_of_ninety_minutes() -> None:
    longest = [hour_order(SALT, 7, BEGIN_MS, BEGIN_MS + ms, 0) for ms in (0, 2 * HOUR_MS // 2, HOUR_MS * 3 // 2)]
    assert HOUR_MS * 3 // 2 < 1 << LEVELS
    assert longest == sorted(set(longest))


def test_hour_order_differs_by_salt_visitor_and_hour() -> None:
    other = replace(SALT, key=bytes(32))
    found = {
        hour_order(salt, visitor, hour, hour + 1000, 0)
        for salt in (SALT, other)
        for visitor in (7, 8)
        for hour in (BEGIN_MS, BEGIN_MS + HOUR_MS)
    }
    assert len(found) == 8


def test_hour_order_of_one_event_does_not_reveal_its_time() -> None:
    """Events of the first and of the last second lie in each part of the range equally often."""
    parts = []
    for elapsed_ms in (0, HOUR_MS - 1):
        numbers = [hour_order(SALT, visitor, BEGIN_MS, BEGIN_MS + elapsed_ms, 0) for visitor in range(4000)]
        parts.append(Counter(each >> (HOUR_ORDER_BITS - 2) for each in numbers))
    for part in range(4):
        assert abs(parts[0][part] - parts[1][part]) <= 20
        assert 850 < parts[0][part] < 1150


def test_hour_order_of_two_events_does_not_reveal_their_distance() -> None:
    """A distance of ten minutes is larger than one of twenty for every fourth pair of visitors."""

    def distance(visitor: int, minutes: int) -> int:
        first, second = (
            hour_order(SALT, visitor, BEGIN_MS, BEGIN_MS + 60_000 * each, 0) for each in (17, 17 + minutes)
        )
        return second - first

    larger = sum(distance(visitor, 10) > distance(10_000 + visitor, 20) for visitor in range(1000))
    assert 150 < larger < 450


def test_stamp_rounds_to_the_hour_and_keeps_the_order(store: LocalStore) -> None:
    context = open_context(store, privacy=ROUNDED)
    begin = NOW.replace(minute=0, second=0, microsecond=0)
    seen = [begin + timedelta(milliseconds=each) for each in sorted(Random(1).sample(range(HOUR_MS), 50))]
    taken = [take(context, now=moment) for moment in seen]
    assert {each.timestamp for each in taken} == {to_ms(begin)}
    numbers = [each.hour_order or -1 for each in taken]
    assert numbers == sorted(set(numbers))


def test_stamp_orders_alike_in_every_process(store: LocalStore) -> None:
    contexts = [open_context(store, privacy=ROUNDED) for _ in range(2)]
    numbers = [take(contexts[each % 2], now=NOW + timedelta(seconds=each)).hour_order or -1 for each in range(20)]
    assert numbers == sorted(set(numbers))


def test_stamp_gives_no_order_when_there_is_no_visitor_or_times_are_exact(store: LocalStore) -> None:
    assert take(open_context(store, privacy=ROUNDED), opted_out=True).hour_order is None
    assert take(open_context(store)).hour_order is None


def batch(store: LocalStore, rows: int, *, ts: str | None = None) -> tuple[Event, ...]:
    key = ApiKey("0" * 64, "a server", "Ingest", "2025-01-01T00:00:00Z")
    more = f',"ts":"{ts}"' if ts else ""
    line = f'{{"d":"{SITE}","n":"pageview","u":"/","ip":"{ADDRESS}","ua":"{FIREFOX}"{more}}}'
    taken = accept_batch("\n".join([line] * rows).encode(), key, open_context(store, privacy=ROUNDED), NOW)
    assert isinstance(taken, BatchOutcome)
    return taken.events


def test_a_batch_keeps_the_order_of_rows_of_one_moment(store: LocalStore) -> None:
    numbers = [each.hour_order or -1 for each in batch(store, 100)]
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize(
    ("zone", "moment", "begin"),
    [
        ("Asia/Kolkata", "2025-06-30T11:59:59", "2025-06-30T11:30:00"),
        ("Asia/Kolkata", "2025-06-29T18:45:00", "2025-06-29T18:30:00"),
        ("Asia/Kathmandu", "2025-06-29T18:20:00", "2025-06-29T18:15:00"),
        ("Asia/Kathmandu", "2025-06-29T18:14:59", "2025-06-29T17:15:00"),
        ("Australia/Lord_Howe", "2025-06-29T13:59:00", "2025-06-29T13:30:00"),
        ("UTC", "2025-06-30T11:59:59", "2025-06-30T11:00:00"),
    ],
)
def test_rounding_is_to_the_hour_of_the_site(store: LocalStore, zone: str, moment: str, begin: str) -> None:
    site_settings = SiteSettingsStore(store)
    site_settings.change(SITE, {"timezone": zone}, NOW - timedelta(days=9))
    now = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    event = take(open_context(store, privacy=ROUNDED, site_settings=site_settings), now=now)
    assert event.timestamp == to_ms(datetime.fromisoformat(begin).replace(tzinfo=UTC))
    assert (
        SiteZones(((date.min, zone),)).local_date(datetime.fromtimestamp(event.timestamp / 1000, UTC)).isoformat()
        == event.date
    )


def test_a_batch_is_rounded_to_the_hour_of_the_site(store: LocalStore) -> None:
    SiteSettingsStore(store).change(SITE, {"timezone": "Asia/Kolkata"}, NOW - timedelta(days=9))
    context = open_context(store, privacy=ROUNDED, site_settings=SiteSettingsStore(store))
    key = ApiKey("0" * 64, "a server", "Ingest", "2025-01-01T00:00:00Z")
    line = f'{{"d":"{SITE}","n":"pageview","u":"/","ip":"{ADDRESS}","ts":"2025-06-30T00:20:00+05:30"}}'
    taken = accept_batch(line.encode(), key, context, NOW)
    assert isinstance(taken, BatchOutcome)
    (event,) = taken.events
    assert (event.date, event.timestamp) == ("2025-06-30", to_ms(datetime(2025, 6, 29, 18, 30, tzinfo=UTC)))
