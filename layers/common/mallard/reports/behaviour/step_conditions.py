"""SQL conditions of steps, those of scrolled pages among them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mallard.engine.sql.event_conditions import compile_for_events
from mallard.engine.sql.operators import any_of
from mallard.errors import QueryError
from mallard.event import ENGAGEMENT
from mallard.normalize.names import nfc_text, stored_label
from mallard.reports.behaviour.step_objects import Step, condition_of
from mallard.sites.settings import Goal
from mallard.stats.dimensions import DIMENSIONS, GOAL, PROPS
from mallard.stats.filter_values import written_leaf
from mallard.stats.filters import IS, All, Filter, Leaf

IS_PING = f"event.event_name = '{ENGAGEMENT}'"


@dataclass(frozen=True, slots=True)
class StepConditions:
    """As of EventConditions, over the events of visitors; ``with_pings``: over their engagement pings, too.

    A ping meets a step with a ``scroll_threshold`` only, and no other row does. ``some_event`` is true of events and of
    the pings that meet some step.
    """

    sql: tuple[str, ...]
    some: str
    mask: str
    columns: frozenset[str]
    patterns: tuple[str, ...]
    values: Mapping[str, object]
    with_pings: bool = False

    @property
    def some_event(self) -> str:
        """SQL of the rows that come one after the other, whether they meet a step or not."""
        return f"(NOT ({IS_PING}) OR {self.some})" if self.with_pings else "true"

    def check_breakdown(self, name: str | None) -> None:
        """QueryError where a breakdown is by values that pings do not have."""
        dimension = DIMENSIONS.get(name or "")
        if self.with_pings and dimension and not dimension.of_visit:
            text = "a step with a scroll_threshold is no event, so the breakdown must be of visits"
            raise QueryError(f"breakdown is {name!r}, but {text}.")


def compile_steps(steps: Sequence[Step], goals: Sequence[Goal]) -> StepConditions:
    """The conditions of steps over the row ``event``, for a site with these goals; values are named ``$s0``, ``$s1`` …

    QueryError for a goal there is not.
    """
    steps = [resolved(each, goals) for each in steps]
    found = compile_for_events([each.filter for each in steps], goals, "s")
    thresholds = [each.scroll_threshold for each in steps]
    if thresholds == [None] * len(steps):
        return StepConditions(found.sql, found.some, found.mask, found.columns, found.patterns, found.values)
    sql = tuple(_of_row(*each) for each in zip(found.sql, thresholds, strict=True))
    mask = " + ".join(f"CASE WHEN {each} THEN {1 << number} ELSE 0 END" for number, each in enumerate(sql))
    columns = found.columns | {"event_name", "scroll_depth"}
    return StepConditions(sql, any_of(sql), mask, columns, found.patterns, found.values, with_pings=True)


def check_goals(steps: Sequence[Step], goals: Sequence[Goal], name: str) -> None:
    """QueryError that names the step whose goal there is not; ``name`` is that of all steps."""
    for number, step in enumerate(steps):
        try:
            compile_steps([step], goals)
        except QueryError as error:
            raise QueryError(f"In {name}[{number}]: {error}") from None


def resolved(step: Step, goals: Sequence[Goal]) -> Step:
    """The step with the currency of its goal; a goal with a ``scroll_threshold`` becomes a scrolled page."""
    parts = step.filter.filters if isinstance(step.filter, All) else (step.filter,)
    found: list[Filter] = []
    threshold, currency = step.scroll_threshold, step.currency
    for part in parts:
        goal = _goal_of(part, goals)
        currency = currency or (goal.currency if goal else None)
        if goal is None or goal.page is None or goal.scroll_threshold is None:
            found.append(part)
            continue
        threshold = max(threshold or 0, goal.scroll_threshold)
        found.append(condition_of("page", goal.page))
        found += [written_leaf(IS, f"{PROPS}{key}", (value,)) for key, value in goal.props]
    return replace(
        step, filter=found[0] if len(found) == 1 else All(tuple(found)), scroll_threshold=threshold, currency=currency
    )


def _goal_of(part: Filter, goals: Sequence[Goal]) -> Goal | None:
    """The goal that a comparison with one name asks for."""
    if not isinstance(part, Leaf) or (part.dimension, part.operator, len(part.values)) != (GOAL, IS, 1):
        return None
    name = nfc_text(stored_label(part.values[0]))
    return next((each for each in goals if nfc_text(stored_label(each.name)) == name), None)


def _of_row(sql: str, threshold: int | None) -> str:
    """Never NULL: an event has no scroll depth."""
    if threshold is None:
        return f"(NOT ({IS_PING}) AND {sql})"
    return f"({IS_PING} AND coalesce(event.scroll_depth, -1) >= {threshold} AND {sql})"
