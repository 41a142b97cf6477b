"""Statements that count groupings over visits files instead of events."""

from collections.abc import Collection, Iterable

from mallard.engine.sql.conditions import EVERYTHING, Conditions
from mallard.engine.sql.count_select import present_value
from mallard.engine.sql.group_statement import TIME_KEYS, GroupedRows, GroupStatement, labels_of
from mallard.engine.sql.texts import with_sql
from mallard.engine.sql.visits_count import FIRST_OF_PAGE, OF_STEPS, VISITORS, knows_columns, visit_column, visits_ctes
from mallard.stats.dimensions import BY_V2_NAME, END_HOSTNAMES, GOAL, HOSTNAME, PAGE
from mallard.stats.grouping import ENTERED, HOUR, MINUTE, WEEK, WHOLE_DAYS, Grouping
from mallard.stats.measures import GROUP_MEASURES, OF_MONEY

_VISIT_OF_STEP = (
    "CASE WHEN visitor_id IS NOT NULL THEN date_diff('day', DATE '1970-01-01', date) * 2147483648 + number END"
)
"""A number for each visit: that of its file has 31 bits."""


def visits_suffice_for(statement: GroupStatement) -> bool:
    """True where visits files have all that the groupings look at."""
    conditions = statement.conditions
    if conditions and not knows_columns(conditions):
        return False
    return all(map(_suffices, statement.groupings))


def visits_grouping_sql(statement: GroupStatement) -> str:
    """The whole text over visits files, whose rows are those of ``GroupStatement.sql``.

    It binds their paths as ``visits`` and the filter's values, and ``start`` where a grouping has weeks.
    """
    conditions = statement.conditions or EVERYTHING
    of_visits = [each for each in statement.groupings if _from_visits(each)]
    of_steps = [each for each in statement.groupings if _from_steps(each)]
    ctes = visits_ctes(
        conditions,
        visit_columns=_visit_columns(of_visits) if of_visits else None,
        step_columns=_step_columns(of_steps) if of_steps else None,
        visit_columns_of_steps=_visit_columns(of_steps),
        visit_readers=len(of_visits),
        step_readers=len(of_steps),
    )
    visit = "visit" if conditions.event else "passing"
    selects = [
        rows.sql(number) for number, each in enumerate(statement.groupings) for rows in _rows(each, visit, conditions)
    ]
    return with_sql(ctes, "\nUNION ALL BY NAME\n".join(selects))


def needs_start(statement: GroupStatement) -> bool:
    """True where the statement binds ``start``."""
    return any(WEEK in each.dimensions for each in statement.groupings)


def _suffices(grouping: Grouping) -> bool:
    names = set(grouping.dimensions)
    if (
        names & {GOAL, MINUTE, *END_HOSTNAMES}
        or grouping.properties
        or grouping.counts_pings
        or OF_MONEY.intersection(grouping.measures)
    ):
        return False
    # A visit's file has the hours of its events, and the page it entered at, but not the host of that page.
    return not (grouping.counts_starts and names & {HOUR, HOSTNAME})


def _from_visits(grouping: Grouping) -> bool:
    """True where some of its measures are counted over rows of visits."""
    return grouping.is_of_visits or grouping.counts_starts


def _from_steps(grouping: Grouping) -> bool:
    return not grouping.is_of_visits


def _rows(grouping: Grouping, visit: str, conditions: Conditions) -> Iterable[GroupedRows]:
    measures = [GROUP_MEASURES[name] for name in grouping.measures]
    if _from_steps(grouping):
        first = _first_of(grouping) if not conditions.event else None
        found = tuple((each.name, _of_steps(each.name, first)) for each in measures if each.of_events is not None)
        yield GroupedRows("matched AS event", tuple(map(_key, grouping.dimensions)), found, labels_of(grouping))
    if _from_visits(grouping):
        wanted = [each for each in measures if grouping.is_of_visits or each.of_events is None]
        names = tuple(ENTERED.get(name, name) for name in grouping.dimensions)
        texts = tuple((each.name, VISITORS if each.name == "visitors" else str(each.of_visits)) for each in wanted)
        yield GroupedRows(f"{visit} AS event", tuple(map(_key, names)), texts, labels_of(grouping))


def _of_steps(measure: str, first: str | None) -> str:
    if measure == "active_visits":
        return f"count(DISTINCT {_VISIT_OF_STEP})"
    if measure != "visitors":
        return OF_STEPS[measure]
    if first is None:
        return "count(DISTINCT visitor_id)"
    return f"count(*) FILTER (is_only AND {first}) + count(DISTINCT visitor_id) FILTER (NOT is_only)"


def _first_of(grouping: Grouping) -> str | None:
    """The column that marks a visit's first step in a row of the grouping; None where none does."""
    names = (name for name in grouping.dimensions if name in BY_V2_NAME and not BY_V2_NAME[name].of_visit)
    own = [*names, *(name for name in grouping.dimensions if name == HOUR)]
    return FIRST_OF_PAGE if own == [PAGE] else None


def _key(name: str) -> str:
    if name == HOUR:
        return "CAST(epoch_ms(event.hour) // 60000 AS INTEGER)"
    if name in WHOLE_DAYS:
        return TIME_KEYS[name]
    dimension = BY_V2_NAME[name]
    return present_value(dimension, f"event.{_column(name)}")


def _column(name: str) -> str:
    return visit_column(BY_V2_NAME[name])


def _visit_columns(groupings: Collection[Grouping]) -> set[str]:
    names = {ENTERED.get(name, name) if each.counts_starts else name for each in groupings for name in each.dimensions}
    return {_column(name) for name in names if name in BY_V2_NAME and BY_V2_NAME[name].of_visit}


def _step_columns(groupings: Collection[Grouping]) -> set[str]:
    names = {name for each in groupings for name in each.dimensions}
    found = {_column(name) for name in names if name in BY_V2_NAME and not BY_V2_NAME[name].of_visit}
    found |= {first for each in groupings if (first := _first_of(each))}
    return found | ({"hour"} if HOUR in names else set())
