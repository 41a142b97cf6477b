"""Validation of text lines and conversion to rows of the table."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mallard.event import to_ms
from mallard.ingest.enrich.page_url import MAX_TAG_LENGTH, UTM_TAGS
from mallard.ingest.enrich.user_agent import MOBILE_BELOW_PX, TABLET_BELOW_PX
from mallard.ingest.request import (
    MAX_ENGAGEMENT_MS,
    MAX_NAME_LENGTH,
    MAX_PROPS_COUNT,
    MAX_PROPS_LENGTH,
    MAX_URL_LENGTH,
)
from mallard.sites.site_id import MAX_FOLDER_NAME_BYTES
from mallard.sites.time_zone import UTC_DAYS, SiteZones
from mallard.table.schema import EVENTS, FILLED
from mallard.transfer.chunk import GIVEN, Chunk, RefusedRow
from mallard.transfer.derived_columns import (
    PLAIN_AMOUNT,
    PLAIN_PROPS,
    neaten_props,
    read_amounts,
    read_origins,
    read_pages,
)
from mallard.transfer.local_dates import in_local_dates
from mallard.transfer.sql import statement

MEMORY_MB = 256
THREADS = 2
ALLOCATOR_KEEPS = "1MB"
MAX_AHEAD = timedelta(days=1)
MAX_TEXT_LENGTH = 256

_TEXTS = [each.name for each in EVENTS if each.type == pa.string() and each.name != "revenue_currency"]
_LENGTHS = (
    dict.fromkeys((name for name in _TEXTS if name != "props"), MAX_TEXT_LENGTH)
    | dict.fromkeys(UTM_TAGS, MAX_TAG_LENGTH)
    | {"event_name": MAX_NAME_LENGTH, "pathname": MAX_URL_LENGTH, "referrer": MAX_URL_LENGTH}
)
"""The most characters of each text. Properties have rules of their own."""

_FILLED = {
    # Otherwise the hostname follows from the address, which is part of the row.
    "hostname": "given_hostname IS NULL AND coalesce(url, '') = ''",
    "referrer": "given_referrer IS NOT NULL AND referrer IS NULL",
    "referrer_source": "given_referrer_source IS NULL",
    "channel": "given_channel IS NULL",
    "device_type": "given_device_type IS NULL",
}
"""Columns that an import fills in or clears, with the SQL condition."""

ROWS = pa.schema(
    [
        pa.field("site_id", pa.string()),
        pa.field("date", pa.date32()),
        pa.field("spans_days", pa.bool_()),
        pa.field("named_by_client", pa.bool_()),
        FILLED,
        *EVENTS,
    ]
)
"""Staged rows; ``spans_days`` is true where the visitor id lives longer than its day."""


@dataclass(frozen=True, slots=True)
class ValidatedRows:
    """Valid rows in the schema ROWS, in the file's order, and the rejected rows of the chunk by line."""

    rows: pa.Table
    refused: list[RefusedRow]


def open_database() -> duckdb.DuckDBPyConnection:
    """A small in-memory DuckDB that processes whole columns."""
    database = duckdb.connect(
        config={
            "memory_limit": f"{MEMORY_MB}MB",
            "threads": THREADS,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            # Otherwise its allocator keeps half a gigabyte of freed memory.
            "allocator_flush_threshold": ALLOCATOR_KEEPS,
            "allocator_bulk_deallocation_flush_threshold": ALLOCATOR_KEEPS,
        }
    )
    # A moment without an offset is UTC.
    database.execute("SET TimeZone = 'UTC'")
    database.execute(statement("macros"))
    return database


