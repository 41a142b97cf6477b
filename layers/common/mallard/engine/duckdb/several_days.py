"""Counts of several small days in one statement, for their rollups and visits files."""

from collections.abc import Mapping, Sequence
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from mallard.engine.day_counter import DayCounts
from mallard.engine.duckdb.cursors import Cursor
from mallard.engine.duckdb.day_counts import COUNTED, DEFAULT, RollupBounds, as_counted
from mallard.engine.duckdb.day_visits import build_visits_by_date
from mallard.engine.sql.day_statement import several_days_sql
from mallard.engine.sql.local_hours import LocalHours
from mallard.engine.sql.statement import BEGINNING
from mallard.engine.sql.texts import sql_file
from mallard.stats.dimensions import DIMENSIONS
from mallard.stats.query import HOUR
from mallard.table.layout import date_in
from mallard.table.visits_file import VisitsFacts


def count_days(
    cursor: Cursor,
    files: Sequence[str],
    hours: LocalHours,
    fingerprints: Mapping[date, str],
    bounds: RollupBounds = DEFAULT,
) -> dict[date, DayCounts]:
    """The counts and visits of each of several days of a month, whose files these are.

    A day without events, or with more values than are kept, is left out. The tables it makes end with the cursor.
    """
    sql, values = several_days_sql(), {"files": list(files), "start": date.min, "end": date.max}
    footers = _footers(cursor, files)
    cursor.register("hours", hours.table)
    events, *others = sql.tables
    cursor.execute(events, {**values, "since": BEGINNING})
    for statement in others:
        cursor.execute(statement)
    rows = pa.concat_tables(
        _dated(cursor.execute(each, hours.values if name == HOUR else None).to_arrow_table())
        for name, each in sql.counts.items()
    )
    read = dict(cursor.execute(sql.rows, values).fetchall())
    days = set(pc.unique(rows["date"]).to_pylist()) - _beyond(rows, bounds)
    facts = {day: VisitsFacts(fingerprints[day], spans_days=footers[day][1]) for day in days}
    visits = build_visits_by_date(cursor, facts, hours)
    return {
        day: DayCounts(_of_day(rows, day), read[day], footers[day][0], facts[day].spans_days, visits[day])
        for day in days
    }


def _footers(cursor: Cursor, files: Sequence[str]) -> dict[date, tuple[int, bool]]:
    """The row counts of each day's footers, and a flag for visitor ids that live longer than the day."""
    found: dict[date, tuple[int, bool]] = {}
    for file, rows, spans_days in cursor.execute(sql_file("footers_by_file"), {"files": list(files)}).fetchall():
        day = date_in(file)
        assert day is not None
        before = found.get(day, (0, False))
        found[day] = (before[0] + rows, before[1] or spans_days)
    return found


def _dated(rows: pa.Table) -> pa.Table:
    return as_counted(rows).append_column("date", rows["date"])


def _beyond(rows: pa.Table, bounds: RollupBounds) -> set[date]:
    """The days with a dimension that has more values than are kept."""
    named = rows.filter(pc.is_in(rows["dimension"], value_set=pa.array(list(DIMENSIONS))))
    lengths = pc.fill_null(pc.binary_length(named["value"]), 0)
    sizes = named.append_column("bytes", lengths).group_by(["date", "dimension"])
    found = sizes.aggregate([("bytes", "sum"), ([], "count_all")])
    is_beyond = pc.or_(
        pc.greater(found["bytes_sum"], bounds.value_bytes), pc.greater(found["count_all"], bounds.values)
    )
    return set(found.filter(is_beyond)["date"].to_pylist())


def _of_day(rows: pa.Table, day: date) -> pa.Table:
    return rows.filter(pc.equal(rows["date"], pa.scalar(day, pa.date32()))).select(COUNTED.names)
