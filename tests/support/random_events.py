"""Random events of a site, and ways to where they may lie."""

from collections import defaultdict
from datetime import date, datetime, timedelta
from random import Random

import pyarrow as pa

from mallard.engine.base import PENDING
from mallard.event import ENGAGEMENT, PAGEVIEW
from mallard.store.base import Store
from mallard.table.layout import Partition
from mallard.table.messages import as_deliveries
from mallard.table.schema import EVENTS
from mallard.table.writer import TableWriter
from support.reference import Row, day_of, order_of

SITE = "example.com"


def random_rows(random: Random, count: int, now: datetime) -> list[Row]:
    """Few visitors and pages over five days and their midnights, so that everything meets everything."""
    rows = []
    for event_id in range(1, count + 1):
        moment = now - timedelta(seconds=random.randrange(5 * 86_400))
        day = moment.date().toordinal()
        visitor = None if random.random() < 0.1 else day * 100 + random.randrange(8)
        name = random.choice([PAGEVIEW, PAGEVIEW, PAGEVIEW, "signup", ENGAGEMENT])
        rows.append(
            {
                "event_id": event_id,
                "visitor_id": visitor,
                # Whole minutes, so that gaps of exactly 30 minutes and equal moments occur.
                "timestamp": moment.replace(tzinfo=None, second=0, microsecond=0),
                "event_name": name,
                "pathname": random.choice(["/", "/a", "/b", "/b/c"]),
                "browser": random.choice(["Firefox", "Chrome", None]),
                "referrer_source": random.choice([None, "Google"]),
                "country_code": random.choice(["DE", "US", None]),
                "interactive": False if name == "signup" and event_id % 2 else None,
            }
        )
    return rows


def with_rounded_times(random: Random, rows: list[Row], share: float = 1.0) -> list[Row]:
    """The same with the hour only of a share of the visitors' events, and with their order within it.

    An event's own order, by time, then by id, is that of the numbers, which say nothing else.
    """
    numbers = sorted(random.sample(range(1 << 62), len(rows)))
    found = []
    for number, row in zip(numbers, sorted(rows, key=order_of), strict=True):
        if row["visitor_id"] is not None and random.random() < share:
            row = row | {"timestamp": row["timestamp"].replace(minute=0), "hour_order": number}
        # No other order is left.
        found.append(row | {"event_id": random.getrandbits(63)})
    return random.sample(found, len(found))


def arrow(rows: list[Row]) -> pa.Table:
    """As the table has them."""
    return pa.Table.from_pylist(rows, schema=EVENTS)


def store_rows(store: Store, rows: list[Row], seal_rows: int, *, site_id: str = SITE, spans_days: bool = False) -> None:
    """Into the table, seven rows to a flush."""
    table = TableWriter(store, seal_rows=seal_rows)
    by_day: dict[date, list[Row]] = defaultdict(list)
    for row in rows:
        by_day[day_of(row)].append(row)
    for day, part in by_day.items():
        for start in range(0, len(part), 7):
            table.append(Partition(site_id, day), as_deliveries(arrow(part[start : start + 7])), spans_days=spans_days)


def pending_rows(rows: list[Row]) -> pa.Table:
    """As the queue gives them to a query."""
    dates = pa.array([day_of(row) for row in rows], pa.date32())
    return arrow(rows).add_column(0, PENDING.field("date"), dates)
