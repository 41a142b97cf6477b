"""The three forms of an export, each written batch by batch to an open file."""

from typing import IO, Any, Protocol

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
import pyarrow.parquet as pq

from mallard.table.schema import EVENTS
from mallard.transfer.formats.parquet import SPANS_DAYS
from mallard.transfer.sql import statement

EXPORTED = pa.schema([pa.field("site_id", pa.string()), pa.field("date", pa.date32()), *EVENTS])
"""The columns of an export: those of the path, then those of the file."""

ROW_GROUP_ROWS = 131_072
_UNQUOTED = (pa.int64(), pa.int32(), pa.int16())


class FormatWriter(Protocol):
    """Takes batches in the schema EXPORTED."""

    def write(self, batch: Any) -> None:
        """Write one batch."""
        ...

    def finish(self, spans_days: bool) -> None:
        """Nothing more comes; ``spans_days`` says that some visitor ids live longer than their day."""
        ...


class ParquetWriter:
    """One Parquet file, as the table's own but for the two columns of the path."""

    def __init__(self, file: IO[bytes]) -> None:
        self._writer = pq.ParquetWriter(file, EXPORTED, compression="zstd", store_schema=False)

    def write(self, batch: Any) -> None:
        """Write one batch."""
        self._writer.write_table(pa.Table.from_batches([batch]), row_group_size=ROW_GROUP_ROWS)

    def finish(self, spans_days: bool) -> None:
        """Write the footer."""
        if spans_days:
            self._writer.add_key_value_metadata({SPANS_DAYS: b"true"})
        self._writer.close()


class CsvWriter:
    """CSV of RFC 4180 with a header: every text in quotes, so that an empty cell is null and ``""`` is empty text."""

    def __init__(self, file: IO[bytes], *, bom: bool = False) -> None:
        file.write(b"\xef\xbb\xbf" if bom else b"")
        kinds = [pa.field(each.name, each.type if each.type in _UNQUOTED else pa.string()) for each in EXPORTED]
        self._writer = csv.CSVWriter(file, pa.schema(kinds))

    def write(self, batch: Any) -> None:
        """Write one batch."""
        self._writer.write_batch(_texts(batch, _UNQUOTED))

    def finish(self, spans_days: bool) -> None:  # noqa: ARG002
        """CSV has no place for a mark."""
        self._writer.close()


class NdjsonWriter:
    """One JSON object a line, absent values left out; ``props`` is text, so that not a byte of it changes."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._database = duckdb.connect(config={"threads": 1, "memory_limit": "256MB"})
        members = ", ".join(
            f"CASE WHEN {name} IS NOT NULL THEN '\"{name}\":' || to_json({name}) END" for name in EXPORTED.names
        )
        self._sql = statement("export_ndjson").format(members=members)

    def write(self, batch: Any) -> None:
        """Write one batch."""
        self._database.register("batch", pa.Table.from_batches([_texts(batch, _UNQUOTED)]))
        lines = self._database.execute(self._sql).to_arrow_table()["line"]
        for chunk in lines.chunks:
            ended = pc.binary_join_element_wise(chunk, "\n", "")
            self._file.write("".join(ended.to_pylist()).encode())

    def finish(self, spans_days: bool) -> None:  # noqa: ARG002
        """NDJSON has no place for a mark."""
        self._database.close()


FORMS: dict[str, type[ParquetWriter] | type[CsvWriter] | type[NdjsonWriter]] = {
    "parquet": ParquetWriter,
    "csv": CsvWriter,
    "ndjson": NdjsonWriter,
}


def open_form(name: str, file: IO[bytes], *, bom: bool = False) -> FormatWriter:
    """One of FORMS; ``bom`` is whether CSV begins with a byte-order mark."""
    return CsvWriter(file, bom=bom) if name == "csv" else FORMS[name](file)


def _texts(batch: Any, kept: tuple[Any, ...]) -> Any:
    """The batch with all columns but those of the types ``kept`` as text; a moment is RFC 3339 in UTC."""
    columns = []
    for name in EXPORTED.names:
        column = batch.column(name)
        if name == "timestamp":
            column = pc.replace_substring(pc.binary_join_element_wise(column.cast(pa.string()), "Z", ""), " ", "T")
        columns.append(column if column.type in kept else column.cast(pa.string()))
    return pa.RecordBatch.from_arrays(columns, names=EXPORTED.names)
