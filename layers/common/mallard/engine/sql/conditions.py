"""Compiler of filters to SQL conditions on events and visits, with bound values.

The conditions name two rows: ``event`` has the table's columns, ``visit`` has ``opening`` (a struct of the first
event's own columns), ``entry_page``, ``exit_page`` and the flags ``done_0``, ``done_1`` ... None is ever NULL.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from mallard.engine.sql.goal_conditions import goal_columns, goal_condition, goals_meant, of_scrolling
from mallard.engine.sql.operators import NOTHING, BoundSql, any_of, comparison, pattern, property_of_event
from mallard.errors import QueryError
from mallard.sites.settings import Goal
from mallard.stats.dimensions import (
    BY_V2_NAME,
    END_HOSTNAMES,
    ENTRY_PAGE,
    EVENT_COLUMNS,
    EXIT_PAGE,
    FIRST_COLUMNS,
    GOAL,
    PAGE,
    PROPS,
    is_of_event,
)
from mallard.stats.filters import MATCHES, All, Any_, Done, EventSequence, Filter, Leaf, Not, all_leaves, leaves

MAX_GOALS = 1000
"""The most goals that all comparisons of a filter may mean together."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """The conditions of a filter, by the rows that they are tested on. All of ``values`` stand in
    ``anonymous_event``, those of ``sequences`` aside.

    ``visit``: of a visit, all that is not of single events. ``event``: the rest, of an event and its visit together.
    ``opening``: of an event's own columns, what the first event of every selected visit meets; ``touching``: what some
    event of every selected visit meets. ``anonymous_event``: the whole filter, of an event that belongs to no visit.
    ``done``: of an event's own columns, for the flags ``done_0`` ... ``landing``: what is asked of the page, of the
    page a visit entered at. ``columns`` of events are looked at, ``opening_columns`` in ``visit.opening``.
    ``patterns`` are the regular expressions, not yet known to be any.

    ``sequences``: of an event's own columns, the conditions of the steps of each sequence, whose last event is at
    ``visit.sequence_0`` ..., NULL where it is not complete. ``kept``: of a visit, what keeps it although no event of it
    is to be counted; None: nothing does. ``hostnames`` are the columns of visits with hostnames of pages.
    ``pings``: of an engagement ping, that it reaches one of the goals that it alone can meet, and so may count beside
    events; ``done_pings`` are the numbers of ``done`` that pings may meet,
    each with the same condition.
    """

    visit: str
    event: str | None
    opening: str | None
    touching: str | None
    anonymous_event: str
    done: tuple[str, ...]
    landing: str | None
    columns: frozenset[str]
    opening_columns: tuple[str, ...]
    needs_entry_page: bool
    needs_exit_page: bool
    patterns: tuple[str, ...]
    values: Mapping[str, object]
    sequences: tuple[tuple[str, ...], ...] = ()
    kept: str | None = None
    hostnames: frozenset[str] = frozenset()
    pings: str | None = None
    done_pings: tuple[tuple[int, str], ...] = ()

    @property
    def looks_at_pings(self) -> bool:
        """True where engagement pings may meet the filter."""
        return self.pings is not None or bool(self.done_pings)


EVERYTHING = Conditions("true", None, None, None, "true", (), None, frozenset(), (), False, False, (), {})
"""The conditions of no filter."""

PLACES = 2**64
"""Of one millisecond in the order of events."""

MOMENT_OF_EVENT = f"(CAST(epoch_ms(event.timestamp) AS HUGEINT) * {PLACES} + event.ordinal)"
"""An event's place in the order of events, as ``MOMENT`` of statements."""

_Value: TypeAlias = Callable[[str], str]
"""From a dimension to the SQL of its value."""

_Flag: TypeAlias = Callable[[Done | EventSequence], str]


