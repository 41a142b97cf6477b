"""Answers: a glance at queue and listing, a plan, a look at the files, a count; another where a swap broke it."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from mallard.engine.cancellation import current_stop
from mallard.engine.duckdb.damaged_files import DamagedFiles, LeftOut, note, require_complete
from mallard.engine.duckdb.database import Database
from mallard.engine.duckdb.day_counts import DEFAULT, DayCounts, RollupBounds, count_day
from mallard.engine.duckdb.merge import merged
from mallard.engine.duckdb.plan import PORTION_BYTES, Plan, portions
from mallard.engine.duckdb.result_cache import ResultCache
from mallard.engine.duckdb.rollup_reader import RolledCounts, RollupReader
from mallard.engine.duckdb.sums import Sums
from mallard.engine.sql.conditions import Conditions, compile_filter, of_recent
from mallard.engine.sql.statement import (
    BEGINNING,
    CountStatement,
    counting_sql,
    hours_table,
    rows_sql,
)
from mallard.engine.sql.texts import sql_file
from mallard.engine.visitor_query import VisitorQuery
from mallard.errors import DamagedSegmentError, QueryTooLargeError, StoreUnavailableError
from mallard.sites.settings_store import SiteSettingsStore
from mallard.sites.time_zone import SiteZones
from mallard.stats.date_range import DateRange
from mallard.stats.dimensions import OTHER
from mallard.stats.query import HOUR, Query
from mallard.store.base import Listed, Store
from mallard.table.duckdb_files import READ_ATTEMPTS, READ_ERRORS
from mallard.table.layout import date_in, key_in, site_prefix
from mallard.table.reader import Days, first_day, list_days, open_files
from mallard.table.schema import EVENTS
from mallard.table.segment_cache import SegmentCache

BATCH_ROWS = 32_768
BYTES_OF_A_ROW = 600
"""In memory, its value apart."""

END = datetime(9999, 12, 31)  # noqa: DTZ001  # naive UTC, as the table's timestamps

WRITTEN_AHEAD = timedelta(minutes=15)
"""How much earlier than its event's timestamp a segment may seem written: batches come from up to five minutes ahead,
and clocks differ."""

PENDING = pa.schema([pa.field("date", pa.date32()), *EVENTS])
"""Pending events as rows: the table's columns and the partition's date."""

PendingEvents = Callable[[str], pa.Table]


@dataclass(frozen=True)
class QueryResult:
    """``rows`` of each query, ``{"value": …, measure: …}`` each, which way they were counted, and what is left out.

    ``events_from``: of earlier dates of the range some have counts and no events any more.
    """

    rows: tuple[list[dict[str, Any]], ...]
    counted: dict[str, int]
    left_out: tuple[LeftOut, ...] = ()
    events_from: date | None = None

    def size(self) -> int:
        """About how many bytes."""
        texts = (each for rows in self.rows for row in rows for each in row.values() if isinstance(each, str))
        return BYTES_OF_A_ROW * sum(map(len, self.rows)) + sum(map(len, texts))


@dataclass(frozen=True)
class Snapshot:
    """A snapshot of queue and listing for a range: the plan, the pending events, and damaged files left out."""

    plan: Plan
    pending: pa.Table
    left_out: tuple[LeftOut, ...]

    def fingerprint(self) -> str:
        """Another where an answer could be another."""
        left_out = " ".join(each.file for each in self.left_out)
        return self.plan.fingerprint(self.pending["event_id"].to_pylist()) + left_out

    def of(self, period: DateRange) -> "Snapshot":
        """What it says of a part of its range that no rollup answers."""
        days = {day: segments for day, segments in self.plan.days.items() if period.start <= day < period.end}
        waiting = {day for day in self.plan.waiting if period.start <= day < period.end}
        left_out = tuple(each for each in self.left_out if period.start <= each.date < period.end)
        gone = {day for day in self.plan.gone if period.start <= day < period.end}
        return Snapshot(Plan(RolledCounts(), days, waiting, gone), _within(self.pending, period), left_out)


@dataclass(frozen=True)
class OpenSnapshot(Snapshot):
    """A glance with the files of the days to count, which are held."""

    files: tuple[str, ...]


T = TypeVar("T")
C = TypeVar("C")


class DuckDBEngine:
    """Answers queries over one store and the queue's pending events."""

    def __init__(
        self,
        store: Store,
        pending: PendingEvents,
        *,
        memory_mb: int,
        threads: int,
        book: SiteSettingsStore | None = None,
        cache_seconds: float = 0,
        rounds_times: bool = False,
        bounds: RollupBounds = DEFAULT,
        strangers_apart: bool = False,
    ) -> None:
        """``pending`` gives a site's rows that wait in the queue, in the schema PENDING; answers are kept so long.

        ``rounds_times``: events are stored with their hour only, so that nothing can be said of the last minutes.
        ``bounds`` are those of rollups; ``strangers_apart`` as of Database.
        """
        self.store = store
        self.rounds_times = rounds_times
        self.cache = ResultCache(cache_seconds)
        self.book = book or SiteSettingsStore(store)
        self._pending = pending
        self._rollups = RollupReader(store)
        self._bounds = bounds
        self._pins = None if store.pins_are_cheap else SegmentCache(store)
        self._database = Database(store, memory_mb=memory_mb, threads=threads, strangers_apart=strangers_apart)
        self.damage = DamagedFiles(store, self._database.read_alone)

    def answer(self, queries: Sequence[Query]) -> QueryResult:
        """All of one site, range and filter: one look at queue and table serves them, and one count of the events.

        QueryError where the filter is wrong; QueryTooLargeError over the memory; StoreUnavailableError.
        """
        first = queries[0]
        assert all(
            (each.site_id, each.period, each.filters, each.events_only)
            == (first.site_id, first.period, first.filters, first.events_only)
            for each in queries
        )
        conditions = self._conditions(first, of_visits=any(each.of_visits for each in queries))
        count = CountStatement(
            _measures(queries), conditions, recent=conditions is None and first.period.since is not None
        )

        glance = self._glance(first, dimensions=count.dimensions)

        def counted() -> QueryResult:
            self._database.check_patterns(conditions.patterns if conditions else ())
            work = partial(self._count, queries, count)
            seen, rows = self._look(first, work, glance, dimensions=count.dimensions)
            return QueryResult(rows, seen.plan.explain(), seen.left_out, seen.plan.events_from)

        # Kept under all that it depends on: to know that takes a listing, but no look at an event.
        depends = (tuple(queries), conditions, self.zones(first.site_id), glance.fingerprint())
        return self._kept(depends, counted)

    def rows(self, query: Query, take: Callable[[Any], None]) -> Iterator[date]:
        """Hand the rows that a query is about to ``take``, in record batches of PENDING and in order of time.

        Yields each date that is through, and holds nothing of the table meanwhile. Engagement pings are rows too
        where there is no filter. Errors as of ``answer``, before the first batch of a date or at some later one.
        """
        conditions, glance = self._conditions(query), self._glance(query, rolled=False)
        self._database.check_patterns(conditions.patterns if conditions else ())
        for day in sorted({*glance.plan.days, *glance.plan.waiting}):
            period = replace(query.period, start=day, end=day + timedelta(days=1))
            one = replace(query, period=period)
            work = partial(self._take, one, conditions, take)
            self._look(one, work, glance.of(period), rolled=False, complete=True)
            yield day

    def study(self, asked: VisitorQuery) -> QueryResult:
        """The rows of a study, those of all portions added up. Errors as of ``answer``."""
        query = asked.query
        conditions = self._conditions(query, of_visits=True)
        glance = self._glance(query, rolled=False)
        patterns = (*asked.patterns, *(conditions.patterns if conditions else ()))

        def counted() -> QueryResult:
            self._database.check_patterns(patterns)
            run, times = partial(self._run_study, asked, conditions), asked.portions_at_once(conditions)
            seen, parts = self._look(query, lambda look: self._portions(look, run, times), glance, rolled=False)
            return QueryResult((asked.added_up(parts),), seen.plan.explain(), seen.left_out, seen.plan.events_from)

        depends = (asked, conditions, self.zones(query.site_id), glance.fingerprint())
        return self._kept(depends, counted)

    def zones(self, site_id: str) -> SiteZones:
        """The site's time zones."""
        return self.book.get(site_id).zones

    def is_new(self, site_id: str) -> bool:
        """True where no day of the site has begun: nothing is stored of one, and no event waits."""
        return not (self._pending(site_id).num_rows or self.book.has_begun(site_id))

    def first_date(self, site_id: str, today: date) -> date:
        """The first date with events, today where there are none."""
        pending = self._pending(site_id)["date"].to_pylist()
        rolled = self._rollups.first_date(site_id)
        stored = first_day(self.store, site_id)
        return min([*(day for day in (stored, rolled) if day), *pending], default=today)

    def count_day(self, segments: tuple[Listed, ...], hours: pa.Table) -> DayCounts:
        """A day's counts for its rollup, from its events.

        ``segments`` is the whole day as listed, ``hours`` the moments its hours begin. DamagedSegmentError where one of
        them is damaged: each is read whole first.
        """
        self.damage.require_sound(segments)
        for attempt in range(READ_ATTEMPTS):
            with open_files(self.store, [segments]) as files, self._database.own_cursor() as cursor:
                try:
                    return count_day(cursor, files, hours, self._bounds)
                except READ_ERRORS as error:
                    self._database.look_again(error, attempt)
        raise AssertionError("unreachable")

    def close(self) -> None:
        """End the database."""
        self._database.close()
        if self._pins:
            self._pins.close()

    def forget(self) -> None:
        """Let go all that is kept of the table, on disk and in memory: after an erasure."""
        self.cache.clear()
        self.damage.forget()
        self._rollups.forget()
        if self._pins:
            self._pins.forget()

    def _conditions(self, query: Query, *, of_visits: bool = False) -> Conditions | None:
        """What its filter asks, and of what part of a day; QueryError where it is wrong."""
        conditions, since, until = None, query.period.since, query.period.until
        if query.filters is not None:
            conditions = compile_filter(query.filters, self.book.get(query.site_id).goals)
        if since is not None and until is not None and (conditions or of_visits):
            return of_recent(conditions, since, until)
        return conditions

    def _look(
        self,
        query: Query,
        work: Callable[[OpenSnapshot], T],
        glance: Snapshot | None = None,
        *,
        rolled: bool = True,
        complete: bool = False,
        dimensions: Sequence[str] | None = None,
    ) -> tuple[Snapshot, T]:
        """A glance, and what ``work`` makes of its files; by another glance where a swap or a damaged file broke it.

        ``complete``: DamagedSegmentError where a file would be left out.
        """
        attempt = 0
        while True:
            current_stop().check()
            seen = glance or self._glance(query, rolled=rolled, dimensions=dimensions)
            glance = None
            if complete:
                require_complete(seen.left_out)
            rows = [row for segments in seen.plan.read_days.values() for row in segments]
            with open_files(self.store, seen.plan.read_days.values(), self._pins) as files:
                suspects = self.damage.suspects(rows, files)
                try:
                    if not suspects:
                        return seen, work(OpenSnapshot(seen.plan, seen.pending, seen.left_out, files))
                    failed: Exception = duckdb.InvalidInputException("A file has no footer of this product.")
                except DamagedSegmentError:
                    # From now on it is known, and left out.
                    continue
                except READ_ERRORS as error:
                    failed = error
            found = bool(suspects) and self.damage.examine(suspects)
            attempt = 0 if found else self._next_attempt(failed, attempt, rows)

    def _next_attempt(self, failed: Exception, attempt: int, rows: Sequence[Listed]) -> int:
        """The number of the next try, the first where a file was found to be damaged; else raise at the last."""
        try:
            self._database.look_again(failed, attempt)
        except (*READ_ERRORS, StoreUnavailableError, QueryTooLargeError) as error:
            small = sum(row.size_bytes for row in rows) <= PORTION_BYTES
            # To ask for too much memory is rarely a file's doing: a large range is not read whole for that.
            if isinstance(error, duckdb.InterruptException) or (isinstance(error, QueryTooLargeError) and not small):
                raise
            if not self.damage.examine(rows, str(failed)):
                raise
            return 0
        return attempt + 1

    def _glance(self, query: Query, *, rolled: bool = True, dimensions: Sequence[str] | None = None) -> Snapshot:
        """By queue and listing of now. A filter needs the events, so does a part of a day, or one with some waiting.

        ``dimensions`` are those that the rollups are asked for, by default the query's own.
        """
        # The queue first, then the table: in the other order an event flushed in between is lost or counted twice.
        pending = _within(self._pending(query.site_id), query.period)
        waiting = frozenset(pending["date"].to_pylist())
        days = list_days(self.store, query.site_id, self._listed_from(query))
        if self._pins:
            listed = {row.key: row.version for segments in days.values() for row in segments}
            self._pins.forget_replaced(site_prefix(query.site_id), listed)
        counts, period = RolledCounts(), query.period
        uses_counts = rolled and query.filters is None and period.since is None
        if uses_counts or (period.since is None and _lacks_days(days, period)):
            counts = self._rollups.read(
                query.site_id,
                days,
                period,
                self.zones(query.site_id),
                dimensions=(dimensions or (query.dimension,)) if uses_counts else (),
                but=waiting,
                events_only=query.events_only,
            )
        gone, used = counts.gone, counts if uses_counts else RolledCounts()
        counted: Days = {
            day: segments
            for day, segments in days.items()
            if period.start <= day < period.end and day not in used.dates and day not in gone
        }
        if period.since is not None:
            counted = _written_since(counted, period.since)
        counted, left_out = self.damage.sort_out(counted)
        capped, left_out_of_capped = self.damage.sort_out({day: days[day] for day in used.capped})
        left_out += (*left_out_of_capped, *(LeftOut(day, key) for day, key in counts.damaged))
        return Snapshot(Plan(used, counted, waiting, gone, _by_dimensions(capped, used)), pending, left_out)

    def _listed_from(self, query: Query) -> date:
        """The first day to list: ``_lacks_days`` asks for one before the range, and cached segments are checked too."""
        first = max(query.period.start, date.min + timedelta(days=1)) - timedelta(days=1)
        cached = self._pins.first_key(site_prefix(query.site_id)) if self._pins else None
        return min(first, (cached and date_in(cached)) or first)

    def _kept(self, depends: object, counted: Callable[[], QueryResult]) -> QueryResult:
        """An answer that may be there already; the request's own answer says what is not in it."""
        key = hashlib.blake2b(repr(depends).encode(), digest_size=16).digest()
        answer = self.cache.get(key, counted, QueryResult.size)
        note(answer.left_out)
        return answer

    def _portions(self, look: OpenSnapshot, run: Callable[[Sequence[str], pa.Table], C], times: int = 1) -> list[C]:
        """What ``run`` makes of the files and the pending events of each portion of a plan, ``times`` as large."""
        if not look.plan.counts_events:
            return []
        by_day, pending, counted = _by_day(look.files), look.pending, []
        for days in look.plan.portions(self._together(look), times):
            read = _files_of(days, by_day)
            counted.append(run(read, pending))
            # The first portion has the days of what waits.
            pending = pending.slice(0, 0)
        return counted

    def _together(self, look: OpenSnapshot) -> frozenset[date]:
        """The days whose visitors cannot be added up; all, where they fit into one portion anyway."""
        if look.plan.size_bytes <= PORTION_BYTES or not look.files:
            return frozenset(look.plan.days)
        with self._database.turn() as cursor:
            found = cursor.execute(sql_file("spanning"), {"files": list(look.files)}).fetchall()
        marked = {file for file, _ in found}
        foreign = {key_in(file) for file in look.files if file not in marked}
        rows = [row for segments in look.plan.days.values() for row in segments if row.key in foreign]
        if rows and self.damage.examine(rows):
            raise DamagedSegmentError(rows[0].key, "its footer is not of this product")
        return frozenset(_by_day(file for file, spans_days in found if spans_days))

    def _count(
        self, queries: Sequence[Query], count: CountStatement, look: OpenSnapshot
    ) -> tuple[list[dict[str, Any]], ...]:
        """The rows of each query."""
        plan = look.plan
        if not plan.counts_events and not plan.capped:
            return tuple(self._merged(each, plan, plan.rolled.counts(each.dimension)) for each in queries)
        with self._database.cursor() as cursor:
            sums = Sums(cursor)
            self._portions(look, partial(self._run, queries[0], count, sums))
            for dimensions, days in plan.capped.items():
                some = CountStatement({name: count.measures[name] for name in sorted(dimensions)})
                for portion in portions(days.items(), PORTION_BYTES):
                    files = _files_of(portion, _by_day(look.files))
                    self._run(queries[0], some, sums, files, look.pending.slice(0, 0))
            with self._database.turn(cursor):
                return tuple(
                    self._merged(each, plan, sums.rows(each, plan.rolled.counts(each.dimension))) for each in queries
                )

    def _run(self, query: Query, count: CountStatement, sums: Sums, files: Sequence[str], pending: pa.Table) -> None:
        sql = counting_sql(count, has_files=bool(files), has_waiting=pending.num_rows > 0)
        values = _values(query.period, count.conditions, files) | (
            {"until": query.period.until} if count.recent else {}
        )
        with self._database.turn(sums.cursor) as cursor:
            cursor.register("pending", pending)
            if HOUR in count.dimensions:
                cursor.register("hours", self._hours(query))
            sums.add(sql, values)

    def _run_study(
        self, asked: VisitorQuery, conditions: Conditions | None, files: Sequence[str], pending: pa.Table
    ) -> pa.Table:
        sql = asked.statement(conditions, has_files=bool(files), has_waiting=pending.num_rows > 0)
        values = {**_values(asked.query.period, conditions, files), **dict(asked.values)}
        with self._database.turn() as cursor:
            cursor.register("pending", pending)
            return asked.checked(cursor.execute(sql, values).to_arrow_table())

    def _take(
        self, query: Query, conditions: Conditions | None, take: Callable[[Any], None], look: OpenSnapshot
    ) -> None:
        sql = rows_sql(conditions, PENDING.names, has_files=bool(look.files))
        with self._database.turn() as cursor:
            cursor.register("pending", look.pending)
            # The order is known only when all is read: what a swap breaks breaks here, before anything was taken.
            values = _values(query.period, conditions, look.files)
            found = cursor.execute(sql, values if conditions else {**values, "until": query.period.until or END})
            try:
                for batch in found.to_arrow_reader(BATCH_ROWS):
                    take(batch.cast(PENDING))
            except OSError as error:
                current_stop().check()
                raise StoreUnavailableError(f"The rows could not be read to their end: {error}.") from error

    def _hours(self, query: Query) -> pa.Table:
        return hours_table(self.zones(query.site_id), query.period.start, query.period.end)

    def _merged(self, query: Query, plan: Plan, counts: pa.Table) -> list[dict[str, Any]]:
        rows, rest = merged([counts], query), plan.rolled.rest(query.dimension)
        # Nobody can tell which values these were: they stand behind all others, whatever their number.
        return [*rows, {"value": OTHER, **rest, "is_rest": True}] if rest else rows


