"""Sequences: visitors who match a pattern, repeats, and times between steps."""

from bisect import bisect_right
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

from mallard.engine.visitor_query import TopValues, VisitorQuery
from mallard.errors import QueryError
from mallard.reports.behaviour.pattern import Action, PatternEvent, in_order, parse_pattern
from mallard.reports.behaviour.sequence_sql import KEYS, sequence_sql
from mallard.reports.behaviour.step_conditions import compile_steps
from mallard.reports.behaviour.step_objects import Step
from mallard.reports.behaviour.steps import parse_steps
from mallard.reports.standard_reports import Scope, Stats
from mallard.stats.query import Query

MIN_STEPS = 2
"""As in ClickHouse."""


@dataclass(frozen=True, slots=True)
class SequenceQuery:
    """A sequence of ``actions`` over ``steps``; ``with_details``: with times and repeats."""

    steps: tuple[Step, ...]
    actions: tuple[Action, ...]
    with_details: bool = False

    @property
    def gaps(self) -> int:
        """The number of intervals from one step to the next in a match."""
        return sum(isinstance(each, PatternEvent) and each.step is not None for each in self.actions) - 1


def read_sequence(steps: str | None, pattern: str | None, *, with_details: bool = False) -> SequenceQuery:
    """From the texts of parameters; without a pattern the steps one after the other. QueryError at the character."""
    read = parse_steps(steps, at_least=MIN_STEPS)
    actions = in_order(len(read)) if pattern is None else parse_pattern(pattern, len(read))
    return SequenceQuery(read, actions, with_details)


def sequences(stats: Stats, scope: Scope, sequence: SequenceQuery) -> dict[str, Any]:
    """``converting_visitors``, ``total_visitors`` and ``conversion_rate``, a fraction.

    With details ``matches``, and ``median_seconds`` from step to step in a visitor's first match, None where no visitor
    has one.
    """
    found = _counted(stats, scope, sequence)
    total = _total(stats, scope, found)
    counted = found[None]
    numbers = _numbers(counted, total)
    if not sequence.with_details:
        return numbers
    taken: dict[int, Counter[int]] = defaultdict(Counter)
    for (part, number, seconds), visitors in counted.items():
        if part == "seconds":
            taken[number][seconds] += visitors
    medians = [_median(taken[number]) for number in range(1, sequence.gaps + 1)]
    return {**numbers, "matches": counted["matches", 0, 0], "median_seconds": medians}


def sequences_by(
    stats: Stats, scope: Scope, sequence: SequenceQuery, dimension: str, limit: int
) -> list[dict[str, Any]]:
    """The same for the values of a dimension of DIMENSIONS, by converting visitors, then value; without details."""
    if sequence.with_details:
        raise QueryError("details is given with breakdown; leave one out, or ask for one value by filters.")
    found = _counted(stats, scope, sequence, dimension, limit)
    totals = _totals_by(stats, scope, found, dimension, limit)
    rows = [{"value": value, **_numbers(found[value], total)} for value, total in totals.items()]
    return sorted(rows, key=lambda row: (-row["converting_visitors"], row["value"]))[:limit]


_Counts = dict[str | None, Counter[tuple[str, int, int]]]
"""By value: visitors by part, number and seconds."""


def _counted(
    stats: Stats, scope: Scope, sequence: SequenceQuery, dimension: str | None = None, limit: int = 1
) -> _Counts:
    """``limit`` values of a dimension, those with the most who convert, then by value."""
    conditions = compile_steps(sequence.steps, stats.engine.site_settings.get(scope.site_id).goals)
    conditions.check_breakdown(dimension)
    visitor_query = VisitorQuery(
        _query(scope, dimension),
        sequence_sql(
            sequence.actions,
            conditions.sql,
            conditions.some,
            by_value=dimension is not None,
            with_total=scope.filters is not None,
            with_details=sequence.with_details,
        ),
        keys=KEYS,
        columns=tuple(sorted(conditions.columns)),
        values=tuple(conditions.values.items()),
        patterns=conditions.patterns,
        pings=conditions.with_pings,
        top=TopValues(limit, "visitors", ("part", "converting")) if dimension is not None else None,
    )
    found: _Counts = defaultdict(Counter)
    for row in stats.visitor_query(visitor_query).rows[0]:
        found[row["value"]][row["part"], row["number"], row["seconds"]] += row["visitors"]
    return found


def _total(stats: Stats, scope: Scope, found: _Counts) -> int:
    """The number of all visitors."""
    if scope.filters is not None:
        return found[None]["total", 0, 0]
    # From rollups where they exist, and after the conversions, so that the total includes every conversion.
    # Days without events have no conversions, so the total leaves them out.
    return int(stats.count([replace(_query(scope, None), events_only=True)]).rows[0][0]["visitors"])


def _totals_by(stats: Stats, scope: Scope, found: _Counts, dimension: str, limit: int) -> dict[Any, int]:
    """Values with their visitors: as many as are shown, those with the most who convert, then by value."""
    if scope.filters is not None:
        return {value: counted["total", 0, 0] for value, counted in found.items()}
    converting = sorted((-counted["converting", 0, 0], str(value)) for value, counted in found.items())
    most = frozenset(value for number, value in converting[:limit] if number)
    all_of_them = replace(_query(scope, dimension), events_only=True)
    queries = (replace(all_of_them, only=most), replace(all_of_them, order=None, limit=limit))
    return {row["value"]: row["visitors"] for rows in stats.count(queries).rows for row in rows}


def _query(scope: Scope, dimension: str | None) -> Query:
    query = Query(scope.site_id, scope.period, ("visitors",), filters=scope.filters)
    return query if dimension is None else replace(query, dimension=dimension)


def _numbers(counted: Counter[tuple[str, int, int]], total: int) -> dict[str, Any]:
    converting = counted["converting", 0, 0]
    return {
        "converting_visitors": converting,
        "total_visitors": total,
        "conversion_rate": converting / total if total else 0.0,
    }


def _median(visitors: Counter[int]) -> float | None:
    """Of their seconds: the middle ones, or the mean of the two in the middle."""
    if not visitors:
        return None
    seconds = sorted(visitors)
    passed = list(accumulate(visitors[each] for each in seconds))
    total = passed[-1]
    low, high = (seconds[bisect_right(passed, middle)] for middle in ((total - 1) // 2, total // 2))
    return (low + high) / 2
