"""Encoding and decoding of segments: Parquet files with a signed footer."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mallard.errors import DamagedSegmentError
from mallard.table.file_digest import DIGEST, NO_DIGEST, is_whole, signed
from mallard.table.schema import EVENTS, HOUR_ORDER, INTERACTIVE, RARE, SCHEMA_VERSION

ROW_GROUP_ROWS = 131_072
ZSTD_LEVEL = 3

SORTED_BY = ("country_code", "city", "browser", "visitor_id", "timestamp", "event_id")
"""Visitors of one place and browser stand together, each one's events by time: most columns then repeat from row to row
and a segment takes a sixth less than by time. The id makes the order total."""

_VERSION = b"mallard.schema_version"
_WRITE_ID = b"mallard.write_id"
SEALED = b"mallard.sealed"
"""Stands in the footer of each segment."""

_ERASED_BEFORE = b"mallard.erased_before"
_SPANS_DAYS = b"mallard.visitors_span_days"
_TRAILER_BYTES = 8
_MAGIC = b"PAR1"

_NO_DICTIONARY = {
    "event_id": "PLAIN",
    "visitor_id": "PLAIN",
    "timestamp": "DELTA_BINARY_PACKED",
    "engagement_ms": "PLAIN",
    HOUR_ORDER: "PLAIN",
    INTERACTIVE: "PLAIN",
}
"""Nearly every value is another one, or lies beside its equals: a dictionary would only be written besides.

What every study reads are times: their differences are read in half the time that it takes to decompress them, and
every reader of Parquet knows them since its second version.
"""


@dataclass(frozen=True, slots=True)
class Segment:
    """A decoded segment. ``erased_before`` is milliseconds since 1970: earlier events must not be written again.

    ``spans_days``: some of its visitor ids live longer than the day, so that visitors of days cannot be summed.
    """

    rows: pa.Table
    sealed: bool = False
    erased_before: int | None = None
    spans_days: bool = False


def encode(segment: Segment, write_id: str | None = None) -> bytes:
    """Sorted ZSTD Parquet; the random ``write_id`` makes the bytes, and so the ETag, of each write unique."""
    rows = _drop_empty_columns(sort_rows(segment.rows))
    footer = {
        _VERSION: str(SCHEMA_VERSION).encode(),
        _WRITE_ID: (write_id or secrets.token_hex(16)).encode(),
        SEALED: b"true" if segment.sealed else b"false",
    }
    if segment.erased_before is not None:
        footer[_ERASED_BEFORE] = str(segment.erased_before).encode()
    if segment.spans_days:
        footer[_SPANS_DAYS] = b"true"
    footer[DIGEST] = NO_DIGEST
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, rows.schema, **writer_options(rows.column_names)) as writer:
        writer.write_table(rows, row_group_size=ROW_GROUP_ROWS)
        writer.add_key_value_metadata(footer)
    return signed(sink.getvalue())


def sort_rows(rows: pa.Table) -> pa.Table:
    """The rows in the order of ``SORTED_BY``, nulls last."""
    # Many small batches sort faster as one chunk.
    return rows.combine_chunks().sort_by([(name, "ascending") for name in SORTED_BY])


def writer_options(names: Sequence[str]) -> dict[str, Any]:
    """Keyword arguments of ``pyarrow.parquet.ParquetWriter`` for these columns."""
    return {
        "compression": "zstd",
        "compression_level": ZSTD_LEVEL,
        "column_encoding": {name: each for name, each in _NO_DICTIONARY.items() if name in names},
        "use_dictionary": [name for name in names if name not in _NO_DICTIONARY],
        "store_schema": False,
    }


def decode(data: bytes, key: str) -> Segment:
    """Read a whole segment; DamagedSegmentError where the bytes are damaged or not a segment."""
    try:
        file, footer = _opened(data)
        rows = file.read()
        erased_before = footer.get(_ERASED_BEFORE)
        return Segment(
            _insert_rare_columns(rows.replace_schema_metadata(None)),
            sealed=footer[SEALED] == b"true",
            erased_before=int(erased_before) if erased_before is not None else None,
            spans_days=footer.get(_SPANS_DAYS) == b"true",
        )
    except _UNREADABLE as error:
        raise DamagedSegmentError(key, _reason(error)) from error


def _drop_empty_columns(rows: pa.Table) -> pa.Table:
    """The rows, without those of RARE that are null."""
    return rows.drop_columns(
        [name for name in RARE if name in rows.column_names and rows[name].null_count == rows.num_rows]
    )


def _insert_rare_columns(rows: pa.Table) -> pa.Table:
    """The rows with the columns of RARE at their positions."""
    for name in RARE:
        if name not in rows.column_names:
            # Columns of a later version follow it.
            place = min(EVENTS.get_field_index(name), rows.num_columns)
            rows = rows.add_column(place, EVENTS.field(name), pa.nulls(rows.num_rows, EVENTS.field(name).type))
    return rows


def says_spanning(data: bytes) -> bool:
    """True where the footer of a segment says that some of its visitor ids live longer than the day."""
    try:
        return (pq.read_metadata(pa.BufferReader(data)).metadata or {}).get(_SPANS_DAYS) == b"true"
    except (pa.ArrowException, OSError):
        return False


def decode_ids(data: bytes, key: str) -> pa.ChunkedArray:
    """The ``event_id`` column of a segment; DamagedSegmentError as in ``decode``."""
    try:
        return _opened(data)[0].read(columns=["event_id"])["event_id"]
    except _UNREADABLE as error:
        raise DamagedSegmentError(key, _reason(error)) from error


def damage_of(data: bytes) -> str | None:
    """The reason that bytes are not a valid segment, as a clause; None for a valid one. A matching digest suffices."""
    try:
        file, footer = _opened(data)
        if DIGEST not in footer:
            file.read()
    except _UNREADABLE as error:
        return _reason(error)
    return None


def has_digest(data: bytes) -> bool:
    """True where a segment's footer has a digest, unlike older files."""
    return DIGEST in (pq.ParquetFile(pa.BufferReader(data)).metadata.metadata or {})


