"""The engine over DuckDB: snapshots, plans per day, scans and merges.

Reads again where a segment was replaced during the scan.
"""

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, TypedDict, TypeVar

import duckdb

from mallard.engine.base import Explanation, PendingEvents, QueryResult
from mallard.engine.cancellation import current_stop
from mallard.engine.day_counter import DayCounts
from mallard.engine.duckdb.cursors import Cursor
from mallard.engine.duckdb.damaged_files import DamagedFiles
from mallard.engine.duckdb.database import Database
from mallard.engine.duckdb.day_counts import DEFAULT, RollupBounds, count_day
from mallard.engine.duckdb.executor import Executor
from mallard.engine.duckdb.plan import fits, parts_of, portion_bytes, rollup_portion_bytes
from mallard.engine.duckdb.result_cache import ResultCache
from mallard.engine.duckdb.rollup_reader import RollupReader
from mallard.engine.duckdb.several_days import count_days
from mallard.engine.duckdb.snapshot import OpenSnapshot, Snapshot, SnapshotReader
from mallard.engine.duckdb.sql_files import SqlFilesReader
from mallard.engine.duckdb.visits_reader import VisitsReader
from mallard.engine.memory_peak import memory_peak
from mallard.engine.omitted_files import note, require_complete
from mallard.engine.request_snapshot import request_snapshot
from mallard.engine.sql.conditions import Conditions, compile_filter, of_recent
from mallard.engine.sql.day_statement import rollup_made_by
from mallard.engine.sql.goal_conditions import goals_of_rows, of_scrolling
from mallard.engine.sql.group_statement import GroupStatement
from mallard.engine.sql.local_hours import LocalHours
from mallard.engine.sql.visits_grouping import visits_grouping_sql, visits_suffice_for
from mallard.engine.visitor_query import VisitorQuery, VisitsUse
from mallard.errors import DamagedSegmentError, QueryTooLargeError, StoreUnavailableError
from mallard.sites.segments import SegmentStore
from mallard.sites.settings import Goal
from mallard.sites.settings_store import SiteSettingsStore
from mallard.sites.time_zone import SiteZones
from mallard.stats.grouping import GroupQuery
from mallard.stats.query import Query
from mallard.store.base import Listed, Store
from mallard.table.duckdb_files import READ_ATTEMPTS, READ_ERRORS
from mallard.table.reader import Days, first_day, open_files
from mallard.table.segment_cache import SegmentCache

T = TypeVar("T")


