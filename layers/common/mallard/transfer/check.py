"""From lines of text to rows of the table: types, limits, and what follows from other columns."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from mallard.event import to_ms
from mallard.ingest.agent import MOBILE_BELOW_PX, TABLET_BELOW_PX
from mallard.ingest.page import MAX_TAG_LENGTH, UTM_TAGS
from mallard.ingest.request import (
    MAX_ENGAGEMENT_MS,
    MAX_FOLDER_NAME_BYTES,
    MAX_NAME_LENGTH,
    MAX_PROPS_COUNT,
    MAX_PROPS_LENGTH,
    MAX_URL_LENGTH,
)
from mallard.table.schema import EVENTS
from mallard.transfer.chunk import GIVEN, Chunk, Refusal
from mallard.transfer.derive import NEAT, PAGES, PLAIN_PROPS, neaten_props, read_origins, read_pages
from mallard.transfer.sql import statement

MEMORY_MB = 256
THREADS = 2
MAX_AHEAD = timedelta(days=1)
MAX_TEXT_LENGTH = 256

_LENGTHS = {"event_name": MAX_NAME_LENGTH, "pathname": MAX_URL_LENGTH} | dict.fromkeys(UTM_TAGS, MAX_TAG_LENGTH)
_TEXTS = [each.name for each in EVENTS if each.type == pa.string() and each.name != "revenue_currency"]
_FILLED = ("hostname", "referrer", "referrer_source", "channel", "device_type", "props")
"""The columns that we may fill in or rewrite."""

ROWS = pa.schema(
    [
        pa.field("site_id", pa.string()),
        pa.field("date", pa.date32()),
        pa.field("spans_days", pa.bool_()),
        pa.field("named_by_client", pa.bool_()),
        *EVENTS,
    ]
)
"""Rows on their way to the table; ``spans_days`` says that the visitor is the same one on other days."""


@dataclass(frozen=True, slots=True)
class Checked:
    """Rows in the schema ROWS, in the file's order, and every row of the chunk that is not taken, by line."""

    rows: pa.Table
    refused: list[Refusal]


def open_database() -> duckdb.DuckDBPyConnection:
    """A DuckDB of our own in memory, small, for whole columns at a time."""
    database = duckdb.connect(
        config={
            "memory_limit": f"{MEMORY_MB}MB",
            "threads": THREADS,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )
    # A moment without an offset is UTC.
    database.execute("SET TimeZone = 'UTC'")
    database.execute(statement("macros"))
    return database


class Checker:
    """Checks chunks of one import; ``site_id`` is that of all rows, None where each says its own."""

    def __init__(self, database: duckdb.DuckDBPyConnection, site_id: str | None, now: datetime) -> None:
        self._database = database
        self._site = {"site": site_id}
        self._now = now
        self._sql = statement("rows").format(
            given=", ".join(f"l.{name}" for name in GIVEN),
            told=", ".join(f"l.{name}" for name in _FILLED),
            filled=", ".join(_FILLED),
            texts=", ".join(name for name in _TEXTS if name != "event_name"),
            too_long="\n".join(_too_long(name) for name in _TEXTS if name not in ("referrer", "props")),
        )

    def check(self, chunk: Chunk) -> Checked:
        """Understand one chunk."""
        self._database.register("lines", chunk.rows)
        self._database.register("pages", self._pages(chunk.rows))
        self._database.register("origins", read_origins(self._all("origins", self._site)))
        self._database.register("neat", self._neat(chunk.rows))
        found = self._database.execute(self._sql, self._values(chunk)).to_arrow_table()
        fine = pc.is_null(found["problem"])
        wrong = found.filter(pc.invert(fine)).select(["line", "problem"]).to_pylist()
        refused = [*chunk.refused, *(Refusal(chunk.file, row["line"], row["problem"]) for row in wrong)]
        return Checked(found.filter(fine).select(ROWS.names).cast(ROWS), sorted(refused))

    def _pages(self, lines: pa.Table) -> pa.Table:
        if lines["url"].null_count == lines.num_rows:
            return PAGES.empty_table()
        return read_pages(self._all("pages", self._site))

    def _neat(self, lines: pa.Table) -> pa.Table:
        if lines["props"].null_count == lines.num_rows:
            return NEAT.empty_table()
        limits = {"max_length": MAX_PROPS_LENGTH, "max_count": MAX_PROPS_COUNT, "plain": PLAIN_PROPS}
        return neaten_props(text for (text,) in self._all("props", limits))

    def _all(self, name: str, values: dict[str, Any]) -> Iterable[Any]:
        return self._database.execute(statement(name), values).fetchall()

    def _values(self, chunk: Chunk) -> dict[str, Any]:
        return {
            **self._site,
            "file": chunk.file,
            "spans": chunk.spans_days,
            "latest_ms": to_ms(self._now + MAX_AHEAD),
            "max_folder_bytes": MAX_FOLDER_NAME_BYTES,
            "max_url_length": MAX_URL_LENGTH,
            "max_engagement_ms": MAX_ENGAGEMENT_MS,
            "mobile_below_px": MOBILE_BELOW_PX,
            "tablet_below_px": TABLET_BELOW_PX,
        }


def _too_long(name: str) -> str:
    most = _LENGTHS.get(name, MAX_TEXT_LENGTH)
    return f"WHEN length({name}) > {most} THEN '{name} is over {most} characters.'"
