"""Visitors that come on several days are one, however the days are counted and whatever happened to their files."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pytest

from mallard.engine.base import PENDING
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.event import Event
from mallard.maintenance.erasure import carry_out, request_erasure
from mallard.maintenance.rollup_builder import build_rollups
from mallard.reports.standard_reports import Scope, Stats
from mallard.stats.date_range import DateRange
from mallard.stats.filters import parse_filters
from mallard.store.local import LocalStore
from mallard.table.layout import Partition
from mallard.table.messages import read_deliveries
from mallard.table.writer import TableWriter
from support.place import NOW, SITE, TODAY, noon_ms
from support.portions import cut_all_days
from support.rows import deliveries, event

FIRST, SECOND, THIRD = (TODAY - timedelta(days=number) for number in (4, 3, 2))
RANGE = DateRange(TODAY - timedelta(days=6), TODAY + timedelta(days=1))
WEEKLY = "2026-03-15.week"
ANYBODY = json.dumps([["is_not", "visit:country", ["ZZ"]]])


class Kept:
    """A store, what waits for it, and its visitors counted in every way."""

    def __init__(self, store: LocalStore) -> None:
        self.store = store
        self.waiting: list[Event] = []
        self.engine = DuckDBEngine(store, self.pending, memory_mb=256, threads=1)

    def pending(self, site_id: str) -> pa.Table:
        rows = read_deliveries([each.to_message() for each in self.waiting if each.site_id == site_id])
        dates = pa.array([date.fromisoformat(text) for text in rows["date"].to_pylist()], pa.date32())
        return rows.set_column(rows.column_names.index("date"), "date", dates).select(PENDING.names)

    def write(self, day: date, *numbers: int, visitor: int = 7, seal_rows: int = 3, **more: Any) -> None:
        given = [seen(number, day, visitor_id=visitor) for number in numbers]
        TableWriter(self.store, seal_rows=seal_rows).append(Partition(SITE, day), deliveries(given), **more)

    def visitors(self) -> set[tuple[int, int]]:
        """Of the range: without a filter and with one that everything passes, as headline and as a row."""
        found = set()
        for filters in (None, ANYBODY):
            scope = Scope(SITE, RANGE, parse_filters(filters))
            shown = Stats(self.engine, NOW).overview(scope, 10, ("devices",))
            found.add((shown.main["unique_visitors"], shown.breakdowns["devices"][0]["visitors"]))
            for row in shown.timeseries:
                day = date.fromisoformat(row["date"])
                alone = Scope(SITE, DateRange(day, day + timedelta(days=1)), scope.filters)
                assert Stats(self.engine, NOW).main(alone)["unique_visitors"] == row["visitors"]
        return found

    def build(self) -> None:
        build_rollups(self.store, self.engine, NOW)


def seen(number: int, day: date, **more: Any) -> Event:
    return event(number, date=day.isoformat(), timestamp=noon_ms(day) + number, accepted_ms=noon_ms(day), **more)


def three_days(kept: Kept) -> None:
    for number, day in enumerate((FIRST, SECOND, THIRD)):
        kept.write(day, 10 * number + 1, spans_days=True)


def sealed(kept: Kept) -> None:
    """The mark stands in a sealed segment, and later ones of the day are ordinary ones of the same visitor's."""
    three_days(kept)
    for number, day in enumerate((FIRST, SECOND, THIRD)):
        for more in range(2, 9):
            kept.write(day, 10 * number + more)


def ordinary_before(kept: Kept) -> None:
    for number, day in enumerate((FIRST, SECOND, THIRD)):
        kept.write(day, *(10 * number + more for more in range(2, 9)))
    kept.build()
    three_days(kept)


def again(kept: Kept) -> None:
    """Rows that are there already come once more, now with the word that their visitors span days."""
    for number, day in enumerate((FIRST, SECOND, THIRD)):
        kept.write(day, 10 * number + 1)
    kept.build()
    three_days(kept)


def again_after_sealing(kept: Kept) -> None:
    for number, day in enumerate((FIRST, SECOND, THIRD)):
        kept.write(day, *(10 * number + more for more in range(1, 4)))
    kept.build()
    three_days(kept)
    before = [row.version for row in kept.store.list("events/")]
    three_days(kept)
    assert [row.version for row in kept.store.list("events/")] == before


def waiting(kept: Kept) -> None:
    """The middle day's event has not been flushed; its salt says how long its visitor lasts."""
    kept.write(FIRST, 1, spans_days=True)
    kept.write(THIRD, 21, spans_days=True)
    kept.build()
    kept.waiting = [seen(11, SECOND, visitor_id=7, salt=WEEKLY)]


def waiting_beside(kept: Kept) -> None:
    """A day that is rolled up has one more event waiting."""
    three_days(kept)
    kept.build()
    kept.waiting = [seen(12, SECOND, visitor_id=7, salt=WEEKLY)]


def erased_and_written_again(kept: Kept) -> None:
    three_days(kept)
    kept.build()
    carry_out(kept.store, request_erasure(kept.store, SITE, SECOND, SECOND, NOW - timedelta(hours=30)))
    kept.write(SECOND, 15, spans_days=True)


WAYS: tuple[Callable[[Kept], None], ...] = (
    three_days,
    sealed,
    ordinary_before,
    again,
    again_after_sealing,
    waiting,
    waiting_beside,
    erased_and_written_again,
)


@pytest.mark.sampled(8, 3)
@pytest.mark.parametrize("in_portions", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_visitor_of_several_days_is_counted_once_before_and_after_the_rollup(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, way: Callable[[Kept], None], in_portions: bool
) -> None:
    if in_portions:
        cut_all_days(monkeypatch)
    kept = Kept(LocalStore(tmp_path))
    way(kept)
    assert kept.visitors() == {(1, 1)}
    kept.build()
    assert kept.visitors() == {(1, 1)}
    kept.engine.close()