class DuckDBEngine:
    """Answers queries over one store and the queue's pending events."""

    def __init__(
        self,
        store: Store,
        pending: PendingEvents,
        *,
        memory_mb: int,
        threads: int,
        site_settings: SiteSettingsStore | None = None,
        cache_seconds: float = 0,
        rounds_times: bool = False,
        bounds: RollupBounds = DEFAULT,
        isolate_anonymous: bool = False,
    ) -> None:
        """``pending`` returns a site's queued rows in the schema PENDING; results are cached for ``cache_seconds``.

        ``rounds_times``: events are stored with their hour only, so reports of the last minutes are impossible.
        ``bounds`` are those of rollups; ``isolate_anonymous`` as of Database.
        """
        self.store = store
        self.rounds_times = rounds_times
        self.cache = ResultCache(cache_seconds)
        self.site_settings = site_settings or SiteSettingsStore(store)
        self.segments = SegmentStore(store)
        self._pending = pending
        self._rollups = RollupReader(store)
        self._bounds = bounds
        self._segment_cache = None if store.pins_are_cheap else SegmentCache(store)
        self._database = Database(store, memory_mb=memory_mb, threads=threads, isolate_anonymous=isolate_anonymous)
        self.damage = DamagedFiles(store, self._database.read_alone)
        self._set_up()

    def _set_up(self) -> None:
        self._executor = Executor(self._database, self.damage, self.site_settings)
        self._visits = VisitsReader(self.store, self.site_settings, self._segment_cache)
        self._snapshots = SnapshotReader(
            store=self.store,
            pending=self._pending,
            site_settings=self.site_settings,
            rollups=self._rollups,
            damage=self.damage,
            pins=self._segment_cache,
        )
        self.sql_files = SqlFilesReader(
            store=self.store,
            snapshots=self._snapshots,
            visits=self._visits,
            damage=self.damage,
            cache=self._segment_cache,
        )

    def group(self, query: GroupQuery) -> QueryResult:
        """As of ``Engine``."""
        statement, conditions, goals = self._group_statement(query)
        snapshot = self._snapshots.take(query, **_of_rollups(query))

        def compute() -> QueryResult:
            self._database.check_patterns(conditions.patterns if conditions else ())
            work = partial(self._executor.group, query, statement)
            current, found = self._with_files(
                query, work, snapshot, visits=_uses_visits(query, statement), **_of_rollups(query)
            )
            rows, totals = tuple(each for each, _ in found), tuple(total for _, total in found)
            return QueryResult(rows, current.plan.explain(), current.omitted, current.plan.events_from, totals)

        dependencies = (query, conditions, goals, self.zones(query.site_id), snapshot.fingerprint())
        return self._cached(dependencies, compute)

    def explain(self, query: GroupQuery) -> Explanation:
        """As of ``Engine``."""
        statement, _, _ = self._group_statement(query)
        snapshot = self._snapshots.take(query, **_of_rollups(query))
        with self._open(query, snapshot, visits=_uses_visits(query, statement)) as opened:
            plan, waits = opened.plan, snapshot.pending.num_rows
        segments = [row for segments in plan.read_days.values() for row in segments]
        written = max((each.modified for each in segments), default=None)
        sql, values = statement.sql(has_files=bool(segments), has_waiting=waits > 0)
        texts = (sql,) if plan.counts_events or plan.capped else ()
        return Explanation(
            plan.ways(),
            len(segments) + len(plan.visits),
            sum(each.size_bytes for each in (*segments, *plan.visits.values())),
            (*texts, visits_grouping_sql(statement)) if plan.visits else texts,
            {**(statement.conditions.values if statement.conditions else {}), **values},
            waits,
            datetime.fromtimestamp(written, UTC) if written is not None else None,
            rollup_made_by(self.zones(query.site_id).name_on(query.period.start)),
        )

    def _group_statement(self, query: GroupQuery) -> tuple[GroupStatement, Conditions | None, tuple[Goal, ...]]:
        goals = goals_of_rows(query.filters, self.site_settings.get(query.site_id).goals)
        scrolls = bool(of_scrolling(goals)) and any(each.has_goals for each in query.groupings)
        joins_visits = scrolls or any(each.joins_visits for each in query.groupings)
        conditions = self._conditions(query, of_visits=joins_visits, pings=True)
        recent = conditions is None and query.period.since is not None
        return GroupStatement(query.groupings, conditions, goals, recent=recent), conditions, goals

    def rows(self, query: Query, take: Callable[[Any], None]) -> Iterator[date]:
        """As of ``Engine``."""
        conditions, snapshot = self._conditions(query), self._snapshots.take(query, rolled=False)
        self._database.check_patterns(conditions.patterns if conditions else ())
        for day in sorted({*snapshot.plan.days, *snapshot.plan.waiting}):
            period = replace(query.period, start=day, end=day + timedelta(days=1))
            one = replace(query, period=period)
            work = partial(self._executor.take_rows, one, conditions, take)
            self._with_files(one, work, snapshot.of(period), rolled=False, complete=True)
            yield day

    def visitor_query(self, visitor_query: VisitorQuery) -> QueryResult:
        """As of ``Engine``."""
        query = visitor_query.query
        conditions = self._conditions(query, of_visits=True)
        snapshot = self._snapshots.take(query, rolled=False)
        patterns = (*visitor_query.patterns, *(conditions.patterns if conditions else ()))

        def compute() -> QueryResult:
            self._database.check_patterns(patterns)
            work = partial(self._executor.visitor_query, visitor_query, conditions)
            use = visitor_query.use_of_visits(conditions)
            current, parts = self._with_files(query, work, snapshot, rolled=False, use=use)
            rows, plan = (visitor_query.added_up(parts),), current.plan
            return QueryResult(rows, plan.explain(), current.omitted, plan.events_from)

        dependencies = (visitor_query, conditions, self.zones(query.site_id), snapshot.fingerprint())
        return self._cached(dependencies, compute)

    def zones(self, site_id: str) -> SiteZones:
        """The site's time zones."""
        return self.site_settings.get(site_id).zones

    def is_new(self, site_id: str) -> bool:
        """True where no day of the site has begun: nothing is stored of one, and no event waits."""
        return not (self._pending(site_id).num_rows or self.site_settings.has_begun(site_id))

    def first_date(self, site_id: str, today: date) -> date:
        """The first date with events, today where there are none."""
        pending = self._pending(site_id)["date"].to_pylist()
        stored = first_day(self.store, site_id)
        rolled = self._rollups.first_date(site_id, stored or date.max)
        return min([*(day for day in (stored, rolled) if day), *pending], default=today)

    def count_day(self, segments: tuple[Listed, ...], hours: LocalHours, fingerprint: str = "") -> DayCounts:
        """As of ``DayCounter``."""
        self.damage.require_sound(segments)
        parts = parts_of(sum(each.size_bytes for each in segments), rollup_portion_bytes(self._database.memory_mb))
        turn = self._database.turn_apart if parts > 1 else self._database.turn

        def count(cursor: Cursor, files: Sequence[str]) -> DayCounts:
            return count_day(cursor, files, hours, self._bounds, fingerprint, parts)

        return self._read_in_turn([segments], turn, count)

    def count_days(self, days: Days, hours: LocalHours, fingerprints: Mapping[date, str]) -> dict[date, DayCounts]:
        """As of ``DayCounter``."""
        segments = [row for rows in days.values() for row in rows]
        if not fits(segments, rollup_portion_bytes(self._database.memory_mb)):
            return {}
        self.damage.require_sound(segments)

        def count(cursor: Cursor, files: Sequence[str]) -> dict[date, DayCounts]:
            return count_days(cursor, files, hours, fingerprints, self._bounds)

        return self._read_in_turn([*days.values()], self._database.turn, count)

    def close(self) -> None:
        """Close the database and the segment cache."""
        self._database.close()
        if self._segment_cache:
            self._segment_cache.close()

    def forget(self) -> None:
        """Drop all caches of the table, on disk and in memory, after an erasure."""
        self.cache.clear()
        self.damage.forget()
        self._rollups.forget()
        self._visits.forget()
        if self._segment_cache:
            self._segment_cache.forget()

    def _conditions(
        self, query: Query | GroupQuery, *, of_visits: bool = False, pings: bool = False
    ) -> Conditions | None:
        """The conditions of a query's filter and part of a day; QueryError where the filter is wrong."""
        conditions, since, until = None, query.period.since, query.period.until
        if query.filters is not None:
            conditions = compile_filter(query.filters, self.site_settings.get(query.site_id).goals, pings=pings)
        if since is not None and until is not None and (conditions or of_visits):
            return of_recent(conditions, since, until)
        return conditions

    def _with_files(
        self,
        query: Query | GroupQuery,
        work: Callable[[OpenSnapshot], T],
        snapshot: Snapshot | None = None,
        *,
        rolled: bool = True,
        complete: bool = False,
        dimensions: Collection[str] = (),
        dated: Collection[str] = (),
        visits: bool = False,
        use: VisitsUse = VisitsUse.NONE,
    ) -> tuple[Snapshot, T]:
        """A snapshot, and the result of ``work`` on its files; of another one where a swap or a damaged file broke it.

        ``complete``: DamagedSegmentError where a file would be left out. ``visits``: days are answered from their
        visits where those are true. ``use``: and so are those with visitor ids that outlive the day, or visits are read
        beside the events.
        """
        attempt = 0
        while True:
            current_stop().check()
            current = snapshot or self._retake(query, rolled=rolled, dimensions=dimensions, dated=dated)
            snapshot = None
            if complete:
                require_complete(current.omitted)
            with self._open(query, current, visits=visits, use=use) as opened:
                current = replace(current, plan=opened.plan, omitted=opened.omitted)
                rows = [row for segments in current.plan.read_days.values() for row in segments]
                suspects = self.damage.suspects(rows, opened.files)
                try:
                    if not suspects:
                        return current, work(opened)
                    failed: Exception = duckdb.InvalidInputException("A file has no footer of this product.")
                except DamagedSegmentError:
                    # From now on it is known, and left out.
                    continue
                except READ_ERRORS as error:
                    failed = error
            found = bool(suspects) and self.damage.examine(suspects)
            attempt = 0 if found else self._next_attempt(failed, attempt, rows)

    @contextmanager
    def _open(
        self, query: Query | GroupQuery, snapshot: Snapshot, *, visits: bool, use: VisitsUse = VisitsUse.NONE
    ) -> Iterator[OpenSnapshot]:
        # What waits belongs to visits of its day. Of a day with a damaged file the visits may have all events.
        others = set(snapshot.plan.waiting)
        if use is VisitsUse.BESIDE:
            others |= {each.date for each in snapshot.omitted}
        is_used = visits or use is not VisitsUse.NONE
        closed = {day: segments for day, segments in snapshot.listed.items() if is_used and day not in others}
        with self._visits.open(query, closed, spanning=use is VisitsUse.IN_PLACE) as found:
            answered = snapshot if use is VisitsUse.BESIDE else snapshot.answered_by(found.days)
            with open_files(self.store, answered.plan.read_days.values(), self._segment_cache) as files:
                yield OpenSnapshot(**vars(answered), files=files, visits=found.files, spanning=found.spanning)

    def _retake(
        self, query: Query | GroupQuery, *, rolled: bool, dimensions: Collection[str], dated: Collection[str]
    ) -> Snapshot:
        request_snapshot().forget()
        return self._snapshots.take(query, rolled=rolled, dimensions=dimensions, dated=dated)

    def _read_in_turn(
        self,
        days: Collection[tuple[Listed, ...]],
        turn: Callable[[], AbstractContextManager[Cursor]],
        work: Callable[[Cursor, Sequence[str]], T],
    ) -> T:
        """The result of ``work`` on the files of whole days; again where a swap broke the read."""
        for attempt in range(READ_ATTEMPTS):
            with open_files(self.store, days) as files, turn() as cursor:
                try:
                    return work(cursor, files)
                except READ_ERRORS as error:
                    self._database.prepare_retry(error, attempt)
        raise AssertionError("unreachable")

    def _next_attempt(self, failed: Exception, attempt: int, rows: Sequence[Listed]) -> int:
        """The number of the next try, the first where a file was found to be damaged; else raise at the last."""
        try:
            self._database.prepare_retry(failed, attempt)
        except (*READ_ERRORS, StoreUnavailableError, QueryTooLargeError) as error:
            # A damaged file rarely exhausts the memory, so a large range is not examined for that.
            if isinstance(error, duckdb.InterruptException) or (
                isinstance(error, QueryTooLargeError) and not fits(rows, portion_bytes(self._database.memory_mb))
            ):
                raise
            if not self.damage.examine(rows, str(failed)):
                raise
            return 0
        return attempt + 1

    def _cached(self, dependencies: object, compute: Callable[[], QueryResult]) -> QueryResult:
        """A result from the cache, or computed; its omitted files are noted for the current request.

        A request that measures its memory is computed.
        """
        key = hashlib.blake2b(repr(dependencies).encode(), digest_size=16).digest()
        answer = compute() if memory_peak() else self.cache.get(key, compute, QueryResult.size)
        note(answer.omitted)
        return answer


class _OfRollups(TypedDict):
    """The choice of rollup rows that a snapshot reads."""

    rolled: bool
    dimensions: tuple[str, ...]
    dated: frozenset[str]


def _of_rollups(query: GroupQuery) -> _OfRollups:
    dimensions = query.rollup_dimensions
    dated = frozenset(each.rollup_dimension or "" for each in query.groupings if each.is_dated)
    return {"rolled": dimensions is not None, "dimensions": dimensions or (), "dated": dated}


def _uses_visits(query: GroupQuery, statement: GroupStatement) -> bool:
    """True where visits files may answer days; of what rollups answer without a filter they have the same days."""
    is_rolled = query.filters is None and query.rollup_dimensions is not None
    return not is_rolled and query.period.since is None and visits_suffice_for(statement)
