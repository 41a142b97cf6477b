"""Marks of days that share visitors with other days, set after an import."""

from collections.abc import Iterator, Set
from contextlib import closing, contextmanager
from datetime import date

import pyarrow as pa

from mallard.errors import TransferError
from mallard.store.base import Listed, Store
from mallard.table.duckdb_files import READ_ATTEMPTS, READ_ERRORS, apply_reader_setup, connect, retry_or_raise
from mallard.table.layout import Partition
from mallard.table.reader import Days, list_days, open_files
from mallard.table.writer import TableWriter
from mallard.transfer.sql import statement

MEMORY_MB = 256
THREADS = 2
TOO_LARGE = f"The search for visitors of several days needs more than {MEMORY_MB} MB of memory."


def mark_spanning_days(table: TableWriter, site_id: str, imported: Set[date]) -> list[date]:
    """Mark each day of a site that shares a visitor of the days ``imported`` with another day; those that had no mark.

    It reads the stored events, so it also finds visitors of other imports, and completes an interrupted import.
    StoreUnavailableError where the table cannot be read or written.
    """
    days = _unmarked(table.store, site_id, imported)
    for day in days:
        table.mark_spanning(Partition(site_id, day))
    return days


def _unmarked(store: Store, site_id: str, imported: Set[date]) -> list[date]:
    for attempt in range(READ_ATTEMPTS):
        days = list_days(store, site_id)
        if len(days) < 2:
            return []
        try:
            with _open_locations(store, days) as files:
                return _find_spanning_days(store, files, imported)
        except READ_ERRORS as error:
            retry_or_raise(error, attempt, out_of_memory=TransferError(TOO_LARGE))
    raise AssertionError("unreachable")


@contextmanager
def _open_locations(store: Store, days: Days) -> Iterator[list[tuple[str, date]]]:
    """The files of all days; in place where a private copy would be a whole download."""
    listed = [(day, row) for day, rows in days.items() for row in rows]
    if store.pins_are_cheap:
        with open_files(store, days.values()) as files:
            yield _with_days(files, listed)
    else:
        yield [(store.location(row.key), day) for day, row in listed]


def _with_days(files: tuple[str, ...], listed: list[tuple[date, Listed]]) -> list[tuple[str, date]]:
    by_end = {row.key: day for day, row in listed}
    return [(file, by_end[f"events/{file.rpartition('/events/')[2]}"]) for file in files]


def _find_spanning_days(store: Store, files: list[tuple[str, date]], imported: Set[date]) -> list[date]:
    names = [name for name, _ in files]
    imported_names = [name for name, day in files if day in imported]
    if not imported_names:
        return []
    with closing(connect(store, memory_mb=MEMORY_MB, threads=THREADS)) as database:
        apply_reader_setup(database, store)
        database.register("days", pa.table({"file": names, "day": pa.array([day for _, day in files], pa.date32())}))
        day_rows = database.execute(statement("spanning_days"), {"files": names, "mine": imported_names}).fetchall()
        return sorted(day for (day,) in day_rows)