def compile_filter(tree: Filter, goals: Sequence[Goal], *, pings: bool = False) -> Conditions:
    """The conditions of a filter, where a site has these goals. QueryError for a goal that cannot be filtered by.

    ``pings``: engagement pings are looked at beside events.
    """
    parts = tree.filters if isinstance(tree, All) else (tree,)
    of_events = [part for part in parts if any(_is_of_event(leaf) for leaf in leaves(part))]
    of_visits = [part for part in parts if part not in of_events]
    first = [part for part in of_visits if _is_about(part, FIRST_COLUMNS)]
    # One event must meet all conditions on events; the other conditions may hold for other events of the visit.
    touching = [part for part in of_events if all(isinstance(leaf, Leaf) for leaf in leaves(part))]
    touching = [part for part in touching if all(map(_is_of_event, leaves(part)))]
    touching = touching or [part.filter for part in of_visits if isinstance(part, Done)][:1]
    touching = touching or [part.filters[-1] for part in parts if isinstance(part, EventSequence)][:1]
    entered = [part for part in of_events if _is_about(part, {PAGE})]
    writer = ConditionWriter(tree, goals, pings=pings)
    if writer.pings or writer.done_pings:
        # A visit may pass by a ping alone.
        touching = []
    return Conditions(
        visit=writer.of_both(of_visits) or "true",
        event=writer.of_both(of_events),
        opening=writer.of_event(first),
        touching=writer.of_event(touching),
        anonymous_event=writer.of_event(parts) or "true",
        done=tuple(writer.of_event([each.filter]) or "true" for each in writer.done),
        landing=writer.of_landing(entered),
        columns=frozenset(writer.columns()),
        opening_columns=writer.opening_columns(),
        needs_entry_page=ENTRY_PAGE in writer.dimensions or bool(entered),
        needs_exit_page=EXIT_PAGE in writer.dimensions,
        patterns=writer.patterns(),
        sequences=tuple(tuple(writer.of_event([step]) or "true" for step in each.filters) for each in writer.sequences),
        kept=writer.of_kept(parts),
        hostnames=frozenset(str(BY_V2_NAME[name].visit) for name in writer.dimensions & END_HOSTNAMES),
        pings=goal_condition(writer.pings, writer.bound) if writer.pings else None,
        done_pings=tuple((number, goal_condition(met, writer.bound)) for number, met in writer.done_pings.items()),
        values=writer.bound.values,
    )


class ConditionWriter:
    """One filter's SQL: all texts of it share their bound values and the numbers of what was done."""

    def __init__(
        self, tree: Filter, goals: Sequence[Goal], letter: str = "f", *, as_list: bool = False, pings: bool = False
    ) -> None:
        self.bound = BoundSql(letter)
        self._as_list = as_list
        self.done = tuple(dict.fromkeys(leaf for leaf in leaves(tree) if isinstance(leaf, Done)))
        self.sequences = tuple(dict.fromkeys(leaf for leaf in leaves(tree) if isinstance(leaf, EventSequence)))
        self._leaves = tuple(dict.fromkeys(all_leaves(tree)))
        ordered = {leaf for each in self.sequences for step in each.filters for leaf in all_leaves(step)}
        self._goals = {
            leaf: goals_meant(leaf, goals, pings=pings and leaf not in ordered)
            for leaf in self._leaves
            if leaf.dimension == GOAL
        }
        alone = [leaf for leaf in leaves(tree) if isinstance(leaf, Leaf)]
        self.pings = self._of_scrolling(alone)
        of_done = [self._of_scrolling(all_leaves(each.filter)) for each in self.done]
        self.done_pings = {number: found for number, found in enumerate(of_done) if found}
        asked_for = sum(map(len, self._goals.values()))
        if asked_for > MAX_GOALS:
            raise QueryError(f"The filters mean {asked_for} goals, but may mean {MAX_GOALS}; name fewer.")

    @property
    def dimensions(self) -> frozenset[str]:
        """All that is compared, what was done included."""
        return frozenset(leaf.dimension for leaf in self._leaves)

    def columns(self) -> set[str]:
        """Of events; entry and exit page are found by name and path."""
        found: set[str] = set()
        for name in self.dimensions:
            known = EVENT_COLUMNS.get(name) or FIRST_COLUMNS.get(name)
            if known is not None:
                found.add(known)
            elif name.startswith(PROPS):
                found.add("props")
            elif name != GOAL:
                found |= {"event_name", BY_V2_NAME[name].column}
        return found.union(*map(goal_columns, self._goals.values()))

    def opening_columns(self) -> tuple[str, ...]:
        """Of a visit's first event."""
        found = {FIRST_COLUMNS[name] for name in self.dimensions if name in FIRST_COLUMNS}
        # A ping is of the last visit that had begun.
        return tuple(sorted(found | ({"timestamp"} if self.pings or self.done_pings else set())))

    def _of_scrolling(self, compared: Iterable[Leaf]) -> tuple[Goal, ...]:
        goals = (goal for leaf in compared if leaf.dimension == GOAL for goal in of_scrolling(self._goals[leaf]))
        return tuple(dict.fromkeys(goals))

    def patterns(self) -> tuple[str, ...]:
        """Patterns of the statement. Patterns of goals' names were resolved before and are not among them."""
        found = [leaf for leaf in self._leaves if leaf.positive == MATCHES and leaf.dimension != GOAL]
        return tuple(dict.fromkeys(pattern(leaf, value) for leaf in found for value in leaf.values))

    def of_event(self, parts: Iterable[Filter]) -> str | None:
        """Of an event alone, which has done what it is, and is no visit that entered or left anywhere."""
        return self._all(parts, _own, self._done_alone)

    def of_both(self, parts: Iterable[Filter]) -> str | None:
        """Of an event and its visit."""
        return self._all(parts, _of_visit, self._flag)

    def of_kept(self, parts: Sequence[Filter]) -> str | None:
        """Of a visit, whatever its events: a complete sequence selects it, also where no event follows."""
        if not self.sequences:
            return None
        return " AND ".join(self._kept(part) for part in parts)

    def _kept(self, part: Filter) -> str:
        if not any(_is_of_event(leaf) and not isinstance(leaf, EventSequence) for leaf in leaves(part)):
            return self._sql(part, _of_visit, self._is_complete)
        match part:
            case All(filters):
                return f"({' AND '.join(map(self._kept, filters))})"
            case Any_(filters):
                return any_of(map(self._kept, filters))
            case _:
                return "false"

    def _done_alone(self, part: Done | EventSequence) -> str:
        return self._sql(part.filter, _own, _never) if isinstance(part, Done) else "false"

    def _flag(self, part: Done | EventSequence) -> str:
        if isinstance(part, Done):
            return f"visit.done_{self.done.index(part)}"
        return f"coalesce({MOMENT_OF_EVENT} > visit.sequence_{self.sequences.index(part)}, false)"

    def _is_complete(self, part: Done | EventSequence) -> str:
        if isinstance(part, Done):
            return self._flag(part)
        return f"(visit.sequence_{self.sequences.index(part)} IS NOT NULL)"

    def of_landing(self, parts: Iterable[Filter]) -> str | None:
        """Of the page a visit entered at, instead of an event's."""
        return self._all(parts, lambda _: "visit.entry_page", _never)

    def _all(self, parts: Iterable[Filter], value: _Value, done: _Flag) -> str | None:
        return " AND ".join(self._sql(part, value, done) for part in parts) or None

    def _sql(self, part: Filter, value: _Value, done: _Flag) -> str:
        match part:
            case All(filters):
                return f"({' AND '.join(self._sql(each, value, done) for each in filters)})"
            case Any_(filters):
                return any_of(self._sql(each, value, done) for each in filters)
            case Not(inner):
                return f"(NOT {self._sql(inner, value, done)})"
            case Done() | EventSequence():
                return done(part)
            case Leaf():
                return self._leaf(part, value)

    def _leaf(self, leaf: Leaf, value: _Value) -> str:
        if leaf.dimension == GOAL:
            met = goal_condition(self._goals[leaf], self.bound)
            return f"(NOT {met})" if leaf.is_negated else met
        if leaf.dimension.startswith(PROPS):
            text = property_of_event(leaf.dimension.removeprefix(PROPS), self.bound)
        else:
            text = value(leaf.dimension)
        return comparison(leaf, text, self.bound, as_list=self._as_list)


