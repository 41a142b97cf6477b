"""The visits file of a day, from the tables of its rollup."""

from collections.abc import Iterator

import pyarrow as pa

from mallard.engine.duckdb.cursors import Cursor
from mallard.engine.sql.local_hours import LocalHours
from mallard.engine.sql.visits_build import VisitsSql, visits_file_sql
from mallard.errors import DamagedObjectError
from mallard.table.visits_file import ROW_GROUP_ROWS, VISITS, VisitsFacts, with_steps, write_visits


def build_visits(cursor: Cursor, facts: VisitsFacts, hours: LocalHours) -> bytes:
    """The bytes of the file. The cursor has the tables ``event`` and ``visit`` of the day, and ``hours``."""
    sql = visits_file_sql()
    cursor.execute(sql.numbered)
    for statement in sql.of_hours:
        cursor.execute(statement, hours.values)
    rows, *events = cursor.execute(sql.check).fetchall()[0]
    if len(set(events)) != 1:
        raise DamagedObjectError(VISITS)
    return write_visits(_row_groups(cursor, sql, rows), facts)


def _row_groups(cursor: Cursor, sql: VisitsSql, rows: int) -> Iterator[pa.Table]:
    """Rows of one row group at a time: no more is held outside of DuckDB."""
    for begin in range(0, rows, ROW_GROUP_ROWS):
        values = {"begin": begin, "end": begin + ROW_GROUP_ROWS}
        visits = cursor.execute(sql.rows, values).to_arrow_table()
        yield with_steps(visits, cursor.execute(sql.steps, values).to_arrow_table())
