"""Statements that count measures over visits files instead of events."""

from collections.abc import Iterable, Set
from typing import TypeGuard

from mallard.engine.sql.conditions import EVERYTHING, Conditions
from mallard.engine.sql.count_select import present_value
from mallard.engine.sql.operators import NOTHING
from mallard.engine.sql.statement import CountStatement
from mallard.engine.sql.texts import sql_file, with_sql
from mallard.stats.dimensions import DIMENSIONS, EVENT_COLUMNS, TOTAL
from mallard.stats.metrics import Measure
from mallard.stats.query import DAY, HOUR
from mallard.table.visits_file import FIRST_EVENT, STEPS

FIRST_OF_PAGE = "first_of_page"
"""The column that marks a visit's first step with a page."""

_DATE = "CAST(date AS VARCHAR)"
_LOCAL_HOUR = "strftime(hour, '%Y-%m-%d %H:%M')"
VISITORS = "count(*) FILTER (is_only) + count(DISTINCT visitor_id) FILTER (NOT is_only)"
"""Visitors of visits: only those with several visits have to be told apart."""

OF_STEPS = {
    "pageviews": "sum(CASE WHEN event_name = 'pageview' THEN events ELSE 0 END)",
    "events": "sum(events)",
}


def visits_suffice(count: CountStatement) -> bool:
    """True where visits files have all that a count looks at."""
    known = all(name in (TOTAL, DAY, HOUR) or name in DIMENSIONS for name in count.dimensions)
    if not known or count.recent or count.with_money or count.also:
        return False
    return count.conditions is None or knows_columns(count.conditions)


def knows_columns(conditions: Conditions) -> bool:
    """True where visits files have all columns that a filter looks at. Steps have no order within an hour."""
    return not conditions.sequences and conditions.columns <= {*FIRST_EVENT, *EVENT_COLUMNS.values()}


def visits_counting_sql(count: CountStatement) -> str:
    """The whole text of a count over visits files; it binds their paths as ``visits``, and the filter's values."""
    conditions = count.conditions or EVERYTHING
    of_steps = [name for name in count.dimensions if _is_of_steps(name)]
    of_visits = [name for name in count.dimensions if name not in of_steps]
    ctes = visits_ctes(
        conditions,
        visit_columns={_column(name) for name in of_visits if name in DIMENSIONS} if of_visits else None,
        step_columns={each for name in of_steps for each in _step_columns(name)} if of_steps else None,
        is_read_once=len(count.dimensions) == 1,
    )
    visit = "visit" if conditions.event else "passing"
    selects = [_select(name, count.measures_of(name), visit, conditions) for name in count.dimensions]
    return with_sql(ctes, "\nUNION ALL BY NAME\n".join(selects))


def _done(conditions: Conditions) -> str:
    flags = {f"done_{number}": each for number, each in enumerate(conditions.done)}
    return sql_file("visits_done").format(
        flags=", ".join(f"bool_or({each}) AS {name}" for name, each in flags.items()),
        columns=_unnested(_asked_of_steps(conditions)),
        any_of_them=" OR ".join(f"({each})" for each in flags.values()),
        judged=", ".join(f"coalesce({name}, false) AS {name}" for name in flags),
    )


def _is_of_steps(name: str) -> bool:
    return name == HOUR or (name in DIMENSIONS and not DIMENSIONS[name].of_visit)


def visits_ctes(
    conditions: Conditions,
    *,
    visit_columns: Set[str] | None,
    step_columns: Set[str] | None,
    visit_columns_of_steps: Set[str] = frozenset(),
    is_read_once: bool,
) -> list[str]:
    """The CTEs ``passing`` (or, of a filter on events, ``visit``) with columns of visits, and ``matched`` with columns
    of steps and of their visits. None: they are not read.
    """
    ctes = [sql_file("visits_read")]
    if conditions.done:
        ctes.append(_done(conditions))
    if visit_columns is not None:
        ctes.append(_passing(visit_columns, conditions, is_read_once=is_read_once))
    if step_columns is not None or conditions.event:
        once = is_read_once and (visit_columns is None or step_columns is None)
        ctes.append(_matched(step_columns or frozenset(), visit_columns_of_steps, conditions, is_read_once=once))
    if visit_columns is not None and conditions.event:
        ctes.append(sql_file("visits_touched"))
    return ctes


