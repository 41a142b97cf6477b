"""Visits files: keys, columns and signed Parquet bytes of one day's visits.

A file of a closed day has a row for each visit, and one for each group of equal events without a visitor. The events of
a row stand in lists of equal length, its *steps*: one for each page, hostname, event name and hour. Its footer has the
fingerprint that the day has in its rollup. A reader compares it with a listing of its own, and counts the events of a
day whose fingerprint differs.
"""

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from io import BytesIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mallard.sites.site_id import folder_name, unescaped
from mallard.table.file_digest import DIGEST, NO_DIGEST, is_whole, signed
from mallard.table.schema import EVENTS

VISITS = "visits/"

MAX_FILE_BYTES = 64 * 1024 * 1024
"""Some seven million events of a day. Of a day with more no visits are kept, and its events are counted."""

ROW_GROUP_ROWS = 32_768

FIRST_EVENT = tuple(EVENTS.names[EVENTS.get_field_index("referrer") : EVENTS.get_field_index("props")])
"""The columns that a visit has of its first event."""

SORTED_BY = ("country_code", "region", "city", "browser", "os", "browser_version", "os_version", "visitor_id")
"""Visits in this order take a tenth less than by visitor."""

STEPS = {
    "pathname": "pathnames",
    "hostname": "hostnames",
    "event_name": "event_names",
    "hour": "hours",
    "events": "event_counts",
    "first_of_page": "firsts_of_page",
}
"""From a column of a step to that of the list."""

SCHEMA = pa.schema(
    [
        pa.field("date", pa.date32(), nullable=False),
        # In the file, from 0.
        pa.field("number", pa.int32(), nullable=False),
        # Null: events without a visitor, alike in all that is stored here.
        pa.field("visitor_id", pa.int64()),
        pa.field("visit_number", pa.int32()),
        pa.field("started_at", pa.timestamp("ms")),
        pa.field("duration_ms", pa.int64(), nullable=False),
        pa.field("pageviews", pa.int32(), nullable=False),
        pa.field("events", pa.int32(), nullable=False),
        pa.field("bounced", pa.bool_(), nullable=False),
        # The visitor has no other visit that day, so that visitors can be counted as visits.
        pa.field("is_only", pa.bool_(), nullable=False),
        pa.field("entry_page", pa.string()),
        pa.field("exit_page", pa.string()),
        *(EVENTS.field(name) for name in FIRST_EVENT),
        # As in rollups: money of several currencies has no sum, and the currency says `several`.
        pa.field("revenue_amount", pa.decimal128(18, 2)),
        pa.field("revenue_currency", pa.string()),
        pa.field("pathnames", pa.list_(pa.string())),
        pa.field("hostnames", pa.list_(pa.string())),
        pa.field("event_names", pa.list_(pa.string())),
        # The begins of the site's local hours, in UTC.
        pa.field("hours", pa.list_(pa.timestamp("ms"))),
        pa.field("event_counts", pa.list_(pa.int32())),
        # True for the visit's first step with its page.
        pa.field("firsts_of_page", pa.list_(pa.bool_())),
    ]
)

_FINGERPRINT = b"mallard.fingerprint"
_SPANS_DAYS = b"mallard.visitors_span_days"
_WRITE_ID = b"mallard.write_id"

_NO_DICTIONARY = {
    "number": "DELTA_BINARY_PACKED",
    "visitor_id": "PLAIN",
    "started_at": "DELTA_BINARY_PACKED",
    "duration_ms": "DELTA_BINARY_PACKED",
}
_DICTIONARY = [
    f"{each.name}.list.element" if pa.types.is_list(each.type) else each.name
    for each in SCHEMA
    if each.name not in _NO_DICTIONARY and "bool" not in str(each.type)
]

_KEY = re.compile(r"visits/site_id=([^/]+)/date=(\d{4}-\d{2}-\d{2})\.parquet")
_UNREADABLE = (pa.ArrowException, OSError, KeyError, ValueError, TypeError)


@dataclass(frozen=True, slots=True)
class VisitsFacts:
    """The facts of a visits file. ``fingerprint`` is empty where it has no visits of any day.

    ``spans_days``: some of its visitor ids live longer than the day.
    """

    fingerprint: str
    spans_days: bool


def visits_prefix(site_id: str) -> str:
    """The folder of a site's visits."""
    return f"{VISITS}{folder_name(site_id)}/"


def visits_key(site_id: str, day: date) -> str:
    """The key of a site's day."""
    return f"{visits_prefix(site_id)}date={day.isoformat()}.parquet"


def parse_visits(key: str) -> tuple[str, date] | None:
    """Site and date of a visits file's key; None for other keys."""
    match = _KEY.fullmatch(key)
    try:
        return (unescaped(match[1]), date.fromisoformat(match[2])) if match else None
    except ValueError:
        return None


def write_visits(parts: Iterable[pa.Table], facts: VisitsFacts, max_bytes: int = MAX_FILE_BYTES) -> bytes:
    """A file of these rows in the columns of SCHEMA, a row group each; no two files have the same bytes.

    One with more than ``max_bytes`` is replaced by one without visits.
    """
    sink = BytesIO()
    with pq.ParquetWriter(
        sink,
        SCHEMA,
        compression="zstd",
        column_encoding=_NO_DICTIONARY,
        use_dictionary=_DICTIONARY,
        store_schema=False,
        # No reader skips row groups, and a small file consists of statistics else.
        write_statistics=False,
    ) as writer:
        for rows in parts:
            writer.write_table(rows.select(SCHEMA.names).cast(SCHEMA), row_group_size=ROW_GROUP_ROWS)
            if sink.tell() > max_bytes:
                return no_visits()
        writer.add_key_value_metadata(
            {
                _WRITE_ID: secrets.token_hex(16).encode(),
                _FINGERPRINT: facts.fingerprint.encode(),
                _SPANS_DAYS: b"true" if facts.spans_days else b"false",
                DIGEST: NO_DIGEST,
            }
        )
    return signed(sink.getbuffer())


def no_visits() -> bytes:
    """A file without visits, true of no day."""
    return write_visits((), VisitsFacts("", spans_days=False))


def read_facts(data: bytes) -> VisitsFacts | None:
    """The facts of a file, all of whose bytes are as they were written; None for others."""
    try:
        footer = pq.read_metadata(pa.BufferReader(data)).metadata or {}
        if not is_whole(data, footer[DIGEST]):
            return None
        return VisitsFacts(footer[_FINGERPRINT].decode(), footer[_SPANS_DAYS] == b"true")
    except _UNREADABLE:
        return None


def with_steps(visits: pa.Table, steps: pa.Table) -> pa.Table:
    """Visits with the lists of their steps; both are in order of ``number``, and no visit is without a step."""
    lengths = pc.value_counts(steps["number"].combine_chunks()).field("counts")
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths).cast(pa.int32())])
    for name, plural in STEPS.items():
        values = steps[name].combine_chunks()
        visits = visits.append_column(plural, pa.ListArray.from_arrays(offsets, values))
    return visits
