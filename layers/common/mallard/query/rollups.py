"""Reading rollups: which days of a range they may answer, and their rows of one dimension."""

import logging
import threading
from collections.abc import Iterator, Set
from dataclasses import dataclass, field, replace
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from mallard.query.merge import COUNTS
from mallard.query.period import Period
from mallard.query.query import DAY
from mallard.query.statement import rollup_made_by
from mallard.sites.zones import Zones
from mallard.store.base import Listed, Store
from mallard.table.read import Days
from mallard.table.rollup import (
    SCHEMA,
    TOTAL,
    days_of,
    decode_rollup,
    fingerprint,
    parse_rollup,
    rollup_prefix,
    segment_tag,
)

log = logging.getLogger("mallard.query")

MAX_CACHED_BYTES = 64 * 1024 * 1024

_NO_ROWS = SCHEMA.empty_table()


@dataclass(frozen=True)
class Month:
    """One rollup file as it was read by one whole GET: rows by dimension, and the row TOTAL of each day."""

    dimensions: dict[str, pa.Table]
    totals: dict[date, dict[str, object]]
    size_bytes: int
    is_damaged: bool = False


@dataclass(frozen=True)
class Rolled:
    """The dates of a range that rollups answer, and the months that hold them."""

    dates: Set[date] = frozenset()
    months: list[Month] = field(default_factory=list)
    gone: Set[date] = frozenset()
    """Those of which the counts alone were kept."""
    damaged: tuple[tuple[date, str], ...] = ()
    """Files that may hold counts of days whose events are gone, each with the first such date of the range."""

    def without_gone(self) -> "Rolled":
        """The dates whose events are there."""
        return Rolled(self.dates - self.gone, self.months)

    def counts(self, dimension: str) -> pa.Table:
        """The rows of a dimension of these dates, in the schema COUNTS; a DAY is its TOTAL under its date."""
        rows = self.rows(TOTAL if dimension == DAY else dimension)
        if dimension == DAY:
            rows = rows.set_column(rows.column_names.index("value"), "value", rows["date"].cast(pa.string()))
        # Without a filter every visit lands where its bounce is counted.
        return rows.append_column("landings", rows["visits"]).select(COUNTS.names).cast(COUNTS)

    def marks(self) -> Iterator[tuple[date, str]]:
        """Each date and what its counts were made of."""
        for month in self.months:
            for day in month.totals.keys() & self.dates:
                yield day, f"{month.totals[day]['fingerprint']} {month.totals[day]['frozen']}"

    def rows(self, dimension: str) -> pa.Table:
        """The rows of a dimension, of these dates only."""
        wanted = pa.array(sorted(self.dates), pa.date32())
        parts = [
            rows.filter(pc.is_in(rows["date"], value_set=wanted))
            for month in self.months
            if (rows := month.dimensions.get(dimension)) is not None
        ]
        return pa.concat_tables([_NO_ROWS, *parts], promote_options="default").select(SCHEMA.names)


class RollupReader:
    """Rollups of one store; a file that was read is kept under its version, up to MAX_CACHED_BYTES."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._months: dict[tuple[str, str], Month] = {}

    def read(self, site_id: str, days: Days, period: Period, zones: Zones, *, but: Set[date] = frozenset()) -> Rolled:
        """The days of a period that need no look at their events. ``days`` is the caller's own listing.

        A day whose visitors span days is counted from its events in a range of several, as long as it has all of them:
        of one whose counts alone were kept, they are added up.
        """
        several = (period.end - period.start).days > 1
        dates, left, months, damaged = set[date](), set[date](), [], []
        for key, first, month in self._months_of(site_id, period):
            # Retention deletes the oldest days: only before the first that has events may counts be all there was.
            if month.is_damaged and max(first, period.start) < min(days, default=date.max):
                damaged.append((max(first, period.start), key))
            found = {
                day: _is_gone(total, days.get(day, ()), zones.name_on(day))
                for day, total in month.totals.items()
                if period.start <= day < period.end
                and day not in but
                and _agrees(total, days.get(day, ()), zones.name_on(day))
            }
            if several:
                found = {day: gone for day, gone in found.items() if gone or month.totals[day]["additive"]}
            if found:
                dates |= found.keys()
                left |= {day for day, gone in found.items() if gone}
                months.append(month)
        return Rolled(dates, months, left, tuple(damaged))

    def forget(self) -> None:
        """Let go what was read."""
        with self._lock:
            self._months.clear()

    def first_date(self, site_id: str) -> date | None:
        """The oldest date that only a rollup still knows."""
        months = [self._read(row) for row in self._store.list(rollup_prefix(site_id))]
        return min((day for month in months for day, total in month.totals.items() if total["frozen"]), default=None)

    def _months_of(self, site_id: str, period: Period) -> list[tuple[str, date, Month]]:
        found = []
        for row in self._store.list(rollup_prefix(site_id)):
            parsed = parse_rollup(row.key)
            if parsed and period.start.replace(day=1) <= parsed[1] < period.end:
                found.append((row.key, parsed[1], self._read(row)))
        return found

    def _read(self, row: Listed) -> Month:
        with self._lock:
            if month := self._months.pop((row.key, row.version), None):
                # The one that was asked for last goes last.
                self._months[row.key, row.version] = month
                return month
        stored = self._store.get(row.key)
        rows = decode_rollup(stored.data) if stored else None
        if stored and rows is None:
            log.error(
                "%s is damaged: its days are counted from their events; `mallard repair` has it built again", row.key
            )
        month = replace(_month(_NO_ROWS if rows is None else rows), is_damaged=bool(stored and rows is None))
        with self._lock:
            self._months = {known: each for known, each in self._months.items() if known[0] != row.key}
            self._months[row.key, row.version] = month
            while len(self._months) > 1 and sum(each.size_bytes for each in self._months.values()) > MAX_CACHED_BYTES:
                self._months.pop(next(iter(self._months)))
        return month


def _month(rows: pa.Table) -> Month:
    names = pc.unique(rows["dimension"]).to_pylist()
    dimensions = {name: rows.filter(pc.equal(rows["dimension"], name)) for name in names}
    return Month(dimensions, days_of(rows), rows.nbytes)


def _is_gone(total: dict[str, object], segments: tuple[Listed, ...], zone: str) -> bool:
    """True where only the counts are left of a day that agrees; its segments may be deleted in part."""
    if not total["frozen"]:
        return False
    return not segments or total["fingerprint"] != fingerprint(segments, rollup_made_by(zone))


def _agrees(total: dict[str, object], segments: tuple[Listed, ...], zone: str) -> bool:
    """Whether the segments of the reader's own listing are those that were counted."""
    if total["frozen"]:
        # Its segments are deleted, the highest last; an erasure would have put another highest.
        return not segments or total["tail"] == segment_tag(segments[-1])
    return bool(segments) and total["fingerprint"] == fingerprint(segments, rollup_made_by(zone))
