"""Metrics of Plausible's Stats API v1, and the queries that each may be part of."""

from collections.abc import Collection

from mallard.errors import QueryError
from mallard.stats.dimensions import GOAL, PAGE, PROPS

NAME = "event:name"
COUNTS = ("visitors", "pageviews", "events")
OF_SESSIONS = ("visits", "bounce_rate", "visit_duration", "views_per_visit")
V1_METRICS = (*COUNTS, *OF_SESSIONS, "conversion_rate", "time_on_page")


def read_v1_metrics(text: str | None, dimension: str | None, filtered: Collection[str]) -> tuple[str, ...]:
    """The metrics of a ``metrics`` parameter, visitors by default.

    ``dimension`` is that of a breakdown, ``filtered`` are the properties of the filters. QueryError says why metrics do
    not go with them.
    """
    names = tuple(each.strip() for each in ("visitors" if text is None else text).split(","))
    if len(set(names)) < len(names):
        raise QueryError("Metrics cannot be queried multiple times.")
    for name in names:
        _check(name, dimension, filtered)
    return names


def _check(name: str, dimension: str | None, filtered: Collection[str]) -> None:
    if name not in V1_METRICS:
        raise QueryError(f"The metric `{name[:40]}` is not recognized. Valid metrics are {', '.join(V1_METRICS)}.")
    if name == "time_on_page":
        _check_time_on_page(name, dimension, filtered)
    if name == "conversion_rate" and dimension != GOAL and GOAL not in filtered:
        raise QueryError(f"Metric `{name}` can only be queried in a goal breakdown or with a goal filter.")
    if name == "views_per_visit":
        if PAGE in filtered:
            raise QueryError(f"Metric `{name}` cannot be queried with a filter on `{PAGE}`.")
        if dimension is not None:
            raise QueryError(f"Metric `{name}` is not supported in breakdown queries.")
    if name in OF_SESSIONS:
        _check_session_metric(name, dimension, filtered)


def _check_time_on_page(name: str, dimension: str | None, filtered: Collection[str]) -> None:
    for each in filtered:
        if _is_of_single_events(each):
            raise QueryError(f"Metric `{name}` cannot be queried when filtering by `{each}`.")
    if dimension not in (None, PAGE):
        raise QueryError(f"Metric `{name}` is not supported in breakdown queries (except `{PAGE}` breakdown).")
    if dimension is None and PAGE not in filtered:
        raise QueryError(f"Metric `{name}` can only be queried in a page breakdown or with a page filter.")


def _check_session_metric(name: str, dimension: str | None, filtered: Collection[str]) -> None:
    if dimension is not None and _is_of_single_events(dimension):
        raise QueryError(f"Session metric `{name}` cannot be queried for breakdown by `{dimension}`.")
    for each in filtered:
        if _is_of_single_events(each):
            raise QueryError(f"Session metric `{name}` cannot be queried when using a filter on `{each}`.")


def _is_of_single_events(name: str) -> bool:
    return name in (NAME, GOAL) or name.startswith(PROPS)
