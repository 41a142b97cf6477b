"""Executor of statements over a snapshot's files and pending events, in portions."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from datetime import date, datetime
from functools import partial
from itertools import pairwise
from typing import Any, TypeVar

import pyarrow as pa

from mallard.engine.base import PENDING
from mallard.engine.cancellation import current_stop
from mallard.engine.duckdb.cursors import Cursor
from mallard.engine.duckdb.damaged_files import DamagedFiles
from mallard.engine.duckdb.database import Database
from mallard.engine.duckdb.group_sums import GroupSums, are_few, page_of
from mallard.engine.duckdb.merge import group_schema, merges
from mallard.engine.duckdb.plan import Plan, Portion, parts_of, portion_bytes, portions
from mallard.engine.duckdb.rolled_rows import rolled_rows
from mallard.engine.duckdb.snapshot import OpenSnapshot
from mallard.engine.sql.conditions import Conditions
from mallard.engine.sql.group_statement import GroupStatement
from mallard.engine.sql.local_hours import LocalHours, local_hours
from mallard.engine.sql.statement import BEGINNING, rows_sql
from mallard.engine.sql.texts import sql_file
from mallard.engine.sql.visits_grouping import needs_start, visits_grouping_sql
from mallard.engine.visitor_query import VisitorQuery
from mallard.errors import DamagedSegmentError, StoreUnavailableError
from mallard.sites.settings_store import SiteSettingsStore
from mallard.stats.date_range import DateRange
from mallard.stats.dimensions import OTHER
from mallard.stats.grouping import Grouping, GroupQuery
from mallard.stats.query import Query
from mallard.store.base import Listed
from mallard.table.duckdb_files import READ_ERRORS
from mallard.table.layout import date_in, key_in

BATCH_ROWS = 32_768
END = datetime(9999, 12, 31)  # noqa: DTZ001  # naive UTC, as the table's timestamps

C = TypeVar("C")


class Executor:
    """Runs the statements of queries on one database."""

    def __init__(self, database: Database, damage: DamagedFiles, site_settings: SiteSettingsStore) -> None:
        self._database = database
        self._damage = damage
        self._site_settings = site_settings

    def group(
        self, query: GroupQuery, statement: GroupStatement, snapshot: OpenSnapshot
    ) -> tuple[tuple[list[dict[str, Any]], int], ...]:
        """The rows of each grouping's page, and how many there are on all pages."""
        plan, groupings = snapshot.plan, query.groupings
        rolled = _rolled_of(query, plan)
        if not plan.reads_files and all(map(merges, groupings)) and are_few(rolled.values()):
            # Without a turn: rollups answer while all places are taken.
            pages = [
                page_of(rolled.get(number, group_schema(each).empty_table()), each)
                for number, each in enumerate(groupings)
            ]
            return _with_rests(pages, groupings, plan)
        with self._database.cursor() as cursor:
            sums = GroupSums(cursor, groupings, rolled)
            run = partial(self._run_group, query, statement, sums)
            run_visits = partial(self._run_of_visits, query, statement, sums)
            self._walk(snapshot, statement.columns, run, run_visits)
            with self._database.turn(cursor):
                return _with_rests(map(sums.rows, range(len(groupings))), groupings, plan)

    def _run_group(
        self,
        query: GroupQuery,
        statement: GroupStatement,
        sums: GroupSums,
        only: Set[str] | None,
        portion: Portion,
        files: Sequence[str],
        pending: pa.Table,
    ) -> None:
        sql, bound = statement.sql(
            has_files=bool(files), has_waiting=pending.num_rows > 0, in_parts=portion.parts > 1, only=only
        )
        with self._database.turn(sums.cursor) as cursor:
            cursor.register("pending", pending)
            values = {**_values(query.period, statement.conditions, files), **portion.values, **bound}
            if statement.recent:
                values["until"] = query.period.until
            if statement.needs_hours(only):
                hours = self._hours(query)
                cursor.register("hours", hours.table)
                values |= hours.values
            sums.add(sql, values)

    def _run_of_visits(
        self, query: GroupQuery, statement: GroupStatement, sums: GroupSums, files: Sequence[str]
    ) -> None:
        values = {**(statement.conditions.values if statement.conditions else {}), "visits": list(files)}
        if needs_start(statement):
            values["start"] = query.period.start
        with self._database.turn(sums.cursor):
            sums.add(visits_grouping_sql(statement), values)

    def visitor_query(
        self, visitor_query: VisitorQuery, conditions: Conditions | None, snapshot: OpenSnapshot
    ) -> list[pa.Table]:
        """The rows of each portion."""
        most, by_day, pending = portion_bytes(self._database.memory_mb), _by_day(snapshot.files), snapshot.pending
        together = self._together(snapshot, most)
        at_once = most * visitor_query.portions_at_once(conditions)
        beside = snapshot.visits.keys() - snapshot.plan.visits.keys()
        found = snapshot.plan.portions_with_visits(together, at_once, pending.num_rows, beside, snapshot.spanning)
        return [
            self._run_visitor_query(
                visitor_query,
                conditions,
                portion,
                _files_of(portion.days, by_day),
                pending if portion.with_waiting else pending.slice(0, 0),
                [snapshot.visits[day] for day in portion.visits],
            )
            for portion in found
        ]

    def _run_visitor_query(
        self,
        visitor_query: VisitorQuery,
        conditions: Conditions | None,
        portion: Portion,
        files: Sequence[str],
        pending: pa.Table,
        visits: list[str],
    ) -> pa.Table:
        waits = pending.num_rows > 0
        sql = visitor_query.statement(
            conditions, has_files=bool(files), has_waiting=waits, in_parts=portion.parts > 1, has_visits=bool(visits)
        )
        values = portion.values | dict(visitor_query.values)
        values |= {"visits": visits, **(conditions.values if conditions else {})} if visits else {}
        values |= _values(visitor_query.query.period, conditions, files) if files or waits or not visits else {}
        with self._database.turn() as cursor:
            cursor.register("pending", pending)
            return visitor_query.checked(cursor.execute(sql, values).to_arrow_table())

    def take_rows(
        self, query: Query, conditions: Conditions | None, take: Callable[[Any], None], snapshot: OpenSnapshot
    ) -> None:
        """Hand the rows of one day to ``take``, in record batches of PENDING and in order of time.

        A large day is sorted in slices of its time; with a filter at once, since its visits have to be put together.
        """
        sql = rows_sql(conditions, PENDING.names, has_files=bool(snapshot.files))
        self._together(snapshot, portion_bytes(self._database.memory_mb))
        values = _values(query.period, conditions, snapshot.files)
        with self._database.turn() as cursor:
            cursor.register("pending", snapshot.pending)
            slices = [{}] if conditions else self._slices(cursor, query.period, snapshot)
            for number, part in enumerate(slices):
                try:
                    # The order is known only when all is read: what a swap breaks breaks here, before the first batch.
                    found = cursor.execute(sql, {**values, **part})
                    for batch in found.to_arrow_reader(BATCH_ROWS):
                        take(batch.cast(PENDING))
                except (OSError, *READ_ERRORS) as error:
                    if number == 0 and not isinstance(error, OSError):
                        raise
                    current_stop().check()
                    # The rows before are taken, so nothing is read again; the next request names a damaged file.
                    self._damage.examine(_segments(snapshot), str(error))
                    raise StoreUnavailableError(f"The rows could not be read to their end: {error}.") from error

    def _slices(self, cursor: Cursor, period: DateRange, snapshot: OpenSnapshot) -> list[dict[str, datetime]]:
        """The values ``since`` and ``until`` of slices of a day's rows, about equal in bytes, in order of time."""
        since, until = period.since or BEGINNING, period.until or END
        size = sum(row.size_bytes for row in _segments(snapshot)) if snapshot.files else 0
        parts = parts_of(size, portion_bytes(self._database.memory_mb, len(PENDING)))
        if parts == 1:
            return [{"since": since, "until": until}]
        shares = [number / parts for number in range(1, parts)]
        values = {"files": list(snapshot.files), "shares": shares}
        ((bounds,),) = cursor.execute(sql_file("rows_slices"), values).fetchall()
        inner = sorted({each for each in bounds or () if since < each < until})
        return [{"since": begin, "until": end} for begin, end in pairwise([since, *inner, until])]

    def _walk(
        self,
        snapshot: OpenSnapshot,
        columns: int,
        run: Callable[[Set[str] | None, Portion, Sequence[str], pa.Table], None],
        run_visits: Callable[[Sequence[str]], None],
    ) -> None:
        """Run a statement that reads so many ``columns`` of events on every day that no rollup answers.

        ``run`` takes a portion of events, and the dimensions to count, None for all; ``run_visits`` visits files.
        """
        most = portion_bytes(self._database.memory_mb, columns)
        self._portions(snapshot, self._together(snapshot, most), partial(run, None), most)
        for portion_of_visits in snapshot.plan.visit_portions():
            run_visits([snapshot.visits[day] for day in portion_of_visits])
        for dimensions, days in snapshot.plan.capped.items():
            for portion in portions(days.items(), most):
                files = _files_of(portion.days, _by_day(snapshot.files))
                run(dimensions, portion, files, snapshot.pending.slice(0, 0))

    def _portions(
        self,
        snapshot: OpenSnapshot,
        together: Set[date],
        run: Callable[[Portion, Sequence[str], pa.Table], C],
        most: int,
    ) -> list[C]:
        """The results of ``run`` on the files and pending events of each portion of a plan, ``most`` bytes of it."""
        if not snapshot.plan.counts_events:
            return []
        by_day, pending = _by_day(snapshot.files), snapshot.pending
        return [
            run(portion, _files_of(portion.days, by_day), pending if portion.with_waiting else pending.slice(0, 0))
            for portion in snapshot.plan.portions(together, most, pending.num_rows)
        ]

    def _together(self, snapshot: OpenSnapshot, most: int) -> Set[date]:
        """The days whose visitors cannot be added up; all, where they fit into one portion of ``most`` bytes anyway.

        DamagedSegmentError where a file has a footer of another product: DuckDB would add its rows to ours. Local
        files were examined when they were opened.
        """
        fits = snapshot.plan.fits(most)
        if not snapshot.files or (fits and not any("://" in file for file in snapshot.files)):
            return snapshot.plan.days.keys()
        with self._database.turn() as cursor:
            found = cursor.execute(sql_file("spanning"), {"files": list(snapshot.files)}).fetchall()
        marked = {file for file, _ in found}
        foreign = {key_in(file) for file in snapshot.files if file not in marked}
        rows = [row for row in _segments(snapshot) if row.key in foreign]
        if rows and self._damage.examine(rows):
            raise DamagedSegmentError(rows[0].key, "its footer is not of this product")
        return snapshot.plan.days.keys() if fits else set(_by_day(file for file, spans_days in found if spans_days))

    def _hours(self, query: GroupQuery) -> LocalHours:
        return local_hours(self._site_settings.get(query.site_id).zones, query.period.start, query.period.end)


