"""Counts of one day for its rollup: top values per dimension, and the rest."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from mallard.engine.day_counter import DayCounts
from mallard.engine.duckdb.cursors import Cursor
from mallard.engine.duckdb.day_parts import DayParts
from mallard.engine.duckdb.day_visits import build_visits
from mallard.engine.sql.day_statement import DaySql, day_parts_sql, day_sql
from mallard.engine.sql.local_hours import LocalHours
from mallard.engine.sql.statement import BEGINNING
from mallard.engine.sql.texts import sql_file
from mallard.table.rollup import FACTS, MAX_VALUE_BYTES, MAX_VALUES, MEASURED, SCHEMA
from mallard.table.visits_file import VisitsFacts

COUNTED = pa.schema([each for each in SCHEMA if each.name not in ("date", *FACTS)])
"""The counted columns of ``rollup.SCHEMA``; the builder adds the others."""


@dataclass(frozen=True, slots=True)
class RollupBounds:
    """The most that is kept of a dimension and day."""

    values: int = MAX_VALUES
    value_bytes: int = MAX_VALUE_BYTES


DEFAULT = RollupBounds()


def count_day(
    cursor: Cursor,
    files: Sequence[str],
    hours: LocalHours,
    bounds: RollupBounds = DEFAULT,
    fingerprint: str = "",
    parts: int = 1,
) -> DayCounts:
    """The counts of a day's files, in so many parts of its visitors, and its visits where it gets a ``fingerprint``.

    The tables it makes end with the cursor.
    """
    sql = day_sql(bounds.values)
    footers = cursor.execute(sql_file("footers"), {"files": list(files)}).fetchall()[0]
    values = {"files": list(files), "start": date.min, "end": date.max}
    cursor.register("hours", hours.table)
    facts = VisitsFacts(fingerprint, spans_days=bool(footers[1]))
    if parts > 1:
        day = DayParts(cursor, day_parts_sql(bounds.values), {**values, "since": BEGINNING}, hours.values, parts)
        visits = _visits(cursor, day.count(), facts, hours)
        rows = pa.concat_tables(_of_parts(day, bounds))
    else:
        events, *others = sql.tables
        cursor.execute(events, {**values, "since": BEGINNING})
        for statement in others:
            cursor.execute(statement)
        rows = pa.concat_tables(_dimensions(cursor, sql, hours, bounds))
        visits = _visits(cursor, (0,), facts, hours)
    read = cursor.execute(sql.rows, values).fetchall()[0][0]
    return DayCounts(rows, int(read), int(footers[0]), facts.spans_days, visits)


def _visits(cursor: Cursor, parts: Iterable[int], facts: VisitsFacts, hours: LocalHours) -> bytes | None:
    """The day's visits where they have a fingerprint; all ``parts`` are gone through."""
    if facts.fingerprint:
        return build_visits(cursor, parts, facts, hours)
    for _ in parts:
        pass
    return None


def _dimensions(cursor: Cursor, sql: DaySql, hours: LocalHours, bounds: RollupBounds) -> Iterator[pa.Table]:
    yield as_counted(cursor.execute(sql.total).to_arrow_table())
    yield as_counted(cursor.execute(sql.hours, hours.values).to_arrow_table())
    # One after the other: only one dimension's values are in memory.
    for name, statement in sql.most_seen.items():
        found = cursor.execute(statement).to_arrow_table()
        kept = found.slice(0, _fitting(found["value"], bounds))
        yield as_counted(kept)
        if kept.num_rows < found.num_rows:
            cursor.register("kept", kept.select(["value"]))
            yield as_counted(cursor.execute(sql.rest[name]).to_arrow_table(), is_rest=True)
            cursor.unregister("kept")


def _of_parts(day: DayParts, bounds: RollupBounds) -> Iterator[pa.Table]:
    yield from map(as_counted, day.whole())
    capped: dict[str, pa.Table] = {}
    for name, found in day.most_seen():
        kept = found.slice(0, _fitting(found["value"], bounds))
        yield as_counted(kept)
        if kept.num_rows < found.num_rows:
            capped[name] = kept.select(["value"])
    if capped:
        for rest in day.rest(capped):
            yield as_counted(rest, is_rest=True)


def _fitting(values: pa.ChunkedArray, bounds: RollupBounds) -> int:
    """The number of the first values that are within the bounds."""
    lengths = pc.fill_null(pc.cast(pc.binary_length(values), pa.int64()), 0)
    fitting = pc.sum(pc.less_equal(pc.cumulative_sum(lengths), bounds.value_bytes)).as_py() or 0
    return min(int(fitting), bounds.values)


def as_counted(rows: pa.Table, *, is_rest: bool = False) -> pa.Table:
    """The rows of a dimension in the columns COUNTED."""
    for name in MEASURED:
        if name not in rows.column_names:
            # A dimension of events has no measures of visits.
            rows = rows.append_column(name, pa.repeat(0, rows.num_rows))
    return rows.append_column("is_rest", pa.repeat(is_rest, rows.num_rows)).select(COUNTED.names).cast(COUNTED)
