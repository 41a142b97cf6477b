"""Rollups: keys, columns and fingerprints of daily counts per site and month.

The row TOTAL of a day carries a fingerprint of the segments and the SQL the day was counted from. A reader compares it
with a listing of its own, and counts the events of a day whose fingerprint differs. ``rollup_file`` has the bytes.
"""

import hashlib
import re
from collections.abc import Iterable
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from mallard.sites.site_id import folder_name, unescaped
from mallard.store.base import Listed

ROLLUPS = "rollups/"
TOTAL = "total"
"""The dimension whose one row a day says that the day is there."""

MAX_VALUES = 2000
"""Values kept of a dimension and day, those with the most visitors: twice as many as a report can show."""

MAX_VALUE_BYTES = 96 * 1024
"""Of the kept values of a dimension and day, in UTF-8."""

_KEY = re.compile(r"rollups/site_id=([^/]+)/month=(\d{4}-\d{2})\.parquet")

SCHEMA = pa.schema(
    [
        pa.field("dimension", pa.string(), nullable=False),
        pa.field("date", pa.date32(), nullable=False),
        pa.field("value", pa.string()),
        # Properties of the day, in its row TOTAL only.
        pa.field("fingerprint", pa.string()),
        # The tag of the highest segment, which an erasure changes and retention deletes last.
        pa.field("tail", pa.string()),
        # Visitors of days with ids that span days cannot be summed: such a day is valid on its own only.
        pa.field("additive", pa.bool_()),
        # Retention deleted the day's segments, and its counts remain.
        pa.field("frozen", pa.bool_()),
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
        # The row that sums the values of this dimension and day beyond the limits.
        pa.field("is_rest", pa.bool_()),
    ]
)

FACTS = ("fingerprint", "tail", "additive", "frozen")
MEASURED = tuple(each.name for each in SCHEMA if pa.types.is_integer(each.type))


def rollup_key(site_id: str, month: date) -> str:
    """The key of a site's month."""
    return f"{rollup_prefix(site_id)}month={month:%Y-%m}.parquet"


def rollup_prefix(site_id: str) -> str:
    """The folder of a site's rollups."""
    return f"{ROLLUPS}{folder_name(site_id)}/"


def parse_rollup(key: str) -> tuple[str, date] | None:
    """Site and first day of the month of a rollup's key; None for other keys."""
    match = _KEY.fullmatch(key)
    try:
        return (unescaped(match[1]), date.fromisoformat(f"{match[2]}-01")) if match else None
    except ValueError:
        return None


def fingerprint(segments: Iterable[Listed], made_by: str) -> str:
    """A hash of the sources of a day's counts: names and versions of its segments, and the SQL."""
    text = "\n".join([made_by, *(f"{each.key} {each.version}" for each in segments)])
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def segment_tag(segment: Listed) -> str:
    """One segment's name and version."""
    return hashlib.blake2b(f"{segment.key} {segment.version}".encode(), digest_size=16).hexdigest()


def days_of(rows: pa.Table) -> dict[date, dict[str, object]]:
    """The row TOTAL of each day."""
    totals = rows.filter(pc.equal(rows["dimension"], TOTAL))
    return {row["date"]: row for row in totals.to_pylist()}


def without(rows: pa.Table, days: Iterable[date]) -> pa.Table:
    """The rows of all other days."""
    return rows.filter(pc.invert(pc.is_in(rows["date"], value_set=pa.array(list(days), pa.date32()))))
