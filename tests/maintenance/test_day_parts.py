"""A day that is counted in parts of its visitors, or with other days, has the rollup of the day alone."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from mallard.demo.traffic import generate
from mallard.engine.base import PENDING
from mallard.engine.day_counter import DayCounts
from mallard.engine.duckdb import day_visits, locked_database, plan
from mallard.engine.duckdb.day_counts import RollupBounds
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.engine.sql.local_hours import local_hours
from mallard.maintenance.rollup_builder import build_rollups
from mallard.reports.behaviour.funnel import Funnel, count_funnel
from mallard.reports.behaviour.steps import parse_steps
from mallard.reports.standard_reports import BREAKDOWNS, Scope, Stats
from mallard.stats.date_range import DateRange, read_period
from mallard.stats.query import Query
from mallard.store.local import LocalStore
from mallard.table import duckdb_files
from mallard.table.layout import Partition
from mallard.table.messages import as_deliveries
from mallard.table.reader import list_days
from mallard.table.rollup import rollup_key
from mallard.table.visits_file import VisitsFacts, read_facts, write_visits
from mallard.table.writer import TableWriter
from support.portions import count_each_day_alone, cut_all_days
from support.random_events import SITE, pending_rows, random_rows, store_rows, with_rounded_times
from support.rollups import decode_rollup

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
DAY = timedelta(days=1)


@contextmanager
def engine_over(folder: Path, bounds: RollupBounds, memory_mb: int = 256) -> Iterator[DuckDBEngine]:
    nothing = PENDING.empty_table()
    engine = DuckDBEngine(LocalStore(folder), lambda _: nothing, memory_mb=memory_mb, threads=1, bounds=bounds)
    with closing(engine):
        yield engine


def counted(engine: DuckDBEngine, day: date) -> list[dict[str, Any]]:
    """The rows of a day's rollup, in an order of their own."""
    return in_order(counts_of(engine, day))


def in_order(counts: DayCounts) -> list[dict[str, Any]]:
    assert counts.read == counts.promised
    rows: list[dict[str, Any]] = counts.rows.to_pylist()
    return sorted(rows, key=lambda row: (row["dimension"], row["is_rest"], row["value"] or ""))


def counts_of(engine: DuckDBEngine, day: date) -> DayCounts:
    hours = local_hours(engine.zones(SITE), day, day + DAY)
    return engine.count_day(list_days(engine.store, SITE)[day], hours, "fingerprint")


def visits_of(engine: DuckDBEngine, day: date) -> list[dict[str, Any]]:
    """The rows of a day's visits file without their numbers, which must be all different."""
    rows = decode_visits(counts_of(engine, day))
    assert sorted(row.pop("number") for row in rows) == list(range(len(rows)))
    return sorted(rows, key=str)


def decode_visits(counts: DayCounts) -> list[dict[str, Any]]:
    assert counts.visits is not None
    rows: list[dict[str, Any]] = pq.read_table(pa.BufferReader(counts.visits)).to_pylist()
    return rows


@pytest.mark.parametrize("bounds", [RollupBounds(), RollupBounds(values=2), RollupBounds(value_bytes=8)])
def test_rollup_of_a_day_in_parts_equals_that_of_the_whole_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bounds: RollupBounds
) -> None:
    rows = with_rounded_times(Random(1), random_rows(Random(2), 300, NOW), share=0.3)
    store_rows(LocalStore(tmp_path), rows, seal_rows=50)
    with engine_over(tmp_path, bounds) as engine:
        days = sorted(list_days(engine.store, SITE))[:3]
        whole = [counted(engine, day) for day in days]
        cut_all_days(monkeypatch)
        assert [counted(engine, day) for day in days] == whole
    assert any(row["is_rest"] for rows in whole for row in rows) == (bounds != RollupBounds())


@pytest.mark.parametrize("parts", [2, 5])
def test_visits_of_a_day_in_parts_are_those_of_the_whole_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parts: int
) -> None:
    store_rows(LocalStore(tmp_path), random_rows(Random(3), 300, NOW), seal_rows=50)
    with engine_over(tmp_path, RollupBounds()) as engine:
        days = sorted(list_days(engine.store, SITE))[:3]
        whole = [visits_of(engine, day) for day in days]
        cut_all_days(monkeypatch, parts)
        assert [visits_of(engine, day) for day in days] == whole


def test_parts_are_counted_where_the_visits_are_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store_rows(LocalStore(tmp_path), random_rows(Random(3), 300, NOW), seal_rows=50)
    with engine_over(tmp_path, RollupBounds()) as engine:
        day = min(list_days(engine.store, SITE))
        whole = counted(engine, day)
        cut_all_days(monkeypatch)
        too_large = partial(write_visits, max_bytes=1)
        monkeypatch.setattr(day_visits, "write_visits", too_large)
        assert counted(engine, day) == whole
        assert visits_of(engine, day) == []


