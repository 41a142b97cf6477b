"""One object of the table: a whole Parquet file, and what its footer says of it."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mallard.errors import TableError
from mallard.table.schema import EVENTS, HOUR_ORDER, SCHEMA_VERSION

ROW_GROUP_ROWS = 131_072
ZSTD_LEVEL = 3

SORTED_BY = ("country_code", "city", "browser", "visitor_id", "timestamp", "event_id")
"""Visitors of one place and browser stand together, each one's events by time: most columns then repeat from row to row
and a segment takes a sixth less than by time. The id makes the order total."""

_VERSION = b"mallard.schema_version"
_WRITE_ID = b"mallard.write_id"
_SEALED = b"mallard.sealed"
_ERASED_BEFORE = b"mallard.erased_before"
_SPANS_DAYS = b"mallard.visitors_span_days"

_NO_DICTIONARY = {
    "event_id": "PLAIN",
    "visitor_id": "PLAIN",
    "timestamp": "DELTA_BINARY_PACKED",
    "engagement_ms": "PLAIN",
    HOUR_ORDER: "PLAIN",
}
"""Nearly every value is another one, or lies beside its equals: a dictionary would only be written besides.

What every study reads are times: their differences are read in half the time that it takes to decompress them, and
every reader of Parquet knows them since its second version.
"""


@dataclass(frozen=True, slots=True)
class Segment:
    """A decoded segment. ``erased_before`` is milliseconds since 1970: events accepted earlier must not come back.

    ``spans_days``: some of its visitor ids live longer than the day, so that days' visitors cannot be added up.
    """

    rows: pa.Table
    sealed: bool = False
    erased_before: int | None = None
    spans_days: bool = False


def encode(segment: Segment, write_id: str | None = None) -> bytes:
    """ZSTD Parquet, ordered; ``write_id`` (random) makes the bytes, and so the ETag, of each write its own."""
    rows = _lean(sort_rows(segment.rows))
    footer = {
        _VERSION: str(SCHEMA_VERSION).encode(),
        _WRITE_ID: (write_id or secrets.token_hex(16)).encode(),
        _SEALED: b"true" if segment.sealed else b"false",
    }
    if segment.erased_before is not None:
        footer[_ERASED_BEFORE] = str(segment.erased_before).encode()
    if segment.spans_days:
        footer[_SPANS_DAYS] = b"true"
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, rows.schema, **writer_options(rows.column_names)) as writer:
        writer.write_table(rows, row_group_size=ROW_GROUP_ROWS)
        writer.add_key_value_metadata(footer)
    return bytes(sink.getvalue())


def sort_rows(rows: pa.Table) -> pa.Table:
    """The rows in the order of ``SORTED_BY``, nulls last."""
    # A tail and many small batches are sorted faster in one chunk.
    return rows.combine_chunks().sort_by([(name, "ascending") for name in SORTED_BY])


def writer_options(names: Sequence[str]) -> dict[str, Any]:
    """How a file with these columns is written, as keywords of ``pyarrow.parquet.ParquetWriter``."""
    return {
        "compression": "zstd",
        "compression_level": ZSTD_LEVEL,
        "column_encoding": {name: each for name, each in _NO_DICTIONARY.items() if name in names},
        "use_dictionary": [name for name in names if name not in _NO_DICTIONARY],
        "store_schema": False,
    }


def decode(data: bytes, key: str) -> Segment:
    """Read a whole segment; TableError where the bytes are not one."""
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        footer = file.metadata.metadata or {}
        rows = file.read()
        erased_before = footer.get(_ERASED_BEFORE)
        return Segment(
            _completed(rows.replace_schema_metadata(None)),
            sealed=footer[_SEALED] == b"true",
            erased_before=int(erased_before) if erased_before is not None else None,
            spans_days=footer.get(_SPANS_DAYS) == b"true",
        )
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise TableError(f"{key} is not a segment of the table: {error}.") from error


def _lean(rows: pa.Table) -> pa.Table:
    """Without HOUR_ORDER where no row has one."""
    if HOUR_ORDER in rows.column_names and rows[HOUR_ORDER].null_count == rows.num_rows:
        return rows.drop_columns([HOUR_ORDER])
    return rows


def _completed(rows: pa.Table) -> pa.Table:
    """With HOUR_ORDER at its place."""
    if HOUR_ORDER in rows.column_names:
        return rows
    # Columns of a later version stand behind it.
    place = min(EVENTS.get_field_index(HOUR_ORDER), rows.num_columns)
    return rows.add_column(place, EVENTS.field(HOUR_ORDER), pa.nulls(rows.num_rows, pa.int64()))


def decode_ids(data: bytes, key: str) -> pa.ChunkedArray:
    """Only the ``event_id`` column of a segment; TableError where the bytes are not one."""
    try:
        return pq.ParquetFile(pa.BufferReader(data)).read(columns=["event_id"])["event_id"]
    except (pa.ArrowException, OSError, KeyError) as error:
        raise TableError(f"{key} is not a segment of the table: {error}.") from error