def mark_in(data: bytes) -> int | None:
    """``erased_before`` of the footer of possibly damaged bytes; None where it is unreadable or absent."""
    try:
        mark = (pq.ParquetFile(pa.BufferReader(data)).metadata.metadata or {}).get(_ERASED_BEFORE)
        return int(mark) if mark is not None else None
    except _UNREADABLE:
        return None


def has_our_footer(file: Path) -> bool:
    """True where a file ends in a footer of this format; detects truncated, empty or foreign files fast. OSError."""
    with file.open("rb") as opened:
        size = opened.seek(0, 2)
        opened.seek(max(0, size - _TRAILER_BYTES))
        trailer = opened.read()
        length = int.from_bytes(trailer[:4], "little") + _TRAILER_BYTES
        if not trailer.endswith(_MAGIC) or length > size:
            return False
        opened.seek(size - length)
        return SEALED in opened.read(length)


_UNREADABLE = (pa.ArrowException, OSError, KeyError, ValueError, TypeError, OverflowError)
"""The exceptions of pyarrow, and of reading the footer's values, over bytes that may be anything."""

_REQUIRED = tuple(field.name for field in EVENTS if not field.nullable)


def _opened(data: bytes) -> tuple[Any, Mapping[bytes, bytes]]:
    """The file and its footer, after a check of digest and columns. Raises one of _UNREADABLE."""
    if not data:
        raise ValueError("it is empty")
    file = pq.ParquetFile(pa.BufferReader(data))
    footer = file.metadata.metadata or {}
    if SEALED not in footer:
        raise ValueError("its footer is not of this product")
    if (digest := footer.get(DIGEST)) is not None and not is_whole(data, digest):
        raise ValueError("its bytes are not those that were written")
    schema = file.schema_arrow
    for name in _REQUIRED:
        if name not in schema.names:
            raise ValueError(f"it has no column {name}")
    for field in schema:
        if field.name in EVENTS.names and field.type != EVENTS.field(field.name).type:
            raise ValueError(f"its column {field.name} is {field.type}")
    return file, footer


def _reason(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return (text[0] if text else type(error).__name__).rstrip(".")
