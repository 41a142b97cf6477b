"""Rollups: what the days of a site's month add up to, as one small file that may be absent or old but never wrong.

A day's rows carry a fingerprint of the segments and the SQL they were counted from. Who reads them compares it with
a listing of its own, and counts the events of a day whose fingerprint is another.
"""

import hashlib
import re
import secrets
from collections.abc import Iterable
from datetime import date
from urllib.parse import quote, unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mallard.store.base import Listed

ROLLUPS = "rollups/"
TOTAL = "total"
"""The dimension whose one row a day says that the day is there."""

_KEY = re.compile(r"rollups/site_id=([^/]+)/month=(\d{4}-\d{2})\.parquet")
_DIGEST = b"mallard.digest"
_NO_DIGEST = b"0" * 64

SCHEMA = pa.schema(
    [
        pa.field("dimension", pa.string(), nullable=False),
        pa.field("date", pa.date32(), nullable=False),
        pa.field("value", pa.string()),
        pa.field("fingerprint", pa.string(), nullable=False),
        # The tag of the highest segment, which an erasure changes and a retention deletes last.
        pa.field("tail", pa.string(), nullable=False),
        # Visitors of days with ids that span days cannot be added up: such a day is good for itself alone.
        pa.field("additive", pa.bool_(), nullable=False),
        # The day's segments were deleted by the retention, and the counts kept.
        pa.field("frozen", pa.bool_(), nullable=False),
        pa.field("visitors", pa.int64()),
        pa.field("visits", pa.int64()),
        pa.field("bounces", pa.int64()),
        pa.field("duration_ms", pa.int64()),
        pa.field("visit_pageviews", pa.int64()),
        pa.field("pageviews", pa.int64()),
        pa.field("events", pa.int64()),
        # Money of one currency; where a group has several, the amount is null and the currency says `several`.
        pa.field("revenue", pa.decimal128(18, 2)),
        pa.field("currency", pa.string()),
    ]
)


def rollup_key(site_id: str, month: date) -> str:
    """The key of a site's month."""
    return f"{rollup_prefix(site_id)}month={month:%Y-%m}.parquet"


def rollup_prefix(site_id: str) -> str:
    """The folder of a site's rollups."""
    return f"{ROLLUPS}site_id={quote(site_id, safe='')}/"


def parse_rollup(key: str) -> tuple[str, date] | None:
    """Site and first day of the month of a rollup's key; None where the key is something else."""
    match = _KEY.fullmatch(key)
    try:
        return (unquote(match[1]), date.fromisoformat(f"{match[2]}-01")) if match else None
    except ValueError:
        return None


def fingerprint(segments: Iterable[Listed], made_by: str) -> str:
    """Of what a day's counts were made: the names and versions of its segments, and what counted them."""
    text = "\n".join([made_by, *(f"{each.key} {each.version}" for each in segments)])
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def segment_tag(segment: Listed) -> str:
    """One segment's name and version."""
    return hashlib.blake2b(f"{segment.key} {segment.version}".encode(), digest_size=16).hexdigest()


def encode_rollup(rows: pa.Table) -> bytes:
    """ZSTD Parquet, sorted by dimension and date, whose footer holds a hash of all its bytes but that hash."""
    rows = rows.select(SCHEMA.names).cast(SCHEMA).sort_by([(name, "ascending") for name in SCHEMA.names[:3]])
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, SCHEMA, compression="zstd", store_schema=False) as writer:
        writer.write_table(rows)
        writer.add_key_value_metadata({b"mallard.write_id": secrets.token_hex(16).encode(), _DIGEST: _NO_DIGEST})
    data = bytes(sink.getvalue())
    before, _, after = data.rpartition(_NO_DIGEST)
    return before + _hash(data) + after


def decode_rollup(data: bytes) -> pa.Table | None:
    """The rows; None where anything about the bytes is not as it was written: then the events are counted instead."""
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        digest = (file.metadata.metadata or {})[_DIGEST]
        before, found, after = data.rpartition(digest)
        if not found or _hash(before + _NO_DIGEST + after) != digest:
            return None
        # A measure that came later than the file is null in it.
        rows = pa.concat_tables([SCHEMA.empty_table(), file.read()], promote_options="default")
        return rows.replace_schema_metadata(None)
    except (pa.ArrowException, OSError, KeyError, ValueError):
        return None


def days_of(rows: pa.Table) -> dict[date, dict[str, object]]:
    """The row TOTAL of each day."""
    totals = rows.filter(pc.equal(rows["dimension"], TOTAL))
    return {row["date"]: row for row in totals.to_pylist()}


def without(rows: pa.Table, days: Iterable[date]) -> pa.Table:
    """The rows of all other days."""
    return rows.filter(pc.invert(pc.is_in(rows["date"], value_set=pa.array(list(days), pa.date32()))))


def _hash(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=32).hexdigest().encode()
