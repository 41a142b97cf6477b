"""Small tables: events with numbers for ids, and what a store holds of them."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa

from mallard.event import PAGEVIEW, Event
from mallard.store.base import Store
from mallard.table.layout import Partition
from mallard.table.messages import read_deliveries
from mallard.table.schema import DELIVERIES, EVENTS
from mallard.table.segment import Segment, decode

DAY = date(2026, 1, 2)
NOON_MS = 1_767_355_200_000
HERE = Partition("example.com", DAY)


def noon() -> datetime:
    """A clock that stands still."""
    return datetime(2026, 1, 2, 12, tzinfo=UTC)


def event(number: int, **changes: Any) -> Event:
    """An event with this id, taken so many milliseconds after noon."""
    values: dict[str, Any] = {
        "event_id": number,
        "site_id": HERE.site_id,
        "date": DAY.isoformat(),
        "accepted_ms": NOON_MS + number,
        "salt": DAY.isoformat(),
        "timestamp": NOON_MS + number,
        "event_name": PAGEVIEW,
        "pathname": f"/{number}",
    }
    return Event(**values | changes)


def events(*numbers: int) -> list[Event]:
    return [event(number) for number in numbers]


def deliveries(given: Iterable[Event]) -> pa.Table:
    """What a writer is handed for these events."""
    return read_deliveries([each.to_message() for each in given]).select(DELIVERIES.names)


def rows_of(given: Iterable[Event]) -> pa.Table:
    """What the table holds of these events."""
    return deliveries(given).select(EVENTS.names)


def segments(store: Store, partition: Partition = HERE) -> list[Segment]:
    """A partition's segments in order of number."""
    found = []
    for row in store.list(partition.prefix):
        stored = store.get(row.key)
        assert stored is not None
        found.append(decode(stored.data, row.key))
    return found


def stored_rows(store: Store, partition: Partition = HERE) -> list[dict[str, Any]]:
    """A partition's rows in order of id."""
    rows = [row for each in segments(store, partition) for row in each.rows.to_pylist()]
    return sorted(rows, key=lambda row: row["event_id"])


def stored_ids(store: Store, partition: Partition = HERE) -> list[int]:
    """A partition's ids, sorted: one that is stored twice stands here twice."""
    return [row["event_id"] for row in stored_rows(store, partition)]
