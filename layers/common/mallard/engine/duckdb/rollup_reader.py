"""Reader of rollups: usable days of a range, and rows of requested dimensions."""

import logging
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from mallard.engine.duckdb.merge import COUNTS, merged_columns
from mallard.engine.sql.day_statement import rollup_made_by
from mallard.sites.time_zone import SiteZones
from mallard.stats.date_range import DateRange
from mallard.stats.dimensions import DIMENSIONS
from mallard.stats.metrics import MEASURES
from mallard.store.base import Listed, Store
from mallard.table.reader import Days
from mallard.table.rollup import (
    fingerprint,
    parse_rollup,
    rollup_prefix,
    segment_tag,
)
from mallard.table.rollup_file import RollupFile, open_rollup

log = logging.getLogger("mallard.query")

MAX_CACHED_BYTES = 64 * 1024 * 1024
"""Of files that were read and of what was decoded of them."""

FEW_ROWS = 4096

_READ = (
    *("dimension", "date", "value", "is_rest"),
    *(name for name in MEASURES if name != "landings"),
)


class RollupMonth:
    """One rollup file, read by one GET; dimensions are decoded on demand."""

    def __init__(self, file: RollupFile | None, *, is_damaged: bool = False) -> None:
        """``file`` is None where there is none that can be believed."""
        self._file = file
        self._dimensions: dict[str, pa.Table] = {}
        totals = file.totals() if file else {}
        self.totals = totals or {}
        # A file whose days cannot be read says nothing.
        self.is_damaged = is_damaged or totals is None

    @property
    def size_bytes(self) -> int:
        """Of what is held."""
        file = self._file.size_bytes if self._file else 0
        return file + sum(int(each.nbytes) for each in list(self._dimensions.values()))

    def rows(self, dimension: str) -> pa.Table | None:
        """Rows of a dimension; None if they are damaged, and then the whole file is distrusted."""
        if self.is_damaged or self._file is None:
            return None
        found = self._dimensions.get(dimension)
        if found is None:
            found = self._file.rows(dimension, _READ)
            if found is None:
                self.is_damaged = True
                return None
            self._dimensions[dimension] = found
        return found


@dataclass(frozen=True)
class RolledCounts:
    """The dates of a range that rollups answer, and what they say of the dimensions that were asked for."""

    dates: Set[date] = frozenset()
    gone: Set[date] = frozenset()
    """Dates whose counts alone are stored, because retention deleted the events."""
    damaged: tuple[tuple[date, str], ...] = ()
    """Files that may hold counts of days whose events are gone, each with the first such date of the range."""
    capped: Mapping[date, Set[str]] = field(default_factory=dict)
    """Dimensions with more values of a date than were kept, where the date's events can be counted instead."""
    marks: tuple[str, ...] = ()
    """Each date and what its counts were made of."""
    counts_of: Mapping[str, pa.Table] = field(default_factory=dict)
    rest_of: Mapping[str, pa.Table] = field(default_factory=dict)
    """Of each dimension the values that were not kept of dates whose events are gone, a row for each month at most."""

    def counts(self, dimension: str) -> pa.Table:
        """The rows of a dimension in the schema COUNTS, without capped dates."""
        return self.counts_of.get(dimension, COUNTS.empty_table())

    def rest(self, dimension: str | None) -> dict[str, int] | None:
        """The measures of the values that are in no row, None where there are none."""
        rows = self.rest_of.get(dimension or "")
        if rows is None or not rows.num_rows:
            return None
        return {name: each or 0 for name, each in merged_columns(rows, (), tuple(MEASURES)).to_pylist()[0].items()}


