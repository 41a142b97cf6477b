"""Parquet: reader of imports (known columns as text), writer of exports and downloads."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mallard.errors import TransferError
from mallard.transfer.chunk import GIVEN, IGNORED, REQUIRED, Chunk, RefusedRow, as_lines, canonical_name, utf8

CHUNK_ROWS = 32_768
READ_BUFFER_BYTES = 1 << 20
ROW_GROUP_ROWS = 131_072
SPANS_DAYS = b"mallard.visitors_span_days"
"""In the footer of a segment (and of an export): some visitor ids live longer than their day."""


class ParquetWriter:
    """One ZSTD-compressed Parquet file."""

    def __init__(self, file: IO[bytes], schema: pa.Schema) -> None:
        self._writer = pq.ParquetWriter(file, schema, compression="zstd", store_schema=False)

    def write(self, batch: Any) -> None:
        self._writer.write_table(pa.Table.from_batches([batch]), row_group_size=ROW_GROUP_ROWS)

    def finish(self, *, spans_days: bool = False) -> None:
        if spans_days:
            self._writer.add_key_value_metadata({SPANS_DAYS: b"true"})
        self._writer.close()


def read_parquet(path: Path, name: str, site_id: str | None = None, chunk_rows: int = CHUNK_ROWS) -> Iterator[Chunk]:
    """Chunks of ``chunk_rows``, numbered from 1; ``site_id`` is that of the path where the rows carry none.

    TransferError where the file is not Parquet or lacks a required column.
    """
    try:
        # Without a prebuffer a row group of any size passes page by page.
        with pq.ParquetFile(path, buffer_size=READ_BUFFER_BYTES, pre_buffer=False) as file:
            written = file.schema_arrow.names
            names = [canonical_name(each) for each in written]
            read_columns = [each for each in GIVEN if each in names]
            if duplicate_columns := [each for each in read_columns if names.count(each) > 1]:
                raise TransferError(f"{name or path.name} has two columns {duplicate_columns[0]}.")
            spelled = {each: written[names.index(each)] for each in read_columns}
            if missing := [each for each in REQUIRED if each not in names]:
                raise TransferError(f"{name or path.name} has no column {missing[0]}.")
            unknown_columns = frozenset(names).difference(GIVEN, IGNORED)
            spans_days = (file.metadata.metadata or {}).get(SPANS_DAYS) == b"true"
            first = 1
            for batch in file.iter_batches(chunk_rows, columns=list(spelled.values())):
                texts, numbers, refused = _texts(batch, spelled, name, site_id, first)
                yield Chunk(name, as_lines(texts, numbers), refused, unknown_columns, spans_days)
                first += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        raise TransferError(f"{name or path.name} cannot be read as Parquet: {error}.") from error


def _texts(
    batch: Any, spelled: dict[str, str], name: str, site_id: str | None, first: int
) -> tuple[dict[str, Any], Any, list[RefusedRow]]:
    numbers = pa.array(range(first, first + batch.num_rows), pa.int64())
    texts, numbers, refused = utf8(
        name, {each: _text(batch.column(column)) for each, column in spelled.items()}, numbers
    )
    if site_id is not None:
        texts.setdefault("site_id", pa.repeat(pa.scalar(site_id), len(numbers)))
    return texts, numbers, refused


def _text(column: Any) -> Any:
    """A column of any type as text, or as bytes where it may not be text."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _text(column.dictionary_decode())
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        # Converted to UTC where it has a zone, then made naive; precision beyond milliseconds is dropped.
        moment = pa.timestamp("ms", "UTC") if getattr(kind, "tz", None) else pa.timestamp("ms")
        return pc.cast(column, moment, safe=False).cast(pa.timestamp("ms")).cast(pa.string())
    if pa.types.is_nested(kind):
        return pa.array([None if each is None else _json(each) for each in column.to_pylist()], pa.string())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return column.cast(pa.binary())
    return column.cast(pa.string())


def _json(value: Any) -> str:
    # A map is read as a list of pairs.
    pairs = isinstance(value, list) and all(isinstance(each, tuple) and len(each) == 2 for each in value)
    return json.dumps(dict(value) if pairs else value, ensure_ascii=False, separators=(",", ":"), default=str)
