"""Writers of exports and downloads by the name of their format."""

from typing import IO, Any, Protocol

import pyarrow as pa

from mallard.transfer.formats.arrow import ArrowWriter
from mallard.transfer.formats.csv import CsvWriter, GuardedCsvWriter
from mallard.transfer.formats.json import JsonWriter
from mallard.transfer.formats.ndjson import NdjsonWriter
from mallard.transfer.formats.parquet import ParquetWriter

EXPORT_FORMATS = ("parquet", "csv", "ndjson")
"""Formats of ``mallard export``: lossless, so that ``mallard import`` reads the same rows again."""

MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
}
"""Formats of a download over HTTP, and their media types."""

DOWNLOAD_FORMATS = tuple(MEDIA_TYPES)

SQL_MEDIA_TYPES = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.stream",
}
"""Formats of an SQL query's rows, and their media types."""


class FormatWriter(Protocol):
    """Writes record batches of one schema to a file, front to back."""

    def write(self, batch: Any) -> None:
        """Write one batch."""
        ...

    def finish(self, *, spans_days: bool = False) -> None:
        """Write the end of the file; ``spans_days``: some visitor ids live longer than their day."""
        ...


def export_writer(name: str, file: IO[bytes], schema: pa.Schema, *, bom: bool = False) -> FormatWriter:
    """The writer of one of EXPORT_FORMATS; ``bom``: CSV begins with a byte-order mark."""
    if name == "csv":
        return CsvWriter(file, schema, bom=bom)
    return NdjsonWriter(file, schema) if name == "ndjson" else ParquetWriter(file, schema)


def download_writer(name: str, file: IO[bytes], schema: pa.Schema, *, bom: bool = True) -> FormatWriter:
    """The writer of one of DOWNLOAD_FORMATS; ``bom``: CSV begins with a byte-order mark."""
    if name == "csv":
        return GuardedCsvWriter(file, schema, bom=bom)
    return JsonWriter(file, schema) if name == "json" else ParquetWriter(file, schema)


def sql_writer(name: str, file: IO[bytes], schema: pa.Schema) -> FormatWriter:
    """The writer of one of SQL_MEDIA_TYPES; CSV and JSON take rows of ``plain_columns``."""
    return ArrowWriter(file, schema) if name == "arrow" else download_writer(name, file, schema, bom=False)
