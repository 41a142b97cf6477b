"""Funnels: visitors by steps reached in order within a window."""

from dataclasses import dataclass
from typing import Any

from mallard.engine.visitor_query import TopValues, VisitorQuery
from mallard.errors import QueryError
from mallard.reports.behaviour.funnel_sql import ALLOW_REENTRY, MODES, STRICT_ORDER, FunnelSql
from mallard.reports.behaviour.steps import Step, compile_steps
from mallard.reports.standard_reports import Scope, Stats
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


def count_funnel(stats: Stats, scope: Scope, funnel: Funnel) -> list[dict[str, Any]]:
    """``{"step", "visitors"}`` of each step: who reached at least that one.

    With a breakdown ``{"value", "steps"}`` of each value, by the visitors of the first step, then value. QueryError
    where a step, filter or breakdown names what there is not.
    """
    conditions = compile_steps(funnel.steps, stats.engine.site_settings.get(scope.site_id).goals)
    by_value = funnel.breakdown is not None
    steps = len(funnel.steps)
    funnel_sql = FunnelSql(steps, conditions.some, conditions.mask, funnel.window_ms, funnel.modes, by_value=by_value)
    query = Query(scope.site_id, scope.period, ("visitors",), funnel.breakdown or TOTAL, scope.filters)
    visitor_query = VisitorQuery(
        query,
        str(funnel_sql),
        keys=("value", "step"),
        columns=tuple(sorted({*conditions.columns, *funnel_sql.columns})),
        values=tuple(conditions.values.items()),
        patterns=conditions.patterns,
        top=TopValues(funnel.limit, "visitors", ("step", 1)) if by_value else None,
    )
    counts_by_value: dict[Any, dict[int, int]] = {} if funnel.breakdown else {None: {}}
    for row in stats.visitor_query(visitor_query).rows[0]:
        counts_by_value.setdefault(row["value"], {})[row["step"]] = row["visitors"]
    listed = {value: _steps(counts, len(funnel.steps)) for value, counts in counts_by_value.items()}
    if funnel.breakdown is None:
        return listed[None]
    begun = [{"value": value, "steps": steps} for value, steps in listed.items() if steps[0]["visitors"]]
    begun.sort(key=lambda row: (-row["steps"][0]["visitors"], row["value"]))
    return begun[: funnel.limit]


def _steps(counts: dict[int, int], steps: int) -> list[dict[str, int]]:
    return [{"step": step, "visitors": counts.get(step, 0)} for step in range(1, steps + 1)]
