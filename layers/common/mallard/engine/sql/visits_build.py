"""Statements that make a day's visits file of the tables of its rollup."""

from dataclasses import dataclass
from functools import cache

from mallard.engine.sql.count_select import present_value
from mallard.engine.sql.local_hours import MOMENT_OF_HOUR, hours_lookup
from mallard.engine.sql.statement import MOMENT
from mallard.engine.sql.texts import sql_file
from mallard.stats.dimensions import DIMENSIONS
from mallard.table.visits_file import FIRST_EVENT, SORTED_BY

_HOUR = f"CAST({MOMENT_OF_HOUR} AS TIMESTAMP_MS)"


@dataclass(frozen=True, slots=True)
class VisitsSql:
    """``numbered`` is made of the table ``visit``; ``of_hours`` of ``event`` and of LocalHours, whose values they bind.

    ``check`` gives a number of rows, and three equal numbers. ``rows`` and ``steps`` are those of the file with a
    ``number`` from ``begin`` until before ``end``, in its order. ``drop`` removes the tables.
    """

    numbered: str
    of_hours: tuple[str, ...]
    check: str
    rows: str
    steps: str
    drop: tuple[str, ...] = ("DROP TABLE numbered", "DROP TABLE anonymous", "DROP TABLE step")

    def __str__(self) -> str:
        """All of the text."""
        return "\n".join([self.numbered, *self.of_hours, self.check, self.rows, self.steps])


DAY_NUMBERS = 1 << 26
"""Of the rows of one day of a month, in the tables of several: 31 times as many fit the column."""


@cache
def visits_file_sql(*, by_date: bool = False) -> VisitsSql:
    """The statements. ``by_date``: the tables are of several days of a month, whose numbers begin at DAY_NUMBERS times
    the day of the month, and have gaps.
    """
    order = ", ".join(SORTED_BY)
    begin, number = "", "row_number() OVER ()"
    is_only = "visitor_id NOT IN (SELECT visitor_id FROM visit WHERE visit_number > 1)"
    if by_date:
        begin, number = f"day(date) * {DAY_NUMBERS} + ", f"row_number() OVER (ORDER BY {order}, visit_number)"
        is_only = "count(*) OVER (PARTITION BY date, visitor_id) = 1"
    page = DIMENSIONS["pages"]
    return VisitsSql(
        sql_file("visits_numbered").format(
            number=f"{begin}{number}",
            is_only=is_only,
            order=order,
            opening=", ".join(f"opening.{each} AS {each}" for each in FIRST_EVENT),
        ),
        (
            sql_file("visits_anonymous").format(
                begin=begin,
                order=order,
                first=", ".join(FIRST_EVENT),
                hour=_HOUR,
                lookup=hours_lookup("event"),
            ),
            sql_file("visits_steps").format(
                moment=MOMENT, page=present_value(page, page.column), hour=_HOUR, lookup=hours_lookup("visited")
            ),
        ),
        sql_file("visits_check"),
        sql_file("visits_rows"),
        sql_file("visits_step_rows"),
    )