def _passing(columns: Set[str], conditions: Conditions, *, is_read_once: bool) -> str:
    return sql_file("visits_passing").format(
        kept="NOT MATERIALIZED" if is_read_once or conditions.event else "MATERIALIZED",
        columns="".join(f"{each}, " for each in sorted({"date", "number", "visitor_id", "is_only", *columns})),
        landing=conditions.landing or "true",
        visits=_visits(conditions),
        visit=_flat(conditions.visit),
    )


def _matched(steps: Set[str], of_visits: Set[str], conditions: Conditions, *, is_read_once: bool) -> str:
    columns: set[str] = set()
    steps = {"event_name", "events", *steps}
    asked = steps | (_asked_of_steps(conditions) if conditions.event else set())
    if conditions.event:
        columns |= {*conditions.opening_columns, *(f"done_{number}" for number in range(len(conditions.done)))}
        columns -= {"timestamp"}
        columns |= {"entry_page"} if conditions.needs_entry_page else set()
        columns |= {"exit_page"} if conditions.needs_exit_page else set()
    return sql_file("visits_matched").format(
        kept="NOT MATERIALIZED" if is_read_once else "MATERIALIZED",
        steps=", ".join(sorted({*steps, *of_visits})),
        columns="".join(f", {each}" for each in sorted({*columns, *of_visits})) + _unnested(asked),
        visits=_visits(conditions),
        visit=_flat(conditions.visit),
        event=_flat(conditions.event or "true").replace("visit.", "event."),
    )


def _visits(conditions: Conditions) -> str:
    return "judged" if conditions.done else "read"


def _asked_of_steps(conditions: Conditions) -> set[str]:
    return set(conditions.columns & set(EVENT_COLUMNS.values()))


def _unnested(steps: Iterable[str]) -> str:
    return "".join(f", unnest({STEPS[each]}) AS {each}" for each in sorted(steps))


def _step_columns(name: str) -> tuple[str, ...]:
    column = _step_column(name)
    return (column, FIRST_OF_PAGE) if column == "pathname" else (column,)


def _step_column(name: str) -> str:
    return "hour" if name == HOUR else DIMENSIONS[name].column


def _column(name: str) -> str:
    """The column of visits that has the value of a visit's dimension."""
    dimension = DIMENSIONS[name]
    return dimension.column if dimension.of_first_event else str(dimension.visit)


def _flat(condition: str) -> str:
    """The condition over visits files, whose columns of the first event stand beside the others."""
    return condition.replace("visit.opening.", "visit.")


def _select(name: str, measures: Iterable[Measure], visit: str, conditions: Conditions) -> str:
    if _is_of_steps(name):
        column = _step_column(name)
        key = _LOCAL_HOUR if name == HOUR else present_value(DIMENSIONS[name], column)
        found = [(each, _of_steps(each, column, conditions)) for each in measures if each.of_events is not None]
        return _count(name, "matched", key, found)
    key = NOTHING if name == TOTAL else _DATE
    if name in DIMENSIONS:
        key = present_value(DIMENSIONS[name], _column(name))
    of_visits = [(each, VISITORS if each.name == "visitors" else each.of_visits) for each in measures]
    return _count(name, visit, key, [(each, text) for each, text in of_visits if _is_text(text)])


def _is_text(text: str | None) -> TypeGuard[str]:
    return text is not None


def _of_steps(measure: Measure, column: str, conditions: Conditions) -> str:
    if measure.name != "visitors":
        return OF_STEPS[measure.name]
    if column != "pathname" or conditions.event:
        # The filter may let a later step pass alone.
        return "count(DISTINCT visitor_id)"
    return f"count(*) FILTER (is_only AND {FIRST_OF_PAGE}) + count(DISTINCT visitor_id) FILTER (NOT is_only)"


def _count(name: str, rows: str, key: str, measures: Iterable[tuple[Measure, str]]) -> str:
    return sql_file("count").format(
        dimension=f"'{name}'",
        value=key,
        measures="".join(f",\n    {text} AS {measure.name}" for measure, text in measures),
        rows=rows,
        grouped="" if name == TOTAL else "\nGROUP BY value",
    )
