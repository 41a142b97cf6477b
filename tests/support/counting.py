"""The query engine without DuckDB: the same looks at queue, listing, rollups and files, and Arrow in place of SQL."""

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from mallard.engine.day_counter import DayCounts
from mallard.engine.duckdb.damaged_files import DamagedFiles
from mallard.engine.duckdb.database import Database
from mallard.engine.duckdb.day_counts import COUNTED
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.engine.duckdb.rollup_reader import RollupReader
from mallard.engine.duckdb.snapshot import OpenSnapshot
from mallard.engine.sql.local_hours import LocalHours
from mallard.errors import StoreUnavailableError
from mallard.sites.settings_store import SiteSettingsStore
from mallard.stats.date_range import DateRange
from mallard.stats.dimensions import TOTAL
from mallard.stats.query import Query
from mallard.store.base import Listed, Store
from mallard.table.layout import date_in
from mallard.table.reader import Days, open_files
from mallard.table.segment import decode
from support.visits import decode_steps, encode_steps


class NoDatabase(Database):
    """What errors mean, without a DuckDB to raise them."""

    def __init__(self) -> None:
        """There is nothing to open."""

    def _renew(self) -> None:
        """It has no session whose credentials could end."""


class ArrowEngine(DuckDBEngine):
    """Counts rows: ``days`` answers ``{"date", "events", "ids"}`` of each, ``ids`` None of files that have counts."""

    def __init__(self, store: Store, pending: Callable[[str], pa.Table], site_settings: SiteSettingsStore) -> None:
        """Without the database of its parent, which takes longer to open than a whole schedule."""
        self.store = store
        self.site_settings = site_settings
        self._pending = pending
        self._rollups = RollupReader(store)
        self._segment_cache = None
        self._database = NoDatabase()
        self.damage = DamagedFiles(store)
        self._set_up()

    def count_day(self, segments: tuple[Listed, ...], hours: LocalHours, fingerprint: str = "") -> DayCounts:
        """One row of the rows read, and one of the events; its visits are one, with a step for each row."""
        with open_files(self.store, [segments]) as files:
            try:
                names = [name for file in files for _, name in self._rows(file)]
            except duckdb.IOException as error:
                raise StoreUnavailableError("A segment is gone.") from error
        count = len(names)
        rows = pa.Table.from_pylist([{"dimension": TOTAL, "events": count, "is_rest": False}], schema=COUNTED)
        return DayCounts(rows, count, count, False, encode_steps(names, fingerprint))

    def count_days(self, days: Days, hours: LocalHours, fingerprints: Mapping[date, str]) -> dict[date, DayCounts]:
        """Each alone."""
        return {day: self.count_day(segments, hours, fingerprints[day]) for day, segments in days.items()}

    def close(self) -> None:
        """There is nothing to close."""

    def days(self, site_id: str, period: DateRange) -> list[dict[str, Any]]:
        """What a report of the range counts."""
        seen, counted = self._with_files(
            Query(site_id, period, ("events",)), self._events, dimensions=(TOTAL,), dated=(TOTAL,), visits=True
        )
        rows = seen.plan.rolled.counts(TOTAL).to_pylist()
        days = ({"date": row["date"], "events": row["events"], "ids": None} for row in rows)
        return [*counted, *days]

    def _events(self, look: OpenSnapshot) -> list[dict[str, Any]]:
        days: dict[object, list[int]] = {}
        for file in look.files:
            days.setdefault(date_in(file), []).extend(self._ids(file))
        stored = {number for ids in days.values() for number in ids}
        for row in look.pending.to_pylist():
            if row["event_id"] not in stored:
                days.setdefault(row["date"], []).append(row["event_id"])
        found: list[dict[str, Any]] = [{"date": day, "events": len(ids), "ids": ids} for day, ids in days.items()]
        for day, file in look.visits.items():
            found.append({"date": day, "events": len(decode_steps(Path(file))), "ids": None})
        return found

    def _ids(self, file: str) -> list[int]:
        return [number for number, _ in self._rows(file)]

    def _rows(self, file: str) -> list[tuple[int, str]]:
        """What DuckDB would read of a file, ids and pages, and its error where the file went away."""
        rows = decode(self._bytes(file), file).rows
        return list(zip(rows["event_id"].to_pylist(), rows["pathname"].to_pylist(), strict=True))

    def _bytes(self, file: str) -> bytes:
        if not file.startswith(self.store.location("")):
            return Path(file).read_bytes()
        stored = self.store.get(_key(file))
        if stored is None:
            raise duckdb.IOException(f"{file} is gone")
        return stored.data


def _key(file: str) -> str:
    """The object's key in a private file's path or in a location."""
    return "events/" + file.rpartition("events/")[2]
