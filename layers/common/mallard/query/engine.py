"""One DuckDB per process: locked to the store, a cursor per query, a new look where a swap broke a read."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from typing import Any

import duckdb
import pyarrow as pa

from mallard.errors import QueryTooLargeError, StoreUnavailableError
from mallard.query.period import Period
from mallard.store.base import Store
from mallard.table.read import Snapshot, open_snapshot
from mallard.table.schema import EVENTS

READ_ATTEMPTS = 3

BEGINNING = datetime(1, 1, 1)  # noqa: DTZ001  # the table's timestamps are naive UTC

PENDING = pa.schema([pa.field("date", pa.date32()), *EVENTS])
"""Pending events as rows: the table's columns and the partition's date."""

# What a reader meets when an object is swapped under it, on a folder or over httpfs.
_READ_ERRORS = (duckdb.IOException, duckdb.HTTPException, duckdb.InvalidInputException, UnicodeDecodeError)

PendingEvents = Callable[[str], pa.Table]


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL over ``event`` (and ``visit``): file names below ``query/sql``, closed fragments, bound values."""

    parts: tuple[str, ...]
    fragments: Mapping[str, str]
    values: Mapping[str, Any]


@cache
def sql_file(name: str) -> str:
    """The text of ``query/sql/<name>.sql``."""
    return files("mallard.query").joinpath("sql", f"{name}.sql").read_text("utf-8")


def _event_ctes(has_files: bool, has_waiting: bool) -> list[str]:
    if has_files:
        return [
            sql_file(name)
            for name in (("stored", "waiting", "events_both") if has_waiting else ("stored", "events_stored"))
        ]
    # An empty list of files is refused by read_parquet; no rows at all is the same as none waiting.
    return [sql_file("waiting"), sql_file("events_waiting")]


class Engine:
    """Runs statements over one store and the queue's pending events."""

    def __init__(self, store: Store, pending: PendingEvents, *, memory_mb: int, threads: int) -> None:
        """``pending`` gives a site's rows that wait in the queue, in the schema PENDING."""
        self._store = store
        self._pending = pending
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
        for attempt in range(READ_ATTEMPTS):
            with open_snapshot(self._store, site_id, period.start, period.end) as snapshot:
                try:
                    return self._run(snapshot, pending, period, statement)
                except _READ_ERRORS as error:
                    if attempt + 1 == READ_ATTEMPTS:
                        raise StoreUnavailableError(f"The table could not be read: {type(error).__name__}.") from error
        raise AssertionError("unreachable")

    def first_date(self, site_id: str, today: date) -> date:
        """The first date with events, today where there are none."""
        pending = self._pending(site_id)
        with open_snapshot(self._store, site_id, today, today) as snapshot:
            found = [snapshot.first_date] if snapshot.first_date else []
        return min([*found, *pending["date"].to_pylist()], default=today)

    def close(self) -> None:
        """End the database."""
        self._database.close()

    def _run(self, snapshot: Snapshot, pending: pa.Table, period: Period, statement: Statement) -> list[dict[str, Any]]:
        waiting = pending.num_rows > 0
        *ctes, last = (sql_file(part).format(**statement.fragments) for part in statement.parts)
        sql = "WITH " + ",\n".join([*_event_ctes(bool(snapshot.files), waiting), *ctes]) + "\n" + last
        values = {
            "start": period.start,
            "end": period.end,
            "since": period.since or BEGINNING,
            **statement.values,
        }
        if snapshot.files:
            values["files"] = list(snapshot.files)
        cursor = self._cursor()
        try:
            cursor.register("pending", pending)
            answer = cursor.execute(sql, values)
            names = [column[0] for column in answer.description or []]
            return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
        except duckdb.OutOfMemoryException as error:
            raise QueryTooLargeError(
                "The query needs more memory than MALLARD_QUERY_MEMORY_MB; ask for fewer days."
            ) from error
        finally:
            cursor.close()

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        with self._lock:
            return self._database.cursor()

    def _lock_down(self) -> None:
        """After this no statement reaches a file or host beyond the store, nor undoes it."""
        for statement in self._store.reader_setup():
            self._database.execute(statement)
        allowed = [self._store.location(""), f"{self._store.scratch}/"]
        self._database.execute("SET enable_external_file_cache = false")
        self._database.execute(f"SET allowed_directories = {allowed!r}")
        self._database.execute("SET enable_external_access = false")
        self._database.execute("SET lock_configuration = true")
