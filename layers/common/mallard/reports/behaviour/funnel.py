"""Funnels: visitors by steps reached in order within a window."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mallard.engine.visitor_query import TopValues, VisitorQuery
from mallard.errors import QueryError
from mallard.reports.behaviour.funnel_sql import ALLOW_REENTRY, MODES, STRICT_ORDER, FunnelSql
from mallard.reports.behaviour.step_conditions import StepConditions, compile_steps, resolved
from mallard.reports.behaviour.step_objects import Step
from mallard.reports.standard_reports import Scope, Stats
from mallard.sites.settings import Goal
from mallard.stats.dimensions import TOTAL
from mallard.stats.query import Query


@dataclass(frozen=True, slots=True)
class Funnel:
    """``modes`` are of MODES; ``breakdown`` a name of DIMENSIONS, ``limit`` how many of its values."""

    steps: tuple[Step, ...]
    window_ms: int
    modes: frozenset[str] = frozenset()
    breakdown: str | None = None
    limit: int = 10


def read_modes(text: str | None) -> frozenset[str]:
    """The modes of a parameter, with commas between. QueryError where one is none."""
    names = [] if text in (None, "", "default") else [each.strip() for each in str(text).split(",")]
    for name in names:
        if name not in MODES:
            raise QueryError(f"mode has {name[:40]!r}, but there are default, {', '.join(MODES)}.")
    if ALLOW_REENTRY in names and STRICT_ORDER not in names:
        raise QueryError(f"mode has {ALLOW_REENTRY}, but that is a way of {STRICT_ORDER}, which must be there too.")
    return frozenset(names)


@dataclass(frozen=True, slots=True)
class StepCount:
    """Visitors who reached at least a step, and their ``cents`` in its ``currency``; None where none is summed."""

    visitors: int = 0
    cents: int = 0
    currency: str | None = None


def count_funnel(stats: Stats, scope: Scope, funnel: Funnel) -> list[dict[str, Any]]:
    """``{"step", "visitors"}`` of each step: who reached at least that one.

    With a breakdown ``{"value", "steps"}`` of each value, by the visitors of the first step, then value. QueryError
    where a step, filter or breakdown names what there is not.
    """
    counted = funnel_counts(stats, scope, funnel)
    listed = {value: _steps(counts) for value, counts in counted.items()}
    if funnel.breakdown is None:
        return listed[None]
    begun = [{"value": value, "steps": steps} for value, steps in listed.items() if steps[0]["visitors"]]
    begun.sort(key=lambda row: (-row["steps"][0]["visitors"], row["value"]))
    return begun[: funnel.limit]


def funnel_counts(
    stats: Stats, scope: Scope, funnel: Funnel, *, with_money: bool = False
) -> dict[Any, list[StepCount]]:
    """The counts of each step, by the value of the breakdown; None without one. Errors as of ``count_funnel``."""
    goals = stats.engine.site_settings.get(scope.site_id).goals
    conditions = compile_steps(funnel.steps, goals)
    conditions.check_breakdown(funnel.breakdown)
    currencies = _currencies(funnel.steps, goals) if with_money else {}
    rows_by_value: dict[Any, dict[int, dict[str, Any]]] = {} if funnel.breakdown else {None: {}}
    for row in stats.visitor_query(_visitor_query(scope, funnel, conditions, currencies)).rows[0]:
        rows_by_value.setdefault(row["value"], {})[row["step"]] = row
    steps = range(1, len(funnel.steps) + 1)
    return {
        value: [_step_count(rows.get(step, {}), currencies.get(step)) for step in steps]
        for value, rows in rows_by_value.items()
    }


def _visitor_query(
    scope: Scope, funnel: Funnel, conditions: StepConditions, currencies: Mapping[int, str]
) -> VisitorQuery:
    by_value = funnel.breakdown is not None
    names = {step: f"currency_{step}" for step in currencies}
    funnel_sql = FunnelSql(
        len(funnel.steps),
        conditions.some,
        conditions.mask,
        funnel.window_ms,
        funnel.modes,
        by_value=by_value,
        currencies=names,
        some_event=conditions.some_event,
    )
    return VisitorQuery(
        Query(scope.site_id, scope.period, ("visitors",), funnel.breakdown or TOTAL, scope.filters),
        str(funnel_sql),
        keys=("value", "step"),
        columns=tuple(sorted({*conditions.columns, *funnel_sql.columns})),
        values=(*conditions.values.items(), *((names[step], currency) for step, currency in currencies.items())),
        patterns=conditions.patterns,
        top=TopValues(funnel.limit, "visitors", ("step", 1)) if by_value else None,
        pings=conditions.with_pings,
    )


def _currencies(steps: Sequence[Step], goals: Sequence[Goal]) -> dict[int, str]:
    """By number of the step, from 1."""
    found = {number: resolved(step, goals).currency for number, step in enumerate(steps, 1)}
    return {number: currency for number, currency in found.items() if currency is not None}


def _step_count(row: Mapping[str, Any], currency: str | None) -> StepCount:
    return StepCount(row.get("visitors", 0), row.get("cents", 0), currency)


def _steps(counts: Sequence[StepCount]) -> list[dict[str, int]]:
    return [{"step": step, "visitors": count.visitors} for step, count in enumerate(counts, 1)]
