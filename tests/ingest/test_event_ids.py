"""Event ids: 63 bits, unique, rising, and stable for a client's id."""

import pytest

from ingest.contexts import SECRET, SITE
from mallard.event import EVENT_ID_EPOCH_MS, EVENT_ID_RANDOM_BITS
from mallard.ingest.event_ids import EventIds

NOW_MS = 1_751_284_800_250


@pytest.mark.parametrize("drawn", [0, 2**EVENT_ID_RANDOM_BITS - 1])
def test_event_ids_are_unique_and_rise_within_one_millisecond(drawn: int) -> None:
    event_ids = EventIds(SECRET, lambda bits: drawn)
    ids = [event_ids.next(NOW_MS) for _ in range(5000)]
    assert ids == sorted(set(ids))


def test_event_ids_rise_while_the_clock_goes_back() -> None:
    event_ids = EventIds(SECRET)
    ids = [event_ids.next(NOW_MS - step * 1000) for step in range(100)]
    assert ids == sorted(set(ids))


def test_an_id_carries_its_millisecond_and_fits_63_bits() -> None:
    assert EventIds(SECRET).next(NOW_MS) >> EVENT_ID_RANDOM_BITS == NOW_MS - EVENT_ID_EPOCH_MS
    end_of_2088_ms = 3_755_289_599_999
    assert EventIds(SECRET, lambda bits: 2**bits - 1).next(end_of_2088_ms) < 2**63
    names = map(str, range(1000))
    assert all(0 <= EventIds(SECRET).named(SITE, "2025-06-30", name, keyed=False) < 2**63 for name in names)
