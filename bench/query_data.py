"""Test tables: a month of demo traffic, and the original's 10,000 page views."""

from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from mallard.demo.traffic import generate
from mallard.engine.base import PENDING
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.maintenance.rollup_builder import build_rollups
from mallard.reports.standard_reports import Scope
from mallard.stats.date_range import DateRange
from mallard.stats.filters import Filter
from mallard.store.base import Store
from mallard.table.layout import Partition
from mallard.table.messages import as_deliveries
from mallard.table.schema import EVENTS
from mallard.table.writer import TableWriter

SITE = "demo.example.com"
MEMORY_MB = 1000
THREADS = 2

LAST = datetime(2026, 1, 30, 23, 59, 59, 999_000, tzinfo=UTC)
"""Of the events; with this as now, the last day is still open."""

AFTER = datetime(2026, 1, 31, tzinfo=UTC)
"""Now, where every day is closed."""

SEED_DAY = date(2024, 1, 15)


def fill(store: Store, events: int, days: int, last: datetime = LAST) -> int:
    """Append demo traffic day by day; how many events."""
    table, written = TableWriter(store), 0
    for day, rows in generate(SITE, events=events, days=days, random_seed=1, end=last):
        written += table.append(Partition(SITE, day), as_deliveries(rows)).written
    return written


def scope(days: int, filters: Filter | None = None) -> Scope:
    """The dates that ``fill`` gave events."""
    return Scope(SITE, DateRange(AFTER.date() - timedelta(days=days), AFTER.date()), filters)


def open_engine(store: Store) -> DuckDBEngine:
    """An engine as the peers are set up: two threads, no answer kept, and nothing pending."""
    nothing = PENDING.empty_table()
    return DuckDBEngine(store, lambda _: nothing, memory_mb=MEMORY_MB, threads=THREADS, cache_seconds=0)


def roll_up(store: Store, now: datetime) -> int:
    """Build the rollups of the days that are closed at ``now``; how many."""
    with closing(open_engine(store)) as engine:
        return build_rollups(store, engine, now).days


def folder_bytes(folder: Path) -> int:
    """Of all files below."""
    return sum(file.stat().st_size for file in folder.rglob("*.parquet"))


def seed_rows(events: int = 10_000) -> pa.Table:
    """The events of the seed's benchmark: 1,000 visitors, 100 pages, all within 24 minutes of one day."""
    hour = datetime(SEED_DAY.year, SEED_DAY.month, SEED_DAY.day, 10, tzinfo=UTC).replace(tzinfo=None)
    rows = [
        {
            "event_id": each,
            "visitor_id": each % 1000 + 1,
            "timestamp": hour + timedelta(minutes=each // 60 % 24, seconds=each % 60),
            "event_name": "pageview",
            "pathname": f"/page-{each % 100}",
            "hostname": SITE,
            "browser": "Chrome",
            "browser_version": "120.0",
            "os": "Linux",
            "os_version": "6.1",
            "device_type": "desktop",
            "screen_size": "1920",
            "country_code": "US",
        }
        for each in range(events)
    ]
    return pa.Table.from_pylist(rows, schema=EVENTS)


def fill_seed(store: Store) -> pa.Table:
    """The seed's events in our table."""
    rows = seed_rows()
    TableWriter(store).append(Partition(SITE, SEED_DAY), as_deliveries(rows))
    return rows