def _own(dimension: str) -> str:
    """SQL of an event's own value; an event without a visit has no entry and no exit page."""
    column = EVENT_COLUMNS.get(dimension) or FIRST_COLUMNS.get(dimension)
    return f"event.{column}" if column else NOTHING


def _of_visit(dimension: str) -> str:
    if dimension in (ENTRY_PAGE, EXIT_PAGE) or dimension in END_HOSTNAMES:
        return dimension.replace("visit:", "visit.")
    column = FIRST_COLUMNS.get(dimension)
    return f"visit.opening.{column}" if column else _own(dimension)


def _never(done: Done | EventSequence) -> str:
    raise AssertionError(f"{done} stands where only events' own values can")


def of_recent(conditions: Conditions | None, since: datetime, until: datetime) -> Conditions:
    """The same of events between two moments (naive UTC); the visits that they belong to are looked at whole."""
    recent = "(event.timestamp >= $recent AND event.timestamp < $recent_end)"
    conditions = conditions or EVERYTHING
    return replace(
        conditions,
        event=f"({conditions.event}) AND {recent}" if conditions.event else recent,
        # An older event may touch the other visits.
        touching=recent,
        anonymous_event=f"({conditions.anonymous_event}) AND {recent}",
        kept=f"({conditions.kept}) AND {_is_recent(conditions)}" if conditions.kept else None,
        values={**conditions.values, "recent": since, "recent_end": until},
    )


def _is_recent(conditions: Conditions) -> str:
    """One of the sequences ends between the two moments."""
    begin, end = (
        f"(CAST(epoch_ms({each}) AS HUGEINT) * {PLACES} - {PLACES // 4})" for each in ("$recent", "$recent_end")
    )
    names = (f"visit.sequence_{number}" for number in range(len(conditions.sequences)))
    return any_of(f"coalesce({name} >= {begin} AND {name} < {end}, false)" for name in names)


def _is_of_event(leaf: Leaf | Done | EventSequence) -> bool:
    return isinstance(leaf, EventSequence) or (isinstance(leaf, Leaf) and is_of_event(leaf.dimension))


def _is_about(part: Filter, dimensions: Iterable[str]) -> bool:
    return all(isinstance(leaf, Leaf) and leaf.dimension in dimensions for leaf in leaves(part))
