"""Queries with custom SQL over visitors' events, whose rows are summed over all portions."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mallard.engine.sql.conditions import Conditions
from mallard.engine.sql.statement import CountStatement, visitor_events_sql
from mallard.engine.sql.visits_count import knows_columns
from mallard.engine.sql.visits_of_visitors import events_of_visits_sql, united_days_sql, visitor_days_sql
from mallard.errors import QueryTooLargeError
from mallard.stats.dimensions import DIMENSIONS
from mallard.stats.query import Query

LIGHT = 4


class VisitsUse(Enum):
    """The use of visits files: none, in place of the events of their days, or beside these."""

    NONE = auto()
    IN_PLACE = auto()
    BESIDE = auto()


MAX_ROWS = 500_000
"""Of a portion, some 200 MB as dictionaries: a funnel of ten steps by 50,000 values."""


@dataclass(frozen=True, slots=True)
class TopValues:
    """The most values of the key ``value`` that are wanted: those with the largest sum of ``weight``, then by value.

    ``where``: of the rows alone that have this in a column; a value without such rows has 0.
    """

    limit: int
    weight: str
    where: tuple[str, object] | None = None

    def of(self, rows: pa.Table) -> pa.Table:
        """The rows of those values."""
        weighed = rows
        if self.where is not None:
            weight = pc.if_else(pc.equal(rows[self.where[0]], self.where[1]), rows[self.weight], 0)
            weighed = rows.set_column(rows.column_names.index(self.weight), self.weight, weight)
        weights = weighed.group_by("value", use_threads=False).aggregate([(self.weight, "sum")])
        ordered = weights.sort_by([(f"{self.weight}_sum", "descending"), ("value", "ascending")])
        return rows.filter(pc.is_in(rows["value"], value_set=ordered["value"].slice(0, self.limit).combine_chunks()))


@dataclass(frozen=True, slots=True)
class TopOfGroups:
    """The most rows of each combination of the keys ``within``: those with the largest ``weight``, then by ``value``.

    The row of a group whose value is missing stays besides.
    """

    limit: int
    weight: str
    value: str
    within: tuple[str, ...] = ()

    def of(self, rows: pa.Table) -> pa.Table:
        """Those rows."""
        order = [*((name, "ascending") for name in self.within), (self.weight, "descending"), (self.value, "ascending")]
        ordered = rows.filter(pc.is_valid(rows[self.value])).sort_by(order)
        places = pa.array(range(ordered.num_rows), pa.int64())
        begins = pc.equal(places, 0)
        for name in self.within:
            keys = ordered[name].combine_chunks()
            differs = pc.not_equal(keys.slice(1), keys.slice(0, max(0, len(keys) - 1)))
            begins = pc.or_(begins, pa.concat_arrays([pa.array([True] * min(1, len(keys)), pa.bool_()), differs]))
        first = pc.cumulative_max(pc.if_else(begins, places, 0))
        kept = ordered.filter(pc.less(pc.subtract(places, first), self.limit))
        return pa.concat_tables([kept, rows.filter(pc.is_null(rows[self.value]))])


@dataclass(frozen=True, slots=True)
class VisitorQuery:
    """``query`` says of which site, range and filter, and by which dimension the events' ``value`` is (TOTAL: NULL).

    ``sql`` is a SELECT over the table ``visitor_events``: the events of visitors that pass, in no order, pings left
    out, with ``date, visitor_id, timestamp, ordinal, event_name``, the ``columns`` asked for, and ``value``;
    ``timestamp`` and ``ordinal`` are the order of a visitor's events. Its result has the columns ``keys``, which tell
    rows apart, and numbers (BIGINT or DOUBLE), which are added up over portions. No visitor is in two of them: days are
    read apart only where no visitor id outlives its day, and else cut by a hash of the visitor.
    ``pings``: engagement pings of those visitors' visits are rows of ``visitor_events``, too, where the filter holds of
    them as of an event of that name. ``values`` are bound, by name; those beginning with f are the filter's.
    ``patterns`` are the regular expressions among them. ``top`` leaves out other values or rows. ``of_days``: the
    SELECT looks at no more than ``date``, ``visitor_id`` and ``value``, and at whether there is a row with them.
    """

    query: Query
    sql: str
    keys: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    values: tuple[tuple[str, object], ...] = ()
    patterns: tuple[str, ...] = ()
    top: TopValues | TopOfGroups | None = None
    pings: bool = False
    of_days: bool = False

    def use_of_visits(self, conditions: Conditions | None) -> VisitsUse:
        """The use of visits files under these conditions."""
        if self.pings or self.query.period.since is not None or not (conditions is None or knows_columns(conditions)):
            return VisitsUse.NONE
        if self.of_days:
            return VisitsUse.IN_PLACE
        return VisitsUse.BESIDE if conditions or self._is_by_visit else VisitsUse.NONE

    @property
    def _is_by_visit(self) -> bool:
        dimension = DIMENSIONS.get(self.query.dimension)
        return dimension is not None and dimension.of_visit

    def portions_at_once(self, conditions: Conditions | None) -> int:
        """The number of portions it may read together, where each event is tested alone.

        That saves as many plans of a long statement; visits have to be put together from all events, which takes room.
        """
        return LIGHT if conditions is None and not self._is_by_visit and not self.pings else 1

    def statement(
        self,
        conditions: Conditions | None,
        *,
        has_files: bool,
        has_waiting: bool,
        in_parts: bool = False,
        has_visits: bool = False,
    ) -> str:
        """The whole text, over segments, pending events, both, or neither; ``in_parts`` as of CountStatement.

        ``has_visits``: also over visits files, in the way that ``use_of_visits`` says.
        """
        count = CountStatement({self.query.dimension: ()}, conditions, also=self.columns, in_parts=in_parts)
        events = ""
        if has_visits and not self.of_days:
            events = events_of_visits_sql(count)
        elif has_files or has_waiting or not has_visits:
            events = visitor_events_sql(count, has_files=has_files, has_waiting=has_waiting, pings=self.pings)
        if has_visits and self.of_days:
            events = united_days_sql(visitor_days_sql(count), events)
        return f"WITH\n{events}\nSELECT * FROM (\n{self.sql}\n)\nLIMIT {MAX_ROWS + 1}"

    def checked(self, rows: pa.Table) -> pa.Table:
        """The rows of a portion. QueryTooLargeError where they are too many to be added up."""
        if rows.num_rows > MAX_ROWS:
            name = self.query.dimension
            raise QueryTooLargeError(
                f"The report has over {MAX_ROWS:,} rows of {name}; ask for fewer days, or with a filter."
            )
        return rows

    def added_up(self, parts: Sequence[pa.Table]) -> list[dict[str, Any]]:
        """The rows of all portions, one for each of the ``keys``, in their order; without keys one, or none."""
        parts = [part for part in parts if part.num_rows]
        if not parts:
            return []
        # A column that is null throughout a portion may have another type there.
        rows = pa.concat_tables(parts, promote_options="permissive")
        sums = [name for name in rows.column_names if name not in self.keys]
        summed = rows.group_by(list(self.keys), use_threads=False).aggregate([(name, "sum") for name in sums])
        summed = summed.rename_columns([*self.keys, *sums])
        if self.top:
            # Before they are made Python rows: a report shows a thousand at most.
            summed = self.top.of(summed)
        ordered = summed.sort_by([(name, "ascending") for name in self.keys]) if self.keys else summed
        found: list[dict[str, Any]] = ordered.to_pylist()
        return found
