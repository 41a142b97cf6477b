"""Temporary storage of imported rows on disk, in pieces of one partition each."""

import tempfile
import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mallard.table.layout import Partition
from mallard.transfer.validate import ROWS

RUN_ROWS = 131_072
RUN_BYTES = 64 << 20
_STAGED = pa.schema([field for field in ROWS if field.name not in ("site_id", "date")])


class Staging:
    """One unnamed file of record batches, removed when it is closed or the process dies.

    A run of RUN_ROWS rows (or RUN_BYTES) is split by partition and written. So rows in any order of dates are
    read back partition by partition, each in the file's order, with no more than one run in memory.
    """

    def __init__(self, folder: Path, run_rows: int = RUN_ROWS) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # lives as long as this object
        self._writer = pa.ipc.new_file(
            pa.PythonFile(self._file, "w"), _STAGED, options=pa.ipc.IpcWriteOptions(compression="lz4")
        )
        self._reader: Any = None
        self._lock = threading.Lock()
        self._run: list[pa.Table] = []
        self._run_rows = run_rows
        self._pieces: dict[Partition, list[int]] = {}
        self._count = 0
        self.rows = 0
        self.visitor_days: dict[str, set[date]] = {}
        """The dates of each site on which a row has a visitor."""

    def add(self, rows: pa.Table) -> None:
        """Add rows in the schema ROWS."""
        self._run.append(rows)
        self.rows += rows.num_rows
        rows_held, bytes_held = sum(each.num_rows for each in self._run), sum(each.nbytes for each in self._run)
        if rows_held >= self._run_rows or bytes_held >= RUN_BYTES:
            self._write_run()

    def finish(self) -> None:
        """Write the last run and open the file for reading."""
        self._write_run()
        self._writer.close()
        self._reader = pa.ipc.open_file(pa.PythonFile(self._file, "r"))

    def partitions(self) -> list[Partition]:
        """All partitions, in order."""
        return sorted(self._pieces)

    def pieces(self, partition: Partition) -> Iterator[pa.Table]:
        """A partition's rows (ROWS without site and date) in the order they came, piece by piece.

        Several threads may read at once, after ``finish``.
        """
        for number in self._pieces[partition]:
            with self._lock:
                batch = self._reader.get_batch(number)
            yield pa.Table.from_batches([batch])

    def __enter__(self) -> "Staging":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def _write_run(self) -> None:
        if not self._run:
            return
        rows = pa.concat_tables(self._run).combine_chunks()
        self._run.clear()
        lengths = _lengths(rows)
        if len(lengths) > 1:
            # The sort is stable: within a partition the file's order stays.
            rows = rows.take(pc.sort_indices(rows, [("site_id", "ascending"), ("date", "ascending")]))
        start = 0
        for partition, count in lengths:
            for batch in rows.slice(start, count).select(_STAGED.names).to_batches():
                self._writer.write_batch(batch)
                self._pieces.setdefault(partition, []).append(self._count)
                self._count += 1
                if batch.column("visitor_id").null_count < batch.num_rows:
                    self.visitor_days.setdefault(partition.site_id, set()).add(partition.date)
            start += count


def _lengths(rows: pa.Table) -> list[tuple[Partition, int]]:
    """The partitions of rows in order, and the number of rows of each."""
    row_counts = rows.group_by(["site_id", "date"]).aggregate([([], "count_all")]).to_pylist()
    counts: list[tuple[Any, date, int]] = sorted((row["site_id"], row["date"], row["count_all"]) for row in row_counts)
    return [(Partition(site_id, day), count) for site_id, day, count in counts]
