"""Kinds of v2 queries that stand in place of metrics: funnel, flow, retention, sequence."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from mallard.errors import QueryError
from mallard.stats.body_fields import read_choice, read_flag, read_object, read_text, read_whole, refuse

FUNNEL, FLOW, RETENTION, SEQUENCE = "funnel", "flow", "retention", "sequence"

DIRECTIONS = ("forward", "backward")
INTERVALS = ("day", "week", "month")
DEFAULT_INTERVAL = "week"

MAX_DEPTH = 5
MAX_COHORTS = 52
MAX_PAGES = 1000
"""Of one list of a flow."""

_OF_METRICS = ("dimensions", "order_by", "pagination", "explain")
"""Fields that say something of rows of metrics."""


@dataclass(frozen=True, slots=True)
class FunnelKind:
    """``steps`` are JSON that is not read yet; ``window`` is a text, or None for the default."""

    steps: tuple[Any, ...]
    window: str | None = None
    strict_order: bool = False

    name = FUNNEL


@dataclass(frozen=True, slots=True)
class FlowKind:
    """``steps`` as of a funnel; ``with_funnel``: the steps are counted, and not what comes next."""

    steps: tuple[Any, ...] = ()
    direction: str = DIRECTIONS[0]
    search: str | None = None
    with_funnel: bool = False
    depth: int = 1
    limit: int | None = None

    name = FLOW


@dataclass(frozen=True, slots=True)
class RetentionKind:
    """``count`` intervals, the cohort's own the first of them."""

    interval: str = DEFAULT_INTERVAL
    count: int = 8

    name = RETENTION


@dataclass(frozen=True, slots=True)
class SequenceKind:
    """``steps`` as of a funnel, and a pattern over them; None: one after the other."""

    steps: tuple[Any, ...]
    pattern: str | None = None

    name = SEQUENCE


Kind: TypeAlias = FunnelKind | FlowKind | RetentionKind | SequenceKind


def read_kind(given: Mapping[str, Any]) -> Kind | None:
    """The kind of a query's body; None where it asks for metrics. QueryError names the field."""
    names = [name for name in READERS if name in given]
    if not names:
        return None
    name, *others = names
    if "metrics" in given or others:
        beside = "metrics" if "metrics" in given else others[0]
        raise QueryError(f"{name} and {beside} stand together, but a query has one of metrics, {', '.join(READERS)}.")
    for field in _OF_METRICS:
        if given.get(field):
            refuse(field, given[field], f"left out where there is {name}: it is of metrics")
    include = given.get("include")
    for field in ("time_labels", "total_rows"):
        if isinstance(include, Mapping) and include.get(field):
            refuse(f"include.{field}", include[field], f"left out where there is {name}: it is of metrics")
    return READERS[name](given[name])


def _funnel(given: Any) -> FunnelKind:
    fields = read_object(given, FUNNEL, ("steps", "window", "strict_order"))
    return FunnelKind(
        _steps(fields, FUNNEL), read_text(fields, FUNNEL, "window"), read_flag(fields, FUNNEL, "strict_order")
    )


def _flow(given: Any) -> FlowKind:
    fields = read_object(given, FLOW, ("steps", "direction", "search", "funnel", "depth", "limit"))
    kind = FlowKind(
        _steps(fields, FLOW) if "steps" in fields else (),
        read_choice(fields, FLOW, "direction", DIRECTIONS, DIRECTIONS[0]),
        read_text(fields, FLOW, "search"),
        read_flag(fields, FLOW, "funnel"),
        read_whole(fields, FLOW, "depth", 1, MAX_DEPTH, 1),
        read_whole(fields, FLOW, "limit", 1, MAX_PAGES, 1) if "limit" in fields else None,
    )
    if kind.with_funnel and not kind.steps:
        raise QueryError("flow.funnel is true, but flow.steps has none that could be counted.")
    for name in ("search", "depth", "limit"):
        if kind.with_funnel and name in fields:
            raise QueryError(f"flow.{name} is of the pages that come next, which flow.funnel does not list.")
    return kind


def _retention(given: Any) -> RetentionKind:
    fields = read_object(given, RETENTION, ("interval", "count"))
    interval = read_choice(fields, RETENTION, "interval", INTERVALS, DEFAULT_INTERVAL)
    return RetentionKind(interval, read_whole(fields, RETENTION, "count", 1, MAX_COHORTS, 8))


def _sequence(given: Any) -> SequenceKind:
    fields = read_object(given, SEQUENCE, ("steps", "pattern"))
    return SequenceKind(_steps(fields, SEQUENCE), read_text(fields, SEQUENCE, "pattern"))


def _steps(fields: Mapping[str, Any], place: str) -> tuple[Any, ...]:
    given = fields.get("steps")
    if not isinstance(given, list):
        refuse(f"{place}.steps", given, 'a list of steps such as [{"page": "/pricing"}]')
    return tuple(given)


READERS: Mapping[str, Callable[[Any], Kind]] = {
    FUNNEL: _funnel,
    FLOW: _flow,
    RETENTION: _retention,
    SEQUENCE: _sequence,
}
"""By the field of the body."""

KINDS = tuple(READERS)
