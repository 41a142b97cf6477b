"""The visits file of a day, from the tables of its rollup."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from mallard.engine.duckdb.cursors import Cursor
from mallard.engine.sql.local_hours import LocalHours
from mallard.engine.sql.visits_build import DAY_NUMBERS, VisitsSql, visits_file_sql
from mallard.errors import DamagedObjectError
from mallard.table.visits_file import ROW_GROUP_ROWS, VISITS, VisitsFacts, with_steps, write_visits


def build_visits(cursor: Cursor, parts: Iterable[object], facts: VisitsFacts, hours: LocalHours) -> bytes:
    """The bytes of the file. The cursor has the table ``hours``, and the tables ``event`` and ``visit`` of each of the
    ``parts`` of the day while that is the current one; all parts are gone through.
    """
    groups = _row_groups(cursor, parts, hours)
    data = write_visits(groups, facts)
    # A file that grows too large is given up, and the parts behind are counted all the same.
    for _ in groups:
        pass
    return data


def build_visits_by_date(cursor: Cursor, facts: Mapping[date, VisitsFacts], hours: LocalHours) -> dict[date, bytes]:
    """The bytes of the file of each of several small days of a month, of which the cursor has the tables."""
    sql = visits_file_sql(by_date=True)
    _number(cursor, sql, hours)
    values = {"begin": 0, "end": 32 * DAY_NUMBERS - 1}
    visits = cursor.execute(sql.rows, values).to_arrow_table()
    rows = with_steps(visits, cursor.execute(sql.steps, values).to_arrow_table())
    found = {}
    for day, of_day in facts.items():
        group = rows.filter(pc.equal(rows["date"], pa.scalar(day, pa.date32())))
        numbers = pa.array(range(group.num_rows), pa.int32())
        found[day] = write_visits([group.set_column(group.column_names.index("number"), "number", numbers)], of_day)
    return found


def _row_groups(cursor: Cursor, parts: Iterable[object], hours: LocalHours) -> Iterator[pa.Table]:
    """Rows of one row group at a time: no more is held outside of DuckDB."""
    sql, numbered = visits_file_sql(), 0
    for _ in parts:
        rows = _number(cursor, sql, hours)
        for group in _groups_of_part(cursor, sql, rows):
            place = group.column_names.index("number")
            numbers = pc.add(group["number"], pa.scalar(numbered, pa.int32()))
            yield group.set_column(place, "number", numbers)
        numbered += rows
        for statement in sql.drop:
            cursor.execute(statement)


def _number(cursor: Cursor, sql: VisitsSql, hours: LocalHours) -> int:
    """Make the tables of rows and steps; the number of rows. DamagedObjectError where they lack events."""
    cursor.execute(sql.numbered)
    for statement in sql.of_hours:
        cursor.execute(statement, hours.values)
    rows, *events = cursor.execute(sql.check).fetchall()[0]
    if len(set(events)) != 1:
        raise DamagedObjectError(VISITS)
    return int(rows)


def _groups_of_part(cursor: Cursor, sql: VisitsSql, rows: int) -> Iterator[pa.Table]:
    for begin in range(0, rows, ROW_GROUP_ROWS):
        values = {"begin": begin, "end": begin + ROW_GROUP_ROWS}
        visits = cursor.execute(sql.rows, values).to_arrow_table()
        yield with_steps(visits, cursor.execute(sql.steps, values).to_arrow_table())
