"""Relations of visits files that statements count instead of events."""

from collections.abc import Iterable, Set

from mallard.engine.sql.conditions import Conditions
from mallard.engine.sql.texts import sql_file
from mallard.stats.dimensions import EVENT_COLUMNS, Dimension
from mallard.table.visits_file import FIRST_EVENT, STEPS

FIRST_OF_PAGE = "first_of_page"
"""The column that marks a visit's first step with a page."""

VISITORS = "count(*) FILTER (is_only) + count(DISTINCT visitor_id) FILTER (NOT is_only)"
"""Visitors of visits: only those with several visits have to be told apart."""

OF_STEPS = {
    "pageviews": "sum(CASE WHEN event_name = 'pageview' THEN events ELSE 0 END)",
    "events": "sum(events)",
}


def knows_columns(conditions: Conditions) -> bool:
    """True where visits files have all columns that a filter looks at. Steps have no order within an hour."""
    if conditions.sequences or conditions.hostnames:
        return False
    return conditions.columns <= {*FIRST_EVENT, *EVENT_COLUMNS.values()}


def _done(conditions: Conditions) -> str:
    flags = {f"done_{number}": each for number, each in enumerate(conditions.done)}
    return sql_file("visits_done").format(
        flags=", ".join(f"bool_or({each}) AS {name}" for name, each in flags.items()),
        columns=_unnested(_asked_of_steps(conditions)),
        any_of_them=" OR ".join(f"({each})" for each in flags.values()),
        judged=", ".join(f"coalesce({name}, false) AS {name}" for name in flags),
    )


def visits_ctes(
    conditions: Conditions,
    *,
    visit_columns: Set[str] | None,
    step_columns: Set[str] | None,
    visit_columns_of_steps: Set[str] = frozenset(),
    visit_readers: int,
    step_readers: int,
) -> list[str]:
    """The CTEs ``passing`` (or, of a filter on events, ``visit``) with columns of visits, and ``matched`` with columns
    of steps and of their visits. None: they are not read. ``visit_readers`` and ``step_readers`` are the numbers of
    SELECTs over each: what is read once is not kept.
    """
    ctes = [sql_file("visits_read")]
    if conditions.done:
        ctes.append(_done(conditions))
    if visit_columns is not None:
        ctes.append(_passing(visit_columns, conditions, visits=_visits(conditions), is_read_once=visit_readers == 1))
    if step_columns is not None or conditions.event:
        once = step_readers + (visit_columns is not None and conditions.event is not None) == 1
        ctes.append(_matched(step_columns or frozenset(), visit_columns_of_steps, conditions, is_read_once=once))
    if visit_columns is not None and conditions.event:
        ctes.append(sql_file("visits_touched"))
    return ctes


def visits_beside_events_ctes(conditions: Conditions, columns: Set[str]) -> list[str]:
    """The CTE ``passing`` of visits with ``columns`` and all that the filter's condition on events asks of a visit."""
    done = [_done(conditions)] if conditions.done else []
    bounded = sql_file("visits_bounded").format(visits=_visits(conditions))
    passing = _passing({*columns, *_asked_of_visits(conditions)}, conditions, visits="bounded", is_read_once=True)
    return [sql_file("visits_read"), *done, bounded, passing]


def _asked_of_visits(conditions: Conditions) -> set[str]:
    """The columns of a visit that the condition on events may name."""
    columns = {*conditions.opening_columns, *(f"done_{number}" for number in range(len(conditions.done)))}
    columns |= {"entry_page"} if conditions.needs_entry_page else set()
    columns |= {"exit_page"} if conditions.needs_exit_page else set()
    return columns - {"timestamp"}


def _passing(columns: Set[str], conditions: Conditions, *, visits: str, is_read_once: bool) -> str:
    return sql_file("visits_passing").format(
        kept="NOT MATERIALIZED" if is_read_once or conditions.event else "MATERIALIZED",
        columns="".join(f"{each}, " for each in sorted({"date", "number", "visitor_id", "is_only", *columns})),
        landing=conditions.landing or "true",
        visits=visits,
        visit=flattened(conditions.visit),
    )


def _matched(steps: Set[str], of_visits: Set[str], conditions: Conditions, *, is_read_once: bool) -> str:
    columns: set[str] = set()
    steps = {"event_name", "events", *steps}
    asked = steps | (_asked_of_steps(conditions) if conditions.event else set())
    if conditions.event:
        columns |= _asked_of_visits(conditions)
    return sql_file("visits_matched").format(
        kept="NOT MATERIALIZED" if is_read_once else "MATERIALIZED",
        steps=", ".join(sorted({*steps, *of_visits})),
        columns="".join(f", {each}" for each in sorted({*columns, *of_visits})) + _unnested(asked),
        visits=_visits(conditions),
        visit=flattened(conditions.visit),
        event=flattened(conditions.event or "true").replace("visit.", "event."),
    )


def _visits(conditions: Conditions) -> str:
    return "judged" if conditions.done else "read"


def _asked_of_steps(conditions: Conditions) -> set[str]:
    return set(conditions.columns & set(EVENT_COLUMNS.values()))


def _unnested(steps: Iterable[str]) -> str:
    return "".join(f", unnest({STEPS[each]}) AS {each}" for each in sorted(steps))


def visit_column(dimension: Dimension) -> str:
    """The column of visits, or of steps, that has a dimension's value."""
    if dimension.visit is None or dimension.of_first_event:
        return dimension.column
    return dimension.visit


def flattened(condition: str) -> str:
    """The condition over visits files, whose columns of the first event stand beside the others."""
    return condition.replace("visit.opening.", "visit.")
