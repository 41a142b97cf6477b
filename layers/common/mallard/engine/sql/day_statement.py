"""Statements that count a closed day for its rollup, and their hash."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from textwrap import indent

from mallard.engine.sql.count_select import count_select
from mallard.engine.sql.statement import CountStatement, every_sql, visits_sql
from mallard.engine.sql.texts import sql_file, with_sql
from mallard.engine.sql.visits_build import STARTS, visits_file_sql
from mallard.stats.dimensions import DIMENSIONS, TOTAL
from mallard.stats.metrics import MEASURES
from mallard.stats.query import HOUR
from mallard.table import rollup, visits_file
from mallard.table.rollup import MAX_VALUES


@dataclass(frozen=True, slots=True)
class DaySql:
    """The statements that count a day for its rollup: the very counts that reports make, of one dimension at a time.

    ``tables`` make the tables that the others read, ``rows`` is the number of rows that were read. ``hours`` reads the
    table of LocalHours and binds its values. Of a dimension of DIMENSIONS ``most_seen`` has one row more than are kept,
    at most, and ``rest`` one row for all values that are not in the table ``kept``.
    """

    tables: tuple[str, ...]
    rows: str
    total: str
    hours: str
    most_seen: Mapping[str, str]
    rest: Mapping[str, str]

    def __str__(self) -> str:
        """All of the text."""
        return "\n".join(
            [*self.tables, self.rows, self.total, self.hours, *self.most_seen.values(), *self.rest.values()]
        )


@cache
def day_sql(max_values: int = MAX_VALUES) -> DaySql:
    """That keeps so many values of a dimension."""
    count = CountStatement(dict.fromkeys((TOTAL, HOUR, *DIMENSIONS), tuple(MEASURES)), with_money=True)
    every = ",\n".join(every_sql(has_files=True, has_waiting=False))
    visits = ",\n".join([visits_sql(count, STARTS), sql_file("visit_all")])

    def most_seen(name: str) -> str:
        blank = DIMENSIONS[name].blank
        return sql_file("most_seen").format(counted=indent(select(name), "    "), blank=blank, limit=max_values + 1)

    def select(name: str, *, rest: bool = False) -> str:
        counted = count_select(name, count.measures_of(name), rest=rest)
        return sql_file("day_kept").format(counted=indent(counted, "    "))

    tables = (
        sql_file("day_events").format(ctes=every, columns=", ".join(count.columns)),
        sql_file("day_visits").format(ctes=visits),
        "CREATE TEMP VIEW matched AS SELECT * FROM event",
    )
    return DaySql(
        tables,
        with_sql([sql_file("stored")], sql_file("rows_read")),
        select(TOTAL),
        select(HOUR),
        {name: most_seen(name) for name in DIMENSIONS},
        {name: select(name, rest=True) for name in DIMENSIONS},
    )


@cache
def rollup_made_by(zone: str) -> str:
    """A hash of all that decides what a rollup and visits say of the same segments.

    An upgrade that counts otherwise rebuilds both: a day's two files are of the same fingerprint.
    """
    made_by = (day_sql(), rollup.SCHEMA, rollup.MAX_VALUE_BYTES, visits_file_sql(), visits_file.SCHEMA, zone)
    text = "\n".join(map(str, made_by))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