def _rolled_of(query: GroupQuery, plan: Plan) -> dict[int, pa.Table]:
    """The rows of rollups, by the number of their grouping."""
    found = {}
    for number, each in enumerate(query.groupings):
        name = each.rollup_dimension
        if name is not None and (rows := plan.rolled.counts(name)).num_rows:
            found[number] = rolled_rows(rows, each, query.period.start)
    return found


def _with_rests(
    pages: Iterable[tuple[list[dict[str, Any]], int]], groupings: Sequence[Grouping], plan: Plan
) -> tuple[tuple[list[dict[str, Any]], int], ...]:
    """The pages with the rows of the unknown values that rollups dropped, which stand last, whatever their numbers."""
    rests = [plan.rolled.rest(each.rollup_dimension) if each.with_rest else None for each in groupings]
    return tuple(
        ([*rows, {"key_0": OTHER, **rest, "is_rest": True}] if rest else rows, total)
        for (rows, total), rest in zip(pages, rests, strict=True)
    )


def _segments(snapshot: OpenSnapshot) -> list[Listed]:
    return [row for segments in snapshot.plan.read_days.values() for row in segments]


def _files_of(days: Iterable[date], by_day: Mapping[date, list[str]]) -> list[str]:
    return [file for day in days for file in by_day.get(day, ())]


def _values(period: DateRange, conditions: Conditions | None, files: Sequence[str]) -> dict[str, Any]:
    values: dict[str, Any] = {"start": period.start, "end": period.end, "since": period.since or BEGINNING}
    if conditions:
        # Visits are made of whole days; the condition says of which part of it the answer is.
        values |= {**conditions.values, "since": BEGINNING}
    return values | {"files": list(files)} if files else values


def _by_day(files: Iterable[str]) -> Mapping[date, list[str]]:
    found: dict[date, list[str]] = defaultdict(list)
    for file in files:
        if day := date_in(file):
            found[day].append(file)
    return found
