"""Sessions: number, duration and pages of visits."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mallard.errors import QueryError
from mallard.reports.standard_reports import Scope, Stats, marked
from mallard.stats.dimensions import DIMENSIONS, TOTAL
from mallard.stats.metrics import METRICS
from mallard.stats.query import Query

MEASURED = {
    "total_sessions": "visits",
    "avg_session_duration_secs": "visit_duration",
    "avg_pages_per_session": "views_per_visit",
}
OF_VISITS = tuple(name for name, each in DIMENSIONS.items() if each.of_visit)


def count_sessions(stats: Stats, scope: Scope) -> dict[str, Any]:
    """``total_sessions``, ``avg_session_duration_secs``, ``avg_pages_per_session``; 0 where there are none.

    From rollups where they answer. QueryError where the filter names what there is not.
    """
    (rows,) = stats.count([_query(scope, TOTAL)]).rows
    return _named(rows[0])


def sessions_by(stats: Stats, scope: Scope, dimension: str, limit: int) -> list[dict[str, Any]]:
    """The same of the values of a dimension of visits, the most sessions first, then by value.

    QueryError for one that is not of visits.
    """
    if dimension not in OF_VISITS:
        raise QueryError(f"breakdown is {dimension[:40]!r}, but sessions have one of {', '.join(OF_VISITS)}.")
    (rows,) = stats.count([replace(_query(scope, dimension), limit=limit, order="visits")]).rows
    return [{"value": row["value"], **_named(row), **marked(row)} for row in rows if row["visits"]]


def _query(scope: Scope, dimension: str) -> Query:
    return Query(scope.site_id, scope.period, tuple(MEASURED.values()), dimension, scope.filters)


def _named(counts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: METRICS[metric].value(counts) for name, metric in MEASURED.items()}
