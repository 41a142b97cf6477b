"""One DuckDB per process: locked to the store, a cursor per query, a new look where a swap broke a read."""

import threading
from collections.abc import Callable
from contextlib import closing
from datetime import date, datetime
from typing import Any

import duckdb
import pyarrow as pa

from mallard.errors import QueryTooLargeError, StoreUnavailableError
from mallard.query.period import Period
from mallard.query.rollups import Rolled, RollupReader
from mallard.query.statement import Statement, rollup_sql, sql_file, statement_sql
from mallard.sites.book import SiteBook
from mallard.sites.zones import Zones
from mallard.store.base import Listed, Store
from mallard.table.read import list_days, open_files
from mallard.table.schema import EVENTS

READ_ATTEMPTS = 3

BEGINNING = datetime(1, 1, 1)  # noqa: DTZ001  # the table's timestamps are naive UTC

PENDING = pa.schema([pa.field("date", pa.date32()), *EVENTS])
"""Pending events as rows: the table's columns and the partition's date."""

# What a reader meets when an object is swapped under it, on a folder or over httpfs.
_READ_ERRORS = (duckdb.IOException, duckdb.HTTPException, duckdb.InvalidInputException, UnicodeDecodeError)

PendingEvents = Callable[[str], pa.Table]


class Engine:
    """Runs statements over one store and the queue's pending events."""

    def __init__(
        self, store: Store, pending: PendingEvents, *, memory_mb: int, threads: int, book: SiteBook | None = None
    ) -> None:
        """``pending`` gives a site's rows that wait in the queue, in the schema PENDING."""
        self.store = store
        self.book = book or SiteBook(store)
        self._pending = pending
        self._rollups = RollupReader(store)
        self._lock = threading.Lock()
        self._database = duckdb.connect(
            config={
                "memory_limit": f"{memory_mb}MB",
                "threads": threads,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "preserve_insertion_order": False,
                "temp_directory": str(store.scratch),
            }
        )
        self._lock_down()

    def rows(self, site_id: str, period: Period, statement: Statement) -> list[dict[str, Any]]:
        """The statement's rows over one site and range, from one consistent look at queue and table."""
        # The queue first, then the table: in the other order an event flushed in between is lost or counted twice.
        pending = self._pending(site_id)
        waiting_dates = frozenset(pending["date"].to_pylist())
        for attempt in range(READ_ATTEMPTS):
            days = list_days(self.store, site_id)
            rolled = Rolled()
            if statement.rolled and period.since is None:
                rolled = self._rollups.read(site_id, days, period, self.zones(site_id), but=waiting_dates)
            counted = [
                segments
                for day, segments in days.items()
                if period.start <= day < period.end and day not in rolled.dates
            ]
            with open_files(self.store, counted) as files:
                try:
                    return self._run(files, pending, rolled, period, statement)
                except (duckdb.Error, UnicodeDecodeError) as error:
                    self._look_again(error, attempt)
        raise AssertionError("unreachable")

    def zones(self, site_id: str) -> Zones:
        """The site's time zones."""
        return self.book.get(site_id).zones

    def first_date(self, site_id: str, today: date) -> date:
        """The first date with events, today where there are none."""
        pending = self._pending(site_id)["date"].to_pylist()
        rolled = self._rollups.first_date(site_id)
        found = [*list_days(self.store, site_id), *([rolled] if rolled else []), *pending]
        return min(found, default=today)

    def count_day(self, segments: tuple[Listed, ...], hours: pa.Table) -> tuple[pa.Table, int, bool]:
        """A day's rollup rows from its events, the number of rows its footers promise, and whether visitors span days.

        ``segments`` is the whole day as listed, ``hours`` the moments its hours begin. The rows have the measures of
        ``rollup.SCHEMA``.
        """
        for attempt in range(READ_ATTEMPTS):
            with open_files(self.store, [segments]) as files, closing(self._cursor()) as cursor:
                try:
                    cursor.register("hours", hours)
                    footers = cursor.execute(sql_file("footers"), {"files": list(files)}).fetchall()[0]
                    values = {"files": list(files), "start": date.min, "end": date.max, "since": BEGINNING}
                    rows = cursor.execute(rollup_sql(), values).to_arrow_table()
                    return rows, int(footers[0]), bool(footers[1])
                except (duckdb.Error, UnicodeDecodeError) as error:
                    self._look_again(error, attempt)
        raise AssertionError("unreachable")

    def close(self) -> None:
        """End the database."""
        self._database.close()

    def _run(
        self, files: tuple[str, ...], pending: pa.Table, rolled: Rolled, period: Period, statement: Statement
    ) -> list[dict[str, Any]]:
        sql = statement_sql(statement, has_files=bool(files), has_waiting=pending.num_rows > 0)
        values = {
            "start": period.start,
            "end": period.end,
            "since": period.since or BEGINNING,
            **statement.values,
        }
        if files:
            values["files"] = list(files)
        cursor = self._cursor()
        try:
            cursor.register("pending", pending)
            for name, table in statement.tables.items():
                cursor.register(name, table)
            if statement.rolled:
                cursor.register("rollup", rolled.rows(statement.rolled))
            answer = cursor.execute(sql, values)
            names = [column[0] for column in answer.description or []]
            return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
        finally:
            cursor.close()

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        with self._lock:
            return self._database.cursor()

    def _lock_down(self) -> None:
        """After this no statement reaches a file or host beyond the store, nor undoes it."""
        self._setup = tuple(self.store.reader_setup())
        for statement in self._setup:
            self._database.execute(statement)
        allowed = [self.store.location(""), f"{self.store.scratch}/"]
        self._database.execute("SET enable_external_file_cache = false")
        self._database.execute(f"SET allowed_directories = {allowed!r}")
        self._database.execute("SET enable_external_access = false")
        self._database.execute("SET lock_configuration = true")

    def _look_again(self, error: Exception, attempt: int) -> None:
        """Return where a swap may have broken the read and there is another try; else raise."""
        if isinstance(error, duckdb.OutOfMemoryException):
            raise QueryTooLargeError(
                "The query needs more memory than MALLARD_QUERY_MEMORY_MB; ask for fewer days."
            ) from error
        # Of Parquet that is another file by now DuckDB may raise its most general error, the base of all others.
        if not isinstance(error, _READ_ERRORS) and type(error) is not duckdb.Error:
            raise error
        if attempt + 1 == READ_ATTEMPTS:
            raise StoreUnavailableError(f"The table could not be read: {type(error).__name__}.") from error
        self._renew()

    def _renew(self) -> None:
        """Take over what the store's setup says now: credentials of a role end after some hours."""
        setup = tuple(self.store.reader_setup())
        with self._lock:
            for statement in setup:
                if statement not in self._setup:
                    self._database.execute(statement)
            self._setup = setup
