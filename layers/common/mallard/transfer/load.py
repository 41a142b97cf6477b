"""Import of events: read and validate all rows, then write partition by partition."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from queue import SimpleQueue
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from mallard.event import to_ms
from mallard.sites.erased_days import accepted_ms
from mallard.sites.settings_store import SiteSettingsStore
from mallard.table.append_report import AppendReport
from mallard.table.deduplicate import content_id
from mallard.table.layout import Partition
from mallard.table.schema import EVENTS, GIVEN_ID, IMPORTED
from mallard.table.writer import SEAL_ROWS, TableWriter
from mallard.transfer.chunk import Chunk, RefusedRow
from mallard.transfer.staging import Staging
from mallard.transfer.validate import RowValidator
from mallard.transfer.visitor_spans import mark_spanning_days

CHECKING_THREADS = 2

Item = TypeVar("Item")
Result = TypeVar("Result")


def stage(chunks: Iterable[Chunk], checker: RowValidator, staging: Staging) -> Iterator[tuple[int, list[RefusedRow]]]:
    """Put all valid rows into ``staging``; yields their number and the rejected rows, chunk by chunk."""
    for checked in _map_ahead(checker.check, chunks, CHECKING_THREADS):
        staging.add(checked.rows)
        yield checked.rows.num_rows, checked.refused
    staging.finish()


def write(
    staging: Staging, tables: Sequence[TableWriter], now: datetime, piece_rows: int = SEAL_ROWS
) -> Iterator[tuple[Partition, int, AppendReport | None]]:
    """Append the staged rows; yields each piece's partition, rows and report, partition by partition in order.

    A partition past retention is left out, and has no report. Rows count as accepted ``now``, so an
    earlier erasure of their days does not remove them. A piece is as large as a segment, so that each tail is rewritten
    once or twice however the dates came. Each of ``tables`` has a partition of its own at a time. At the end days
    whose visitors come on other days too are marked.
    """
    free_tables: SimpleQueue[TableWriter] = SimpleQueue()
    for table in tables:
        free_tables.put(table)

    def write_one(partition: Partition) -> list[tuple[Partition, int, AppendReport | None]]:
        table = free_tables.get()
        try:
            return list(_write_partition(staging, table, partition, now, piece_rows))
        finally:
            # The partition is complete.
            table.forget()
            free_tables.put(table)

    for partition_reports in _map_ahead(write_one, staging.partitions(), len(tables)):
        yield from partition_reports
    for site_id, days in sorted(staging.visitor_days.items()):
        mark_spanning_days(tables[0], site_id, days)


def _write_partition(
    staging: Staging, table: TableWriter, partition: Partition, now: datetime, piece_rows: int
) -> Iterator[tuple[Partition, int, AppendReport | None]]:
    first_kept = table.first_kept_date(now)
    if first_kept and partition.date < first_kept:
        # Writing it would restore a deleted partition.
        yield partition, sum(piece.num_rows for piece in staging.pieces(partition)), None
        return
    # The rows count as accepted after an earlier erasure, also where the erasure's mark is ahead of the clock.
    accepted_at = accepted_ms(SiteSettingsStore(table.store).get(partition.site_id).erased, partition.date, to_ms(now))
    for piece in _pieces(staging.pieces(partition), piece_rows):
        spans_days = bool(pc.any(piece["spans_days"]).as_py())
        accepted = pa.repeat(pa.scalar(accepted_at, pa.int64()), piece.num_rows)
        rows = with_own_ids(_as_imported(piece.append_column("accepted_ms", accepted)))
        report = table.append(partition, rows, spans_days=spans_days)
        yield partition, piece.num_rows, report + AppendReport(duplicates=piece.num_rows - rows.num_rows)


def _as_imported(rows: pa.Table) -> pa.Table:
    # Visitor ids from the file were not made with a salt of ours.
    rows = rows.append_column("salt", pa.nulls(rows.num_rows, pa.string()))
    return rows.append_column(GIVEN_ID, pa.nulls(rows.num_rows, pa.int64())).select(IMPORTED.names)


def _map_ahead(work: Callable[[Item], Result], items: Iterable[Item], count: int) -> Iterator[Result]:
    """The results of ``work`` for each item, in order, ``count`` at a time; meanwhile the next items are read."""
    with ThreadPoolExecutor(count) as threads:
        under_way: deque[Future[Result]] = deque()
        try:
            for item in items:
                under_way.append(threads.submit(work, item))
                if len(under_way) > count:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            for each in under_way:
                each.cancel()


def _pieces(parts: Iterator[pa.Table], piece_rows: int) -> Iterator[pa.Table]:
    """The same rows in pieces of ``piece_rows``, the last one smaller."""
    buffered: list[pa.Table] = []
    for part in parts:
        buffered.append(part)
        while sum(each.num_rows for each in buffered) >= piece_rows:
            rows = pa.concat_tables(buffered)
            yield rows.slice(0, piece_rows)
            buffered = [rows.slice(piece_rows)]
    rest = pa.concat_tables(buffered)
    if rest.num_rows:
        yield rest


def with_own_ids(rows: pa.Table) -> pa.Table:
    """Rows (schema IMPORTED) without duplicates, each with a unique id.

    Of rows that share an id the first keeps it; one with other content gets an id of that. A writer settles few such
    rows one by one, but a file whose ids mean something else may have nothing but them.
    """
    counts = pc.value_counts(rows["event_id"])
    repeated_ids = counts.filter(pc.greater(counts.field("counts"), 1)).field("values")
    if not len(repeated_ids):
        return rows
    shared = pc.is_in(rows["event_id"], value_set=repeated_ids)
    rows_by_id: dict[int, dict[str, Any]] = {}
    for row in rows.filter(shared).to_pylist():
        first = rows_by_id.setdefault(row["event_id"], row)
        if first is not row and not row["named_by_client"] and any(first[name] != row[name] for name in EVENTS.names):
            event_id = content_id(row)
            rows_by_id.setdefault(event_id, row | {"event_id": event_id, GIVEN_ID.name: row["event_id"]})
    return pa.concat_tables(
        [rows.filter(pc.invert(shared)), pa.Table.from_pylist(list(rows_by_id.values()), schema=rows.schema)]
    )
