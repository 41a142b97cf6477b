"""Export of a site's stored events, day by day, each from a consistent snapshot."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import duckdb
import pyarrow as pa

from mallard.errors import DamagedSegmentError, StoreUnavailableError, TransferError
from mallard.store.base import Listed, Store
from mallard.table.duckdb_files import READ_ATTEMPTS, READ_ERRORS, apply_reader_setup, connect, retry_or_raise
from mallard.table.reader import Days, list_days, open_files
from mallard.table.schema import EVENTS
from mallard.table.segment import SEALED, damage_of
from mallard.transfer.formats.parquet import SPANS_DAYS
from mallard.transfer.formats.writers import FormatWriter
from mallard.transfer.sql import statement

EXPORTED = pa.schema([pa.field("site_id", pa.string()), pa.field("date", pa.date32()), *EVENTS])
"""The columns of an export: those of the path, then those of the file."""

BATCH_ROWS = 32_768
MEMORY_MB = 512
THREADS = 2


def days_of(store: Store, site_id: str, start: date | None, end: date | None) -> Days:
    """A site's dates with ``start <= date < end`` and their segments, in order; None is no bound."""
    days = list_days(store, site_id, start)
    return {day: days[day] for day in sorted(days) if (start or day) <= day and (end is None or day < end)}


class Exporter:
    """Exporter of days of one store; a day may be larger than memory."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._database = connect(store, memory_mb=MEMORY_MB, threads=THREADS)
        self._setup = apply_reader_setup(self._database, store)
        self._spans_days = False

    def write(self, site_id: str, days: Days, writer: FormatWriter) -> Iterator[tuple[date, int]]:
        """Write these days, in order of time each; yields each date and its number of events.

        One listing serves all days: a segment that grew since only has more, and no event moves to another one.
        """
        for day, segments in days.items():
            count = 0
            for batch in self._batches(site_id, day, segments):
                writer.write(batch)
                count += batch.num_rows
            yield day, count
        writer.finish(spans_days=self._spans_days)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def _batches(self, site_id: str, day: date, segments: tuple[Listed, ...]) -> Iterator[Any]:
        """A day's events in the schema EXPORTED."""
        for attempt in range(READ_ATTEMPTS):
            with open_files(self._store, [segments]) as files:
                try:
                    reader = self._read(site_id, day, files)
                    # Sorting reads all rows first, so errors occur before the first batch.
                    first = next(reader, None)
                except READ_ERRORS as error:
                    self._prepare_retry(error, attempt, segments)
                    segments = list_days(self._store, site_id, day).get(day, ())
                    if not segments:
                        return
                    continue
                while first is not None:
                    yield first
                    first = next(reader, None)
                return

    def _read(self, site_id: str, day: date, files: tuple[str, ...]) -> Iterator[Any]:
        if not files:
            return
        names = self._database.execute("SELECT name FROM parquet_schema($files)", {"files": list(files)}).fetchall()
        present = {name for (name,) in names}
        columns = ", ".join(each.name if each.name in present else f"NULL AS {each.name}" for each in EVENTS)
        self._read_footers(files)
        values = {"site": site_id, "day": day, "files": list(files)}
        reader = self._database.execute(statement("export_rows").format(columns=columns), values)
        for batch in reader.to_arrow_reader(BATCH_ROWS):
            yield pa.Table.from_batches([batch]).cast(EXPORTED).combine_chunks().to_batches()[0]

    def _prepare_retry(self, error: Exception, attempt: int, segments: tuple[Listed, ...]) -> None:
        """Raise the error of a read that a retry would not fix."""
        too_large = TransferError(f"The export of a day needs more than {MEMORY_MB} MB of memory.")
        try:
            retry_or_raise(error, attempt, out_of_memory=too_large)
        except (*READ_ERRORS, StoreUnavailableError):
            self._refuse_damaged(segments)
            raise
        self._setup = apply_reader_setup(self._database, self._store, self._setup)

    def _refuse_damaged(self, segments: tuple[Listed, ...]) -> None:
        """Raise DamagedSegmentError where a segment is damaged, rather than export without its rows."""
        for row in segments:
            stored = self._store.get(row.key)
            if stored is not None and (reason := damage_of(stored.data)):
                raise DamagedSegmentError(row.key, reason)

    def _read_footers(self, files: tuple[str, ...]) -> None:
        """Note whether visitor ids live longer than their day. InvalidInputException where a footer is not ours."""
        values = {"span": SPANS_DAYS, "sealed": SEALED, "files": list(files)}
        rows = self._database.execute(statement("export_footers"), values).fetchall()
        if len(rows) < len(files):
            raise duckdb.InvalidInputException("a file has no footer of this product")
        self._spans_days = self._spans_days or any(spans_days for _, spans_days in rows)
