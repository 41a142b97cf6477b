"""Snapshots of queue and listing for a site and range, with their plan."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Set
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from mallard.engine.base import PendingEvents
from mallard.engine.duckdb.damaged_files import DamagedFiles
from mallard.engine.duckdb.plan import Plan
from mallard.engine.duckdb.rollup_reader import RolledCounts, RollupReader
from mallard.engine.omitted_files import OmittedSegment
from mallard.engine.request_snapshot import SiteListing, request_snapshot
from mallard.sites.settings_store import SiteSettingsStore
from mallard.stats.date_range import DateRange
from mallard.stats.grouping import GroupQuery
from mallard.stats.query import Query
from mallard.store.base import Listed, Store
from mallard.table.layout import date_in, site_prefix
from mallard.table.reader import Days, first_day, list_days
from mallard.table.segment_cache import SegmentCache

WRITTEN_AHEAD = timedelta(minutes=15)
"""The most that a segment may seem written before its event's timestamp: batches come from up to five minutes ahead,
and clocks differ."""


@dataclass(frozen=True)
class Snapshot:
    """A snapshot of queue and listing for a range: the plan, the pending events, and damaged files left out.

    ``listed`` are the days to count, with their damaged files.
    """

    plan: Plan
    pending: pa.Table
    omitted: tuple[OmittedSegment, ...]
    listed: Days = field(default_factory=dict)

    def fingerprint(self) -> str:
        """Another where an answer could be another."""
        omitted = " ".join(each.file for each in self.omitted)
        return self.plan.fingerprint(self.pending["event_id"].to_pylist()) + omitted

    def answered_by(self, visits: Mapping[date, Listed]) -> "Snapshot":
        """The same where these files answer their days, so that no file of them is left out."""
        omitted = tuple(each for each in self.omitted if each.date not in visits)
        return replace(self, plan=self.plan.with_visits(visits), omitted=omitted)

    def of(self, period: DateRange) -> "Snapshot":
        """The part of it for a part of its range that no rollup answers."""
        days = {day: segments for day, segments in self.plan.days.items() if period.start <= day < period.end}
        waiting = {day for day in self.plan.waiting if period.start <= day < period.end}
        omitted = tuple(each for each in self.omitted if period.start <= each.date < period.end)
        gone = {day for day in self.plan.gone if period.start <= day < period.end}
        return Snapshot(Plan(RolledCounts(), days, waiting, gone), _within(self.pending, period), omitted)


@dataclass(frozen=True)
class OpenSnapshot(Snapshot):
    """A snapshot with the files of the days to count, and of their visits, which are held; ``spanning`` are days of
    these whose visitor ids outlive them.
    """

    files: tuple[str, ...] = ()
    visits: Mapping[date, str] = field(default_factory=dict)
    spanning: Set[date] = frozenset()


class SnapshotReader:
    """Takes snapshots of one store's table and one queue's pending events."""

    def __init__(
        self,
        *,
        store: Store,
        pending: PendingEvents,
        site_settings: SiteSettingsStore,
        rollups: RollupReader,
        damage: DamagedFiles,
        pins: SegmentCache | None,
    ) -> None:
        self._store = store
        self._pending = pending
        self._site_settings = site_settings
        self._rollups = rollups
        self._damage = damage
        self._segment_cache = pins

    def take(
        self,
        query: Query | GroupQuery,
        *,
        rolled: bool = True,
        dimensions: Collection[str] = (),
        dated: Collection[str] = (),
    ) -> Snapshot:
        """A filter needs the events, so does a part of a day, or one with some waiting.

        ``rolled`` False: from events alone. ``dimensions`` of rollups to read, the ``dated`` with dates.
        """
        listing, period = self._listing(query), query.period
        pending, days = _within(listing.pending, period), listing.days
        waiting = frozenset(pending["date"].to_pylist())
        counts = RolledCounts()
        uses_counts = rolled and query.filters is None and period.since is None
        if uses_counts or (period.since is None and _lacks_days(days, period)):
            counts = self._rollups.read(
                query.site_id,
                days,
                period,
                self._site_settings.get(query.site_id).zones,
                dimensions=dimensions if uses_counts else (),
                dated=dated,
                but=waiting,
                events_only=query.events_only,
                first_day=lambda: first_day(self._store, query.site_id) or date.max,
            )
        gone, used = counts.gone, counts if uses_counts else RolledCounts()
        counted: Days = {
            day: segments
            for day, segments in days.items()
            if period.start <= day < period.end and day not in used.dates and day not in gone
        }
        if period.since is not None:
            counted = _written_since(counted, period.since)
        listed = counted
        counted, omitted = self._damage.sort_out(listed)
        capped, omitted_of_capped = self._damage.sort_out({day: days[day] for day in used.capped})
        omitted += (*omitted_of_capped, *(OmittedSegment(day, key) for day, key in counts.damaged))
        return Snapshot(Plan(used, counted, waiting, gone, _by_dimensions(capped, used)), pending, omitted, listed)

    def _listing(self, query: Query | GroupQuery) -> SiteListing:
        """That of the request where it has one, from the day before the range on."""
        request, site_id = request_snapshot(), query.site_id
        since = max(query.period.start, date.min + timedelta(days=1)) - timedelta(days=1)
        if found := request.listing(site_id, since):
            return found
        since = min(since, request.since.get(site_id, since), self._first_cached(site_id) or since)
        # The queue first, then the table: in the other order an event flushed in between is lost or counted twice.
        pending = self._pending(site_id)
        days = list_days(self._store, site_id, since)
        if self._segment_cache:
            listed = {row.key: row.version for segments in days.values() for row in segments}
            self._segment_cache.forget_replaced(site_prefix(site_id), listed)
        request.listings[site_id] = SiteListing(since, pending, days)
        return request.listings[site_id]

    def _first_cached(self, site_id: str) -> date | None:
        """The oldest date with a cached segment: a listing from there on shows the segments that were erased."""
        key = self._segment_cache.first_key(site_prefix(site_id)) if self._segment_cache else None
        return date_in(key) if key else None


def _by_dimensions(days: Days, rolled: RolledCounts) -> dict[frozenset[str], Days]:
    found: dict[frozenset[str], dict[date, tuple[Listed, ...]]] = defaultdict(dict)
    for day, segments in days.items():
        found[frozenset(rolled.capped[day])][day] = segments
    return dict(found)


def _within(pending: pa.Table, period: DateRange) -> pa.Table:
    dates = pending["date"]
    return pending.filter(
        pc.and_(
            pc.greater_equal(dates, pa.scalar(period.start, pa.date32())),
            pc.less(dates, pa.scalar(period.end, pa.date32())),
        )
    )


def _lacks_days(days: Days, period: DateRange) -> bool:
    """True where the range has dates without events before one with some: retention may have kept the counts of those.

    The day after the last deleted one may be deleted in part.
    """
    if not days:
        return True
    start = max(period.start - timedelta(days=1), date.min + timedelta(days=1))
    listed = sum(start <= day < period.end for day in days)
    return listed < (min(period.end, max(days) + timedelta(days=1)) - start).days


def _written_since(days: Days, moment: datetime) -> Days:
    """The days that may hold events from a moment (naive UTC) on: those that were written since."""
    oldest = (moment.replace(tzinfo=UTC) - WRITTEN_AHEAD).timestamp()
    return {day: segments for day, segments in days.items() if any(each.modified >= oldest for each in segments)}