class RollupReader:
    """Rollups of one store; a file that was read is kept under its version, up to MAX_CACHED_BYTES."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._months: dict[tuple[str, str], RollupMonth] = {}

    def read(
        self,
        site_id: str,
        days: Days,
        period: DateRange,
        zones: SiteZones,
        *,
        dimensions: Collection[str] = (),
        dated: Collection[str] = (),
        but: Set[date] = frozenset(),
        events_only: bool = False,
        first_day: Callable[[], date] | None = None,
    ) -> RolledCounts:
        """The days of a period that need no look at their events. ``days`` is the caller's own listing, at least of the
        period; ``first_day`` gives the first date that has events, ``days`` know it by default.

        A day whose visitors span days is counted from its events in a range of several, as long as it has all of them:
        of one whose counts alone were kept, they are added up. ``events_only``: such a day is not answered.
        The rows of the dimensions ``dated`` keep their ``date``.
        """
        gathered = _Gathered(dated)
        for key, first, month in self._months_of(site_id, period):
            found = _found(month, days, period, zones, but)
            answered = {day for day, gone in found.items() if not (gone and events_only)}
            was_damaged = month.is_damaged
            parts = {name: month.rows(name) for name in dimensions if answered}
            if month.is_damaged:
                if not was_damaged:
                    _warn(key)
                # Retention deletes the oldest days: only before the first that has events may counts be all there was.
                if max(first, period.start) < (first_day() if first_day else min(days, default=date.max)):
                    gathered.damaged.append((max(first, period.start), key))
                continue
            gathered.add(month, found, answered, {name: rows for name, rows in parts.items() if rows is not None})
        self._trim()
        return gathered.rolled()

    def forget(self) -> None:
        """Let go what was read."""
        with self._lock:
            self._months.clear()

    def first_date(self, site_id: str, before: date = date.max) -> date | None:
        """The oldest date that only a rollup still knows, where it is ``before`` another; of few files at most."""
        for row in self._store.list(rollup_prefix(site_id)):
            parsed = parse_rollup(row.key)
            if parsed and parsed[1] >= before:
                break
            # Retention deletes the oldest days, so the first file has them.
            frozen = [day for day, total in self._read(row).totals.items() if total["frozen"]]
            if frozen:
                return min(frozen)
        return None

    def _months_of(self, site_id: str, period: DateRange) -> Iterator[tuple[str, date, RollupMonth]]:
        prefix = rollup_prefix(site_id)
        for row in list(self._store.list(prefix, start_after=f"{prefix}month={period.start:%Y-%m}")):
            parsed = parse_rollup(row.key)
            if parsed and period.start.replace(day=1) <= parsed[1] < period.end:
                yield row.key, parsed[1], self._read(row)

    def _read(self, row: Listed) -> RollupMonth:
        with self._lock:
            if month := self._months.pop((row.key, row.version), None):
                # The most recently used goes last.
                self._months[row.key, row.version] = month
                return month
        stored = self._store.get(row.key)
        file = open_rollup(stored.data) if stored else None
        month = RollupMonth(file, is_damaged=bool(stored and file is None))
        if month.is_damaged:
            _warn(row.key)
        with self._lock:
            self._months = {known: each for known, each in self._months.items() if known[0] != row.key}
            self._months[row.key, row.version] = month
        self._trim()
        return month

    def _trim(self) -> None:
        with self._lock:
            while sum(each.size_bytes for each in self._months.values()) > MAX_CACHED_BYTES:
                self._months.pop(next(iter(self._months)))


class _Gathered:
    """Collects the counts of several months."""

    def __init__(self, dated: Collection[str]) -> None:
        self._dated = dated
        self.damaged: list[tuple[date, str]] = []
        self._dates: set[date] = set()
        self._gone: set[date] = set()
        self._capped: dict[date, set[str]] = {}
        self._marks: list[str] = []
        self._counts: dict[str, list[pa.Table]] = {}
        self._rest: dict[str, list[pa.Table]] = {}

    def add(
        self, month: RollupMonth, found: Mapping[date, bool], answered: Set[date], parts: Mapping[str, pa.Table]
    ) -> None:
        """The dates that a month has ``found`` (True: gone), and its rows of those that are ``answered``."""
        self._gone |= {day for day, gone in found.items() if gone}
        self._dates |= answered
        self._marks += [f"{day} {month.totals[day]['fingerprint']} {month.totals[day]['frozen']}" for day in answered]
        for name, rows in parts.items():
            rows = rows.filter(_among(rows, answered))
            if name in DIMENSIONS:
                rest = rows.filter(rows["is_rest"])
                # Days with events are counted anew.
                capped = {day for day in rest["date"].to_pylist() if not found[day]}
                for day in capped:
                    self._capped.setdefault(day, set()).add(name)
                self._rest.setdefault(name, []).append(_counts(rest.filter(_among(rest, set(found) - capped))))
                rows = rows.filter(pc.and_(_among(rows, answered - capped), pc.invert(rows["is_rest"])))
            counts = _counts(rows)
            if name in self._dated:
                counts = counts.append_column("date", rows["date"])
            self._counts.setdefault(name, []).append(counts if name in self._dated else _added_up(counts))

    def rolled(self) -> RolledCounts:
        """All of it."""
        counts, rest = (
            {name: pa.concat_tables(parts) for name, parts in each.items()} for each in (self._counts, self._rest)
        )
        marks = tuple(sorted(self._marks))
        return RolledCounts(self._dates, self._gone, tuple(self.damaged), self._capped, marks, counts, rest)


def _among(rows: pa.Table, days: Set[date]) -> pa.ChunkedArray:
    return pc.is_in(rows["date"], value_set=pa.array(sorted(days), pa.date32()))


def _counts(rows: pa.Table) -> pa.Table:
    """In the schema COUNTS; without a filter every visit lands where its bounce is counted."""
    return rows.append_column("landings", rows["visits"]).select(COUNTS.names).cast(COUNTS)


def _added_up(rows: pa.Table) -> pa.Table:
    """One row for each value, where many rows would be held: over the days of a month they are fewer."""
    if rows.num_rows <= FEW_ROWS:
        return rows
    return merged_columns(rows, ("dimension", "value"), tuple(MEASURES)).cast(COUNTS)


def _found(month: RollupMonth, days: Days, period: DateRange, zones: SiteZones, but: Set[date]) -> dict[date, bool]:
    """The dates of which a month's counts are true, and whether their events are gone."""
    found = {
        day: _is_gone(total, days.get(day, ()), zones.name_on(day))
        for day, total in month.totals.items()
        if period.start <= day < period.end and day not in but and _agrees(total, days.get(day, ()), zones.name_on(day))
    }
    if (period.end - period.start).days > 1:
        return {day: gone for day, gone in found.items() if gone or month.totals[day]["additive"]}
    return found


def _warn(key: str) -> None:
    log.error("%s is damaged: its days are counted from their events; `mallard repair` has it built again", key)


def _is_gone(total: dict[str, object], segments: tuple[Listed, ...], zone: str) -> bool:
    """True where only the counts are left of a day that agrees; its segments may be deleted in part."""
    if not total["frozen"]:
        return False
    return not segments or total["fingerprint"] != fingerprint(segments, rollup_made_by(zone))


def _agrees(total: dict[str, object], segments: tuple[Listed, ...], zone: str) -> bool:
    """True where the segments of the reader's own listing are those that were counted."""
    if total["frozen"]:
        # Its segments are deleted, the highest last; an erasure would have put another highest.
        return not segments or total["tail"] == segment_tag(segments[-1])
    return bool(segments) and total["fingerprint"] == fingerprint(segments, rollup_made_by(zone))
