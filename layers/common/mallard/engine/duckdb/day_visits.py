"""The visits file of a day, from the tables of its rollup."""

from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from mallard.engine.duckdb.cursors import Cursor
from mallard.engine.sql.local_hours import LocalHours
from mallard.engine.sql.visits_build import VisitsSql, visits_file_sql
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


def _row_groups(cursor: Cursor, parts: Iterable[object], hours: LocalHours) -> Iterator[pa.Table]:
    """Rows of one row group at a time: no more is held outside of DuckDB."""
    sql, numbered = visits_file_sql(), 0
    for _ in parts:
        cursor.execute(sql.numbered)
        for statement in sql.of_hours:
            cursor.execute(statement, hours.values)
        rows, *events = cursor.execute(sql.check).fetchall()[0]
        if len(set(events)) != 1:
            raise DamagedObjectError(VISITS)
        for group in _groups_of_part(cursor, sql, rows):
            place = group.column_names.index("number")
            numbers = pc.add(group["number"], pa.scalar(numbered, pa.int32()))
            yield group.set_column(place, "number", numbers)
        numbered += rows
        for statement in sql.drop:
            cursor.execute(statement)


def _groups_of_part(cursor: Cursor, sql: VisitsSql, rows: int) -> Iterator[pa.Table]:
    for begin in range(0, rows, ROW_GROUP_ROWS):
        values = {"begin": begin, "end": begin + ROW_GROUP_ROWS}
        visits = cursor.execute(sql.rows, values).to_arrow_table()
        yield with_steps(visits, cursor.execute(sql.steps, values).to_arrow_table())
