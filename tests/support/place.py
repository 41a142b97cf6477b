"""A small table of three closed days and today, and all the numbers that it gives."""

import json
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from mallard.engine.base import PENDING
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.event import to_ms
from mallard.maintenance.rollup_builder import build_rollups
from mallard.reports.standard_reports import Scope, Stats
from mallard.stats.date_range import read_period
from mallard.stats.dimensions import DIMENSIONS
from mallard.stats.filters import parse_filters
from mallard.store.base import Store
from mallard.table.layout import Partition
from mallard.table.writer import TableWriter
from support.rows import deliveries, event

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
TODAY = NOW.date()
SITE = "example.com"
DAYS = [TODAY - timedelta(days=number) for number in (4, 3, 2, 0)]


def noon_ms(day: date) -> int:
    """Milliseconds since 1970."""
    return to_ms(datetime(day.year, day.month, day.day, 12, tzinfo=UTC))


def spoil(path: Path) -> None:
    """Make a file unreadable in a way that no listing shows: same inode, size and time."""
    facts = path.stat()
    with path.open("r+b") as file:
        file.write(b"gone")
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


class Place:
    """A store, the numbers it gives, and events for it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.engine = DuckDBEngine(store, lambda _: PENDING.empty_table(), memory_mb=256, threads=1)

    def write(self, day: date, *numbers: int, site_id: str = SITE, seal_rows: int = 4, **changes: Any) -> None:
        """Events with these ids at noon of a day; a third of them each visitor's."""
        noon = noon_ms(day)
        given = [
            event(
                number,
                site_id=site_id,
                date=day.isoformat(),
                timestamp=noon + number * 1000,
                accepted_ms=noon + number * 1000,
                visitor_id=day.toordinal() * 100 + number % 3,
                pathname=f"/{number % 4}",
                **changes,
            )
            for number in numbers
        ]
        TableWriter(self.store, seal_rows=seal_rows).append(Partition(site_id, day), deliveries(given))

    def numbers(self, site_id: str = SITE, period: str = "7d", filters: list[Any] | None = None) -> dict[str, Any]:
        """Everything the reports say of a range under a filter, as a fresh process would."""
        engine = DuckDBEngine(self.store, lambda _: PENDING.empty_table(), memory_mb=256, threads=1)
        stats, span = Stats(engine, NOW), read_period(period, None, None, NOW)
        try:
            asked = parse_filters(json.dumps(filters)) if filters else None
            found = stats.overview(Scope(site_id, span, asked), 1000, tuple(DIMENSIONS))
            return {"main": found.main, "timeseries": found.timeseries, **found.breakdowns}
        finally:
            engine.close()

    def build(self, now: datetime = NOW) -> int:
        """Roll up what is closed; how many days were counted."""
        return build_rollups(self.store, self.engine, now).days

    def age(self, *days: date, hours: int = 2) -> None:
        """Let the segments of these days have been written so long ago; to a listing of a folder they are others."""
        for row in [row for day in days for row in self.store.list(Partition(SITE, day).prefix)]:
            path = Path(self.store.location(row.key))
            os.utime(path, (path.stat().st_mtime - hours * 3600,) * 2)

    def touch(self, key: str, moment: datetime) -> None:
        """Let an object of a folder have been written at a moment."""
        os.utime(self.store.location(key), (moment.timestamp(),) * 2)

    def delete_rollups(self) -> None:
        for row in list(self.store.list("rollups/")):
            self.store.delete(row.key)