class RowValidator:
    """Validator of one import's chunks; ``site_id`` is that of all rows, None where each row has its own."""

    def __init__(
        self,
        database: duckdb.DuckDBPyConnection,
        site_id: str | None,
        now: datetime,
        zones_of: Callable[[str], SiteZones] = lambda _: UTC_DAYS,
    ) -> None:
        """``zones_of`` gives a site's time zones, which determine the date of each row."""
        self._database = database
        self._site = {"site": site_id}
        self._now = now
        self._zones_of = zones_of

    def check(self, chunk: Chunk) -> ValidatedRows:
        """Validate one chunk; safe between threads."""
        # Tables registered at a cursor are visible to that cursor only.
        cursor = self._database.cursor()
        try:
            checked_rows = _in_order(self._rows(cursor, chunk))
        finally:
            cursor.close()
        is_valid = pc.is_null(checked_rows["problem"])
        invalid_rows = checked_rows.filter(pc.invert(is_valid)).select(["line", "problem"]).to_pylist()
        refused = [*chunk.refused, *(RefusedRow(chunk.file, row["line"], row["problem"]) for row in invalid_rows)]
        rows = checked_rows.filter(is_valid).select(ROWS.names).cast(ROWS)
        return ValidatedRows(in_local_dates(rows, self._zones_of), sorted(refused))

    def _rows(self, cursor: duckdb.DuckDBPyConnection, chunk: Chunk) -> pa.Table:
        cursor.execute("SET TimeZone = 'UTC'")
        cursor.register("lines", chunk.rows)
        has_url, has_props, has_amount = (
            chunk.rows[name].null_count < chunk.rows.num_rows for name in ("url", "props", "revenue_amount")
        )
        limits = {"max_length": MAX_PROPS_LENGTH, "max_count": MAX_PROPS_COUNT, "plain": PLAIN_PROPS}
        cursor.register("pages", read_pages(_all(cursor, "pages", self._site) if has_url else ()))
        cursor.register("origins", read_origins(_all(cursor, "origins", self._site)))
        cursor.register("neat", neaten_props(text for (text,) in (_all(cursor, "props", limits) if has_props else ())))
        amounts = _all(cursor, "amounts", {"plain": PLAIN_AMOUNT}) if has_amount else ()
        cursor.register("amounts", read_amounts(text for (text,) in amounts))
        return cursor.execute(_rows_sql(chunk.rows), self._values(chunk)).to_arrow_table()

    def _values(self, chunk: Chunk) -> dict[str, Any]:
        return {
            **self._site,
            "file": chunk.file,
            "spans": chunk.spans_days,
            "latest_ms": to_ms(self._now + MAX_AHEAD),
            "max_folder_bytes": MAX_FOLDER_NAME_BYTES,
            "max_engagement_ms": MAX_ENGAGEMENT_MS,
            "mobile_below_px": MOBILE_BELOW_PX,
            "tablet_below_px": TABLET_BELOW_PX,
        }


def _all(cursor: duckdb.DuckDBPyConnection, name: str, values: dict[str, Any]) -> Iterable[Any]:
    return cursor.execute(statement(name), values).fetchall()


def _in_order(rows: pa.Table) -> pa.Table:
    """Rows by line. They are nearly always in order, and a sort in DuckDB would double the cost."""
    lines = rows["line"].to_numpy()
    return rows if (lines[1:] > lines[:-1]).all() else rows.sort_by("line")


def _rows_sql(lines: pa.Table) -> str:
    """The statement for these lines; checks that whole columns already pass are left out."""
    unfit = [_too_long(name) for name in _LENGTHS if _longest_bytes(lines[name]) > _LENGTHS[name]]
    if any(_has_nul(lines[name]) for name in GIVEN):
        cells = ", ".join(f"l.{name}" for name in GIVEN)
        unfit.append(f"WHEN contains(concat({cells}), chr(0)) THEN 'it holds a NUL character.'")
    return statement("rows").format(
        cells=", ".join(f"'{name}=' || l.{name}" for name in GIVEN if name != "site_id"),
        given=", ".join(f"nullif(l.{name}, '') AS given_{name}" for name in _FILLED),
        filled=" + ".join(
            f"CASE WHEN {when} THEN {1 << EVENTS.get_field_index(name)} ELSE 0 END" for name, when in _FILLED.items()
        ),
        texts=", ".join(name for name in _TEXTS if name != "event_name"),
        unfit=f"CASE {' '.join(unfit)} END" if unfit else "NULL::VARCHAR",
    )


def _too_long(name: str) -> str:
    return f"WHEN length(l.{name}) > {_LENGTHS[name]} THEN '{name} is over {_LENGTHS[name]} characters.'"


def _longest_bytes(column: pa.ChunkedArray) -> int:
    return pc.max(pc.binary_length(column)).as_py() or 0


def _has_nul(column: pa.ChunkedArray) -> bool:
    """True where a text of the column holds a zero byte, by one scan of their shared memory."""
    return any(bool((_bytes_of(chunk) == 0).any()) for chunk in column.chunks)


def _bytes_of(texts: Any) -> Any:
    _, offsets, data = texts.buffers()
    if data is None or not len(texts):
        return np.empty(0, np.uint8)
    ends = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return np.frombuffer(data, np.uint8)[ends[0] : ends[-1]]
