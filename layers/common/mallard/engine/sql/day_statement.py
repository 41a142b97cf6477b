"""Statements that count a closed day for its rollup, and their hash."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from textwrap import indent

from mallard.engine.sql.count_select import count_select, merged_measure
from mallard.engine.sql.statement import CountStatement, every_sql, visits_sql
from mallard.engine.sql.texts import sql_file, with_sql, without_comments
from mallard.engine.sql.visits_build import visits_file_sql
from mallard.stats.dimensions import DIMENSIONS, TOTAL
from mallard.stats.metrics import MEASURES, MONEY
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


@dataclass(frozen=True, slots=True)
class DayPartsSql:
    """The statements that count a day in parts of its visitors, whose counts are added up before values are chosen.

    ``create_counted`` and ``create_rest`` make the tables of counts, ``tables`` those of one part, as in DaySql but for
    the bound ``part`` and ``parts``, and ``drop`` removes these. ``add`` adds a part's counts of each dimension, TOTAL
    and HOUR among them, ``add_rest`` those of all values that are not in the table ``kept``. ``most_seen`` and the
    others as in DaySql, of the sums in the tables ``counted`` and ``counted_rest``.
    """

    create_counted: str
    create_rest: str
    tables: tuple[str, ...]
    drop: tuple[str, ...]
    add: Mapping[str, str]
    add_rest: Mapping[str, str]
    whole: Mapping[str, str]
    most_seen: Mapping[str, str]
    rest: Mapping[str, str]

    def __str__(self) -> str:
        """All of the text."""
        texts = (self.add, self.add_rest, self.whole, self.most_seen, self.rest)
        return "\n".join(
            [self.create_counted, *self.tables, *(each for of_names in texts for each in of_names.values())]
        )


@cache
def day_parts_sql(max_values: int = MAX_VALUES) -> DayPartsSql:
    """That keeps so many values of a dimension."""
    count = _day_count()
    measures = (*MEASURES.values(), *MONEY)
    columns = ", ".join(f"{each.name} {each.type}" for each in measures)

    def kept(name: str, table: str) -> str:
        merged = sql_file("day_sums").format(
            sums=",\n    ".join(f"{merged_measure(each)} AS {each.name}" for each in measures), table=table, name=name
        )
        return sql_file("day_kept").format(counted=indent(merged, "    "))

    return DayPartsSql(
        f"CREATE TEMP TABLE counted (dimension VARCHAR, value VARCHAR, {columns})",
        f"CREATE TEMP TABLE counted_rest (dimension VARCHAR, value VARCHAR, {columns})",
        _tables(count, in_parts=True),
        ("DROP VIEW matched", "DROP TABLE visit", "DROP TABLE event"),
        {
            name: f"INSERT INTO counted BY NAME {count_select(name, count.measures_of(name))}"
            for name in count.dimensions
        },
        {
            name: f"INSERT INTO counted_rest BY NAME {count_select(name, count.measures_of(name), rest=True)}"
            for name in DIMENSIONS
        },
        {name: kept(name, "counted") for name in (TOTAL, HOUR)},
        {name: _most_seen(name, kept(name, "counted"), max_values) for name in DIMENSIONS},
        {name: kept(name, "counted_rest") for name in DIMENSIONS},
    )


@dataclass(frozen=True, slots=True)
class SeveralDaysSql:
    """The statements that count several days at once: the counts of DaySql, by date, with every value.

    ``rows`` has the number of rows that were read of each date, ``counts`` those of each dimension, TOTAL and HOUR
    among them.
    """

    tables: tuple[str, ...]
    rows: str
    counts: Mapping[str, str]

    def __str__(self) -> str:
        """All of the text."""
        return "\n".join([*self.tables, self.rows, *self.counts.values()])


@cache
def several_days_sql() -> SeveralDaysSql:
    """The statements, whatever is kept of the values."""
    count = _day_count()
    counts = {name: count_select(name, count.measures_of(name), by_date=True) for name in count.dimensions}
    return SeveralDaysSql(
        _tables(count),
        with_sql([sql_file("stored")], sql_file("rows_read_by_date")),
        {name: sql_file("day_kept").format(counted=indent(each, "    ")) for name, each in counts.items()},
    )


def _day_count() -> CountStatement:
    return CountStatement(dict.fromkeys((TOTAL, HOUR, *DIMENSIONS), tuple(MEASURES)), with_money=True)


def _tables(count: CountStatement, *, in_parts: bool = False) -> tuple[str, ...]:
    every = ",\n".join(every_sql(has_files=True, has_waiting=False, in_parts=in_parts))
    return (
        sql_file("day_events").format(ctes=every, columns=", ".join(count.columns)),
        sql_file("day_visits").format(ctes=",\n".join([visits_sql(count, with_starts=True), sql_file("visit_all")])),
        "CREATE TEMP VIEW matched AS SELECT * FROM event",
    )


def _most_seen(name: str, counted: str, max_values: int) -> str:
    blank = DIMENSIONS[name].blank
    return sql_file("most_seen").format(counted=indent(counted, "    "), blank=blank, limit=max_values + 1)


@cache
def day_sql(max_values: int = MAX_VALUES) -> DaySql:
    """That keeps so many values of a dimension."""
    count = _day_count()

    def select(name: str, *, rest: bool = False) -> str:
        counted = count_select(name, count.measures_of(name), rest=rest)
        return sql_file("day_kept").format(counted=indent(counted, "    "))

    return DaySql(
        _tables(count),
        with_sql([sql_file("stored")], sql_file("rows_read")),
        select(TOTAL),
        select(HOUR),
        {name: _most_seen(name, select(name), max_values) for name in DIMENSIONS},
        {name: select(name, rest=True) for name in DIMENSIONS},
    )


@cache
def rollup_made_by(zone: str) -> str:
    """A hash of all that decides what a rollup and visits say of the same segments.

    An upgrade that counts otherwise rebuilds both: a day's two files are of the same fingerprint. Comments and
    indentation of the SQL do not count.
    """
    statements = (day_sql(), day_parts_sql(), several_days_sql(), visits_file_sql(), visits_file_sql(by_date=True))
    schemas = (rollup.SCHEMA, rollup.MAX_VALUE_BYTES, visits_file.SCHEMA)
    made_by = [*(without_comments(str(each)) for each in statements), *map(str, schemas), zone]
    return hashlib.blake2b("\n".join(made_by).encode(), digest_size=16).hexdigest()