def _measures(queries: Iterable[Query]) -> dict[str, frozenset[str]]:
    """The names of the measures of each dimension that several queries are about."""
    found: dict[str, frozenset[str]] = {}
    for each in queries:
        found[each.dimension] = found.get(each.dimension, frozenset()) | set(each.measures)
    return found


def _by_dimensions(days: Days, rolled: RolledCounts) -> dict[frozenset[str], Days]:
    found: dict[frozenset[str], dict[date, tuple[Listed, ...]]] = defaultdict(dict)
    for day, segments in days.items():
        found[frozenset(rolled.capped[day])][day] = segments
    return dict(found)


def _files_of(days: Iterable[date], by_day: Mapping[date, list[str]]) -> list[str]:
    return [file for day in days for file in by_day.get(day, ())]


def _values(period: DateRange, conditions: Conditions | None, files: Sequence[str]) -> dict[str, Any]:
    values: dict[str, Any] = {"start": period.start, "end": period.end, "since": period.since or BEGINNING}
    if conditions:
        # Visits are made of whole days; the condition says of which part of it the answer is.
        values |= {**conditions.values, "since": BEGINNING}
    return values | {"files": list(files)} if files else values


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


def _by_day(files: Iterable[str]) -> Mapping[date, list[str]]:
    found: dict[date, list[str]] = defaultdict(list)
    for file in files:
        if day := date_in(file):
            found[day].append(file)
    return found
