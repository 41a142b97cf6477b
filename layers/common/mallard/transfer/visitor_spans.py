"""Marks of days whose visitors come on other days too, found in the table after an import."""

from collections.abc import Iterator, Set
from contextlib import contextmanager
from datetime import date

import duckdb
import pyarrow as pa

from mallard.errors import StoreUnavailableError
from mallard.store.base import Listed, Store
from mallard.table.layout import Partition
from mallard.table.reader import Days, list_days, open_files
from mallard.table.writer import TableWriter
from mallard.transfer.sql import statement

READ_ATTEMPTS = 3
MEMORY_MB = 256
THREADS = 2

# Errors of a file that is swapped while it is read.
_READ_ERRORS = (duckdb.IOException, duckdb.HTTPException, duckdb.InvalidInputException, UnicodeDecodeError)


def mark_spanning_days(table: TableWriter, site_id: str, imported: Set[date]) -> list[date]:
    """Mark each day of a site that shares a visitor of the days ``imported`` with another day; those that had no mark.

    It looks at what is stored, so it finds visitors of other imports too, and repairs what an interrupted one left.
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
            with _located(store, days) as files:
                return _asked(store, files, imported)
        except _READ_ERRORS as error:
            if attempt + 1 == READ_ATTEMPTS:
                raise StoreUnavailableError(f"The table could not be read: {type(error).__name__}.") from error
    raise AssertionError("unreachable")


@contextmanager
def _located(store: Store, days: Days) -> Iterator[list[tuple[str, date]]]:
    """The files of all days, in place where a private copy would be a whole download."""
    listed = [(day, row) for day, rows in days.items() for row in rows]
    if store.pins_are_cheap:
        with open_files(store, days.values()) as files:
            yield _with_days(files, listed)
    else:
        yield [(store.location(row.key), day) for day, row in listed]


def _with_days(files: tuple[str, ...], listed: list[tuple[date, Listed]]) -> list[tuple[str, date]]:
    by_end = {row.key: day for day, row in listed}
    return [(file, by_end[f"events/{file.rpartition('/events/')[2]}"]) for file in files]


def _asked(store: Store, files: list[tuple[str, date]], imported: Set[date]) -> list[date]:
    names = [name for name, _ in files]
    mine = [name for name, day in files if day in imported]
    if not mine:
        return []
    database = duckdb.connect(
        config={
            "memory_limit": f"{MEMORY_MB}MB",
            "threads": THREADS,
            "temp_directory": str(store.scratch),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "enable_external_file_cache": False,
        }
    )
    try:
        for each in store.reader_setup():
            database.execute(each)
        database.register("days", pa.table({"file": names, "day": pa.array([day for _, day in files], pa.date32())}))
        found = database.execute(statement("spanning_days"), {"files": names, "mine": mine}).fetchall()
        return sorted(day for (day,) in found)
    finally:
        database.close()
