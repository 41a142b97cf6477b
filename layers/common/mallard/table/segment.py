"""One object of the table: a whole Parquet file, and what its footer says of it."""

import secrets
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from mallard.errors import TableError
from mallard.table.schema import SCHEMA_VERSION

ROW_GROUP_ROWS = 131_072
ZSTD_LEVEL = 3

_VERSION = b"mallard.schema_version"
_WRITE_ID = b"mallard.write_id"
_SEALED = b"mallard.sealed"
_ERASED_BEFORE = b"mallard.erased_before"

_NO_DICTIONARY = {"event_id", "timestamp"}
"""Nearly every value is another one: a dictionary would only be written twice."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A decoded segment. ``erased_before`` is milliseconds since 1970: events accepted earlier must not come back."""

    rows: pa.Table
    sealed: bool = False
    erased_before: int | None = None


def encode(segment: Segment, write_id: str | None = None) -> bytes:
    """ZSTD Parquet, sorted by time; ``write_id`` (random) makes the bytes, and so the ETag, of each write its own."""
    rows = segment.rows.sort_by([("timestamp", "ascending"), ("event_id", "ascending")])
    footer = {
        _VERSION: str(SCHEMA_VERSION).encode(),
        _WRITE_ID: (write_id or secrets.token_hex(16)).encode(),
        _SEALED: b"true" if segment.sealed else b"false",
    }
    if segment.erased_before is not None:
        footer[_ERASED_BEFORE] = str(segment.erased_before).encode()
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(
        sink,
        rows.schema,
        compression="zstd",
        compression_level=ZSTD_LEVEL,
        use_dictionary=[name for name in rows.column_names if name not in _NO_DICTIONARY],
        column_encoding={"timestamp": "DELTA_BINARY_PACKED", "event_id": "PLAIN"},
        store_schema=False,
    ) as writer:
        writer.write_table(rows, row_group_size=ROW_GROUP_ROWS)
        writer.add_key_value_metadata(footer)
    return bytes(sink.getvalue())


def decode(data: bytes, key: str) -> Segment:
    """Read a whole segment; TableError where the bytes are not one."""
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        footer = file.metadata.metadata or {}
        rows = file.read()
        erased_before = footer.get(_ERASED_BEFORE)
        return Segment(
            rows.replace_schema_metadata(None),
            sealed=footer[_SEALED] == b"true",
            erased_before=int(erased_before) if erased_before is not None else None,
        )
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise TableError(f"{key} is not a segment of the table: {error}.") from error
