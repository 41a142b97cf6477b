"""A month of a million events a day: files, plain DuckDB queries, gain of rollups."""

import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from mallard.demo.traffic import generate
from mallard.engine.base import PENDING
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.maintenance.rollup_builder import build_rollups
from mallard.reports.standard_reports import Scope, Stats
from mallard.stats.date_range import read_period
from mallard.store.local import LocalStore
from mallard.table.layout import Partition, parse_segment
from mallard.table.messages import as_deliveries
from mallard.table.writer import TableWriter

SITE = "demo.example.com"
DAYS = 30
EVENTS = 30_000_000
BATCH = 50_000
"""Rows to a flush: each day comes in twenty of them, as it would from a queue."""

ROUNDS = 3
UNTIL = datetime(2026, 1, 31, tzinfo=UTC)
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
BREAKDOWNS = ("pages", "sources", "browsers", "os", "devices", "countries")


def run(events: int = EVENTS) -> list[str]:
    """The rows of a Markdown table."""
    with tempfile.TemporaryDirectory() as folder:
        store = LocalStore(Path(folder))
        seconds, sizes = _fill(store, events)
        sent = sum(sizes.values())
        files = Counter(segment[0].date for row in store.list("events/") if (segment := parse_segment(row.key)))
        size = sum(row.size_bytes for row in store.list("events/"))
        glob_seconds, counted = _timed(lambda: _plain_count(folder))
        assert counted == sent, f"{counted} of {sent} events were found by a plain glob"
        nothing = PENDING.empty_table()
        with closing(DuckDBEngine(store, lambda _: nothing, memory_mb=1024, threads=2)) as engine:
            stats = Stats(engine, NOW)
            from_events, before = _timed(lambda: _overview(stats))
            build_seconds, report = _timed(lambda: build_rollups(store, engine, NOW))
            from_rollups = statistics.median(_timed(lambda: _overview(stats))[0] for _ in range(ROUNDS))
            assert _overview(stats) == before, "rollups changed a number"
        rollup_bytes = sum(row.size_bytes for row in store.list("rollups/"))
    return [
        f"{sent:,} events of one site over {DAYS} days, appended {BATCH:,} at a time.",
        "",
        "| what | figure |",
        "| --- | --- |",
        f"| events appended a second | {sent / seconds:,.0f} |",
        f"| files of the busiest day, {max(sizes.values()):,} events | {files[max(sizes, key=sizes.__getitem__)]} |",
        f"| bytes an event | {size / sent:.1f} |",
        f"| events counted by a plain DuckDB glob | {counted:,} in {glob_seconds:.1f} s |",
        f"| rollups of {report.days} days built | {build_seconds:.1f} s, {rollup_bytes / 1e6:.1f} MB |",
        f"| overview (headline, series, six breakdowns) from events | {from_events:.2f} s |",
        f"| the same from rollups, equal in every number | {from_rollups:.2f} s: {from_rollups / from_events:.3f} |",
    ]


def _fill(store: LocalStore, events: int) -> tuple[float, dict[date, int]]:
    """Seconds spent in the table, and how many events each day got."""
    table, seconds, sizes = TableWriter(store), 0.0, Counter[date]()
    for day, rows in generate(SITE, events=events, days=DAYS, random_seed=1, end=UNTIL):
        for start in range(0, rows.num_rows, BATCH):
            batch = as_deliveries(rows.slice(start, BATCH))
            took, _ = _timed(partial(table.append, Partition(SITE, day), batch))
            seconds += took
            sizes[day] += batch.num_rows
    return seconds, sizes


def _plain_count(folder: str) -> int:
    sql = "SELECT count(event_id) FROM read_parquet(?, hive_partitioning = true, union_by_name = true)"
    found = duckdb.execute(sql, [f"{folder}/events/**/*.parquet"]).fetchall()
    return int(found[0][0])


def _overview(stats: Stats) -> list[Any]:
    period = read_period("30d", None, None, NOW)
    return [
        stats.main(Scope(SITE, period)),
        stats.timeseries(Scope(SITE, period)),
        *(stats.breakdown(Scope(SITE, period), name, 10) for name in BREAKDOWNS),
    ]


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    found = work()
    return time.perf_counter() - began, found
