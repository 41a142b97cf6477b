"""Imports from bytes in memory, and exports into them."""

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mallard.store.base import Store
from mallard.table.append_report import AppendReport
from mallard.table.writer import TableWriter
from mallard.transfer.chunk import Chunk
from mallard.transfer.formats.csv import read_csv
from mallard.transfer.formats.ndjson import read_ndjson
from mallard.transfer.formats.parquet import read_parquet
from mallard.transfer.formats.writers import export_writer
from mallard.transfer.load import stage, write
from mallard.transfer.staging import Staging
from mallard.transfer.table_export import EXPORTED, Exporter, days_of
from mallard.transfer.validate import RowValidator, open_database
from support.rows import HERE

NOW = datetime(2026, 2, 1, tzinfo=UTC)
SITE = HERE.site_id


database = cache(open_database)
"""Shared: each chunk has a cursor of its own, and a database takes longer to open than most files to import."""


def chunks_of(data: bytes, form: str, chunk_size: int | None = None) -> list[Chunk]:
    """A file's chunks; ``chunk_size`` is bytes, for Parquet rows."""
    if form == "parquet":
        path = Path("file.parquet")
        path.write_bytes(data)
        return list(read_parquet(path, "", None, chunk_size or 32_768))
    if form == "csv":
        return list(read_csv(io.BytesIO(data), "", chunk_size or 1 << 20))
    return list(read_ndjson(io.BytesIO(data), "", database(), chunk_size or 1 << 20))


def checked(data: bytes, form: str = "ndjson", site_id: str | None = SITE) -> tuple[list[dict[str, Any]], list[str]]:
    """The rows a file gives, and what is said of those it does not."""
    checker = RowValidator(database(), site_id, NOW)
    results = [checker.check(chunk) for chunk in chunks_of(data, form)]
    rows = [row for each in results for row in each.rows.to_pylist()]
    return rows, [str(refusal) for each in results for refusal in each.refused]


def import_chunks(
    store: Store, chunks: Sequence[Chunk], folder: Path, site_id: str | None = SITE, now: datetime = NOW
) -> AppendReport:
    """Into the table, all of it."""
    total = AppendReport()
    with Staging(folder) as staging:
        for _, refused in stage(chunks, RowValidator(database(), site_id, now), staging):
            assert refused == []
        for _, _, report in write(staging, [TableWriter(store)], now):
            assert report is not None
            total += report
    return total


def exported(store: Store, form: str, site_id: str = SITE) -> bytes:
    """All of a site's events."""
    file, exporter = io.BytesIO(), Exporter(store)
    for _ in exporter.write(site_id, days_of(store, site_id, None, None), export_writer(form, file, EXPORTED)):
        pass
    exporter.close()
    return file.getvalue()


def parquet_of(table: pa.Table) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file)
    return file.getvalue()
