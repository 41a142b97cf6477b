"""The SELECT that counts measures of one dimension over ``matched`` and ``visit``."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from textwrap import indent

from mallard.engine.sql.local_hours import hours_lookup
from mallard.engine.sql.operators import NOTHING, present
from mallard.engine.sql.texts import sql_file
from mallard.stats.dimensions import DIMENSIONS, TOTAL, Dimension
from mallard.stats.metrics import MONEY, Measure
from mallard.stats.query import HOUR


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows of one relation, the key they are grouped by, and the aggregate of each measure."""

    rows: str
    key: str
    measures: tuple[tuple[Measure, str], ...]
    by_date: bool = False

    def sql(self, dimension: str) -> str:
        keys = ["date"] * self.by_date + ["value"] * (dimension != TOTAL)
        return sql_file("count").format(
            dimension=f"date, '{dimension}'" if self.by_date else f"'{dimension}'",
            value=self.key,
            measures="".join(f",\n    {text} AS {measure.name}" for measure, text in self.measures),
            rows=self.rows,
            # One row, also of no events.
            grouped=f"\nGROUP BY {', '.join(keys)}" if keys else "",
        )


def count_select(name: str, measures: Collection[Measure], *, rest: bool = False, by_date: bool = False) -> str:
    """A row for each value of the dimension ``name`` (TOTAL: one), with ``dimension``, ``value`` and these measures.

    Measures that the dimension cannot tell are left out: those of visits, where each event has its own value.
    ``rest``: one row for all values of the dimension that are not in the table ``kept``. ``by_date``: rows of each
    date, in the column ``date``; of a date without events there is none.
    """
    parts = [replace(each, by_date=by_date) for each in _parts(name, measures, rest=rest, by_date=by_date)]
    if name == HOUR:
        return sql_file("hour_labels").format(counted=indent(parts[0].sql(name), "    "))
    if len(parts) == 1:
        return parts[0].sql(name)
    of_all = indent("\nUNION ALL BY NAME\n".join(each.sql(name) for each in parts), "    ")
    merged = tuple((each, merged_measure(each)) for each in measures)
    return _Part(f"(\n{of_all}\n)", NOTHING if name == TOTAL else "value", merged, by_date).sql(name)


def present_value(dimension: Dimension, text: str | None) -> str:
    """SQL of a value; a word for a missing one is a missing one too: a campaign may call its source Direct."""
    return present(str(text), dimension.blanks)


def _parts(name: str, measures: Collection[Measure], *, rest: bool, by_date: bool) -> list[_Part]:
    if name in DIMENSIONS:
        return [_part_of(DIMENSIONS[name], measures, rest=rest, by_date=by_date)]
    if name == HOUR:
        return [_of_events(measures, f"matched {hours_lookup('matched')}", "hours.minute")]
    events = _of_events(measures, "matched", NOTHING)
    visits = _Part("visit", NOTHING, tuple((each, str(each.of_visits)) for each in measures if each.of_events is None))
    return [part for part in (events, visits) if part.measures]


def _part_of(dimension: Dimension, measures: Collection[Measure], *, rest: bool, by_date: bool) -> _Part:
    column = present_value(dimension, dimension.column)
    if not dimension.of_visit:
        return _of_events(measures, *_rest("matched", column, rest=rest))
    # Events without a visitor count under their own value, and have no entry and exit page.
    visits, value = _rest("visit", present_value(dimension, dimension.visit), rest=rest)
    events, column = _rest("matched", column if dimension.of_first_event else NOTHING, rest=rest)
    money = "".join(f", {each.name}" for each in measures if each in MONEY)
    rows = sql_file("visits_by_value").format(
        date="date, " if by_date else "",
        value=value,
        visits=visits,
        column=column,
        anonymous_events=events,
        money=money,
    )
    return _Part(rows, "value", tuple((each, each.of_visits) for each in measures if each.of_visits is not None))


def _of_events(measures: Iterable[Measure], rows: str, key: str) -> _Part:
    return _Part(rows, key, tuple((each, each.of_events) for each in measures if each.of_events is not None))


def _rest(rows: str, value: str, *, rest: bool) -> tuple[str, str]:
    """The rows and their key; ``rest``: those that are not kept, under one."""
    return (sql_file("without_kept").format(rows=rows, value=value), NOTHING) if rest else (rows, value)


def merged_measure(measure: Measure) -> str:
    """The SQL aggregate that puts together the values of groups without a common visitor; 0 where all are missing."""
    merged = f"{measure.merge}({measure.name})"
    return f"coalesce({merged}, 0)" if measure.type == "BIGINT" else merged
