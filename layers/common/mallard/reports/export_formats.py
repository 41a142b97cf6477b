"""The forms of a download: CSV that no spreadsheet takes for formulas, an array of JSON objects, Parquet."""

from typing import IO, Any, Protocol

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
import pyarrow.parquet as pq

ROW_GROUP_ROWS = 131_072

FORMULA = r"^('*[\s\pZ\pC]*[=+\-@＝＋－＠\t\r\n])"
"""First characters of a text that a spreadsheet may run: a visitor's text would be code on somebody's desk.

One with a ``'`` before that gets another, so that an import can take it away again.
"""

BOM = b"\xef\xbb\xbf"
"""Without it a spreadsheet takes UTF-8 for its own old encoding."""

_OBJECTS = "SELECT CAST(to_json(batch) AS VARCHAR) AS object FROM batch"


class DownloadFormat(Protocol):
    """Takes record batches of one schema and writes them to a file, which nobody ever goes back in."""

    def write(self, batch: Any) -> None:
        """Write one batch."""
        ...

    def finish(self) -> None:
        """Nothing more comes."""
        ...


class CsvFormat:
    """CSV of RFC 4180 with a header, every text in quotes; one that begins like a formula gets a ``'`` before it."""

    def __init__(self, file: IO[bytes], schema: pa.Schema, *, bom: bool = True) -> None:
        file.write((BOM if bom else b"") + ",".join(schema.names).encode() + b"\n")
        options = csv.WriteOptions(include_header=False)
        self._writer = csv.CSVWriter(file, _with_text_moments(schema), write_options=options)

    def write(self, batch: Any) -> None:
        """Write one batch."""
        self._writer.write_batch(_mapped(_text_moments(batch), pa.string(), _harmless))

    def finish(self) -> None:
        """Write what is left."""
        self._writer.close()


class JsonFormat:
    """One array of objects, a line each; what is absent is null."""

    def __init__(self, file: IO[bytes], schema: pa.Schema) -> None:  # noqa: ARG002
        self._file = file
        self._before = "[\n"
        self._database = duckdb.connect(config={"threads": 1})

    def write(self, batch: Any) -> None:
        """Write one batch."""
        self._database.register("batch", pa.Table.from_batches([_text_moments(batch)]))
        objects = self._database.execute(_OBJECTS).to_arrow_table()["object"].to_pylist()
        if objects:
            self._file.write((self._before + ",\n".join(objects)).encode())
            self._before = ",\n"

    def finish(self) -> None:
        """Close the array."""
        self._file.write(b"[]\n" if self._before == "[\n" else b"\n]\n")
        self._database.close()


class ParquetFormat:
    """One file of ZSTD Parquet."""

    def __init__(self, file: IO[bytes], schema: pa.Schema) -> None:
        self._writer = pq.ParquetWriter(file, schema, compression="zstd", store_schema=False)

    def write(self, batch: Any) -> None:
        """Write one batch."""
        self._writer.write_table(pa.Table.from_batches([batch]), row_group_size=ROW_GROUP_ROWS)

    def finish(self) -> None:
        """Write the footer."""
        self._writer.close()


FORMS: dict[str, type[CsvFormat] | type[JsonFormat] | type[ParquetFormat]] = {
    "csv": CsvFormat,
    "json": JsonFormat,
    "parquet": ParquetFormat,
}


def open_form(name: str, file: IO[bytes], schema: pa.Schema, *, bom: bool = True) -> DownloadFormat:
    """One of FORMS; ``bom`` is whether CSV begins with a byte-order mark."""
    return CsvFormat(file, schema, bom=bom) if name == "csv" else FORMS[name](file, schema)


MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
}


def _is_moment(field: pa.Field) -> bool:
    return bool(pa.types.is_timestamp(field.type))


def _with_text_moments(schema: pa.Schema) -> pa.Schema:
    return pa.schema([field.with_type(pa.string()) if _is_moment(field) else field for field in schema])


def _text_moments(batch: Any) -> Any:
    """The batch with its moments, naive UTC, as RFC 3339."""

    def text(column: Any) -> Any:
        return pc.replace_substring(pc.binary_join_element_wise(column.cast(pa.string()), "Z", ""), " ", "T")

    columns = [text(column) if _is_moment(field) else column for field, column in zip(batch.schema, batch, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=_with_text_moments(batch.schema))


def _mapped(batch: Any, kind: pa.DataType, change: Any) -> Any:
    columns = [change(column) if column.type == kind else column for column in batch]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def _harmless(column: Any) -> Any:
    return pc.replace_substring_regex(column, FORMULA, r"'\1")
