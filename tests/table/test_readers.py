"""Readers of a table that is written all the time: every answer is a state that was, for our reader and for others."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from mallard.engine.base import PENDING
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.reports.standard_reports import OverviewReport, Scope, Stats
from mallard.stats.date_range import DateRange
from mallard.stats.filters import All, Filter, Leaf
from mallard.store.base import Store
from mallard.store.local import LocalStore
from support.moto import moto_server
from support.place import NOW, SITE, TODAY
from support.restless import ERASED, GROWING, STILL, STILL_ROWS, Restless
from support.s3 import Server

CURSORS = 3
SECONDS = {"folder": 1.0, "bucket": float(os.environ.get("MALLARD_TEST_READ_SECONDS", "6"))}
"""``make soak`` reads a bucket for minutes."""
DAYS = DateRange(ERASED, TODAY + timedelta(days=1))
LEAST_LOOKS = 5

EVERY_VISIT = All((Leaf("contains", "event:page", ("/",)), Leaf("is_not", "visit:country", ("XX",))))
"""Lets all pass, but has to look at events, first events and whole visits to know."""


@pytest.fixture(params=["folder", pytest.param("bucket", marks=pytest.mark.heavy)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Store, float]]:
    """A store, and for how long to try."""
    seconds = SECONDS[request.param]
    if request.param == "folder":
        yield LocalStore(tmp_path), seconds
        return
    with moto_server() as address:
        yield Server(address).new_store(), seconds


class Cursor(threading.Thread):
    """Asks for an overview of the days until the time is over, a few times at least; keeps what cannot be."""

    def __init__(self, table: Restless, engine: DuckDBEngine, until: float, filters: Filter | None) -> None:
        super().__init__(daemon=True)
        self.looks = 0
        self.wrong: list[str] = []
        self.error: Exception | None = None
        self._table, self._stats, self._until = table, Stats(engine, NOW), until
        self._scope = Scope(SITE, DAYS, filters)

    def run(self) -> None:
        """Look again and again."""
        before: dict[date, int] = {}
        try:
            while (time.monotonic() < self._until or self.looks < LEAST_LOOKS) and not self.wrong:
                low = dict(self._table.written)
                found = self._stats.overview(self._scope)
                shown = {date.fromisoformat(row["date"]): row["pageviews"] for row in found.timeseries}
                self._check(before, low, shown)
                self._check_sums(found)
                before = shown
                self.looks += 1
        except Exception as error:
            self.error = error

    def _check_sums(self, found: OverviewReport) -> None:
        """All of one overview is of one state."""
        total = found.main["total_pageviews"]
        browsers = sum(row["pageviews"] for row in found.breakdowns["browsers"])
        if not total == browsers == sum(row["pageviews"] for row in found.timeseries):
            self.wrong.append(f"{total} in all, but {browsers} by browser")

    def _check(self, before: dict[date, int], low: dict[date, int], shown: dict[date, int]) -> None:
        high = dict(self._table.begun)
        for day in (*GROWING, STILL, ERASED):
            if not low[day] <= shown[day] <= high[day]:
                self.wrong.append(f"{shown[day]} of {day}, not {low[day]} to {high[day]}")
            if before and day != ERASED and shown[day] < before[day]:
                self.wrong.append(f"{shown[day]} of {day} after {before[day]}")
            if before and day == ERASED and shown[day] > before[day]:
                self.wrong.append(f"{shown[day]} of the erased {day} after {before[day]}")


@pytest.mark.parametrize("filters", [None, EVERY_VISIT], ids=["all", "filtered"])
def test_engine_reads_consistent_snapshots_over_several_cursors(
    place: tuple[Store, float], filters: Filter | None
) -> None:
    store, seconds = place
    until = time.monotonic() + seconds
    with Restless(store) as table, closing(new_engine(store)) as engine:
        cursors = [Cursor(table, engine, until, filters) for _ in range(CURSORS)]
        for each in cursors:
            each.start()
        time.sleep(seconds / 2)
        table.erase()
        for each in cursors:
            each.join()
    assert [(each.error, each.wrong) for each in cursors] == [(None, [])] * CURSORS
    with closing(new_engine(store)) as engine:
        rows = Stats(engine, NOW).timeseries(Scope(SITE, DAYS))
    shown = {date.fromisoformat(row["date"]): row["pageviews"] for row in rows}
    assert shown == table.written == {**table.begun, ERASED: 0}


def test_past_days_are_exact_for_a_plain_duckdb_reader(place: tuple[Store, float]) -> None:
    store, seconds = place
    looks, until = 0, time.monotonic() + seconds
    with Restless(store), closing(plain_duckdb(store)) as plain:
        while time.monotonic() < until or looks < LEAST_LOOKS:
            # Not `union_by_name`: it opens every file, today's too, before the date is looked at.
            assert counted(plain, store, STILL) == (STILL_ROWS, STILL_ROWS)
            looks += 1


@pytest.mark.heavy
def test_growing_day_in_a_bucket_is_exact_with_forced_downloads() -> None:
    with moto_server() as address:
        store = Server(address).new_store()
        looks, until = 0, time.monotonic() + SECONDS["bucket"]
        settings = ("SET force_download = true", "SET enable_external_file_cache = false")
        with Restless(store) as table, closing(plain_duckdb(store, *settings)) as plain:
            while time.monotonic() < until or looks < LEAST_LOOKS:
                low = table.written[TODAY]
                rows, distinct = counted(plain, store, TODAY, union_by_name=True)
                assert low <= rows == distinct <= table.begun[TODAY]
                looks += 1


def new_engine(store: Store) -> DuckDBEngine:
    return DuckDBEngine(store, lambda _: PENDING.empty_table(), memory_mb=256, threads=2)


def plain_duckdb(store: Store, *settings: str) -> duckdb.DuckDBPyConnection:
    """A session of somebody else's, with no more than what reaches the store."""
    connection = duckdb.connect()
    for statement in (*store.reader_setup(), *settings):
        connection.execute(statement)
    return connection


def counted(plain: duckdb.DuckDBPyConnection, store: Store, day: date, *, union_by_name: bool = False) -> Any:
    """Rows, and distinct ids, of a day by a glob over all of the table."""
    options = "hive_partitioning = true" + (", union_by_name = true" if union_by_name else "")
    sql = f"SELECT count(*), count(DISTINCT event_id) FROM read_parquet(?, {options}) WHERE date = CAST(? AS DATE)"
    return plain.execute(sql, [store.location("events/**/*.parquet"), day]).fetchone()