@pytest.mark.parametrize("bounds", [RollupBounds(), RollupBounds(values=3), RollupBounds(value_bytes=12)])
def test_several_days_at_once_equal_each_alone(tmp_path: Path, bounds: RollupBounds) -> None:
    rows = with_rounded_times(Random(3), random_rows(Random(4), 300, NOW), share=0.3)
    # Of the first day only pings are left, and of the second nothing without a visitor.
    first, second, *_ = sorted({row["timestamp"].date() for row in rows})
    rows = [row | {"event_name": "engagement"} if row["timestamp"].date() == first else row for row in rows]
    rows = [row for row in rows if row["timestamp"].date() != second or row["visitor_id"] is not None]
    store_rows(LocalStore(tmp_path), rows, seal_rows=50)
    with engine_over(tmp_path, bounds) as engine:
        days = list_days(engine.store, SITE)
        hours = local_hours(engine.zones(SITE), min(days), max(days) + DAY)
        found = engine.count_days(days, hours, dict.fromkeys(days, "fingerprint"))
        alone = {day: counts_of(engine, day) for day in days}
    complete = {day for day, counts in alone.items() if not any(row["is_rest"] for row in in_order(counts))}
    assert found.keys() == complete - {first}
    for day, counts in found.items():
        assert in_order(counts) == in_order(alone[day])
        assert decode_visits(counts) == decode_visits(alone[day])
        for each in (counts.visits, alone[day].visits):
            assert read_facts(each or b"") == VisitsFacts("fingerprint", spans_days=False)
    assert found or bounds != RollupBounds()


def test_month_of_days_counted_together_has_the_rows_of_each_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_rows(LocalStore(tmp_path), random_rows(Random(5), 300, NOW), seal_rows=50)
    key, months = rollup_key(SITE, NOW.date()), []
    with engine_over(tmp_path, RollupBounds()) as engine:
        for _ in range(2):
            assert build_rollups(engine.store, engine, NOW).days == 5
            stored = engine.store.get(key)
            assert stored
            months.append(decode_rollup(stored.data))
            engine.store.delete(key)
            count_each_day_alone(monkeypatch)
    assert months[0] == months[1] is not None


def rows_of(engine: DuckDBEngine, period: DateRange) -> list[dict[str, Any]]:
    """The raw rows of a range, in the order in which they are handed over."""
    taken: list[dict[str, Any]] = []
    list(engine.rows(Query(SITE, period, ("events",)), lambda batch: taken.extend(batch.to_pylist())))
    return taken


def test_rows_of_a_day_in_slices_of_its_time_are_those_of_the_whole_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, week = with_rounded_times(Random(6), random_rows(Random(6), 300, NOW)), read_period("7d", None, None, NOW)
    store_rows(LocalStore(tmp_path), rows[:250], seal_rows=50)
    waiting = pending_rows(rows[200:])
    with closing(DuckDBEngine(LocalStore(tmp_path), lambda _: waiting, memory_mb=256, threads=1)) as engine:
        whole = rows_of(engine, week)
        assert len(whole) == 300
        cut_all_days(monkeypatch, 4)
        assert rows_of(engine, week) == whole


EVENTS = 400_000
MEMORY_MB = 128


@pytest.fixture(scope="module")
def large_day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large")
    table = TableWriter(LocalStore(folder))
    for day, rows in generate(SITE, events=EVENTS, days=1, random_seed=1, end=NOW.replace(hour=23)):
        table.append(Partition(SITE, day), as_deliveries(rows))
    return folder


@pytest.fixture
def no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A DuckDB that fails where it would spill."""
    connect = duckdb_files.connect

    def without_disk(*args: Any, **options: Any) -> duckdb.DuckDBPyConnection:
        return connect(*args, **{**options, "temp_directory": ""})

    monkeypatch.setattr(locked_database, "connect", without_disk)


@pytest.mark.heavy
@pytest.mark.usefixtures("no_disk")
def test_large_day_is_counted_without_spilling(large_day: Path) -> None:
    with engine_over(large_day, RollupBounds(), MEMORY_MB) as engine:
        (day,) = list_days(engine.store, SITE)
        scope = Scope(SITE, read_period(None, day.isoformat(), (day + DAY).isoformat(), NOW))
        stats = Stats(engine, NOW)
        found = stats.overview(scope, 10, BREAKDOWNS)
        funnel = Funnel(parse_steps("page:/,page:/pricing"), 3_600_000, breakdown="countries")
        assert count_funnel(stats, scope, funnel)
        total = next(row for row in counted(engine, day) if row["dimension"] == "total")
    assert (total["visitors"], total["visits"]) == (found.main["unique_visitors"], found.main["visits"])


@pytest.mark.heavy
@pytest.mark.usefixtures("no_disk")
def test_rows_of_a_large_day_are_sorted_without_spilling(large_day: Path) -> None:
    batches: list[pa.RecordBatch] = []
    with engine_over(large_day, RollupBounds(), MEMORY_MB) as engine:
        (day,) = list_days(engine.store, SITE)
        assert list(engine.rows(Query(SITE, DateRange(day, day + DAY), ("events",)), batches.append)) == [day]
    times = pa.Table.from_batches(batches)["timestamp"].cast(pa.int64()).combine_chunks()
    assert len(times) == EVENTS
    assert pc.all(pc.greater_equal(times.slice(1), times.slice(0, EVENTS - 1))).as_py()


@pytest.mark.heavy
@pytest.mark.usefixtures("no_disk")
def test_large_day_in_one_statement_needs_more_than_the_memory(
    large_day: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "MAX_PARTS", 1)
    with engine_over(large_day, RollupBounds(), MEMORY_MB) as engine:
        (day,) = list_days(engine.store, SITE)
        with pytest.raises(Exception, match="needs more memory than"):
            counted(engine, day)
