"""Results of Plausible's Stats API v1 from answers of queries."""

from collections.abc import Mapping, Sequence
from typing import Any

from mallard.reports.query_runner import QueryAnswer
from mallard.stats.grouping import MONTH

EMPTY: Mapping[str, Any] = {
    "bounce_rate": None,
    "visit_duration": None,
    "time_on_page": None,
    "views_per_visit": 0.0,
    "conversion_rate": 0.0,
}
"""Metrics of a bucket of time without events; the others are 0."""


def v1_aggregate(answer: QueryAnswer, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """``{metric: {"value"}}``, with ``comparison_value`` and ``change`` where the query compares."""
    (row,) = answer.rows
    if row.before is None:
        return {name: {"value": value} for name, value in zip(names, row.metrics, strict=True)}
    columns = zip(names, row.metrics, row.before.metrics, row.changes or (), strict=True)
    return {
        name: {"value": value, "comparison_value": before, "change": change} for name, value, before, change in columns
    }


def v1_timeseries(answer: QueryAnswer, names: Sequence[str]) -> list[dict[str, Any]]:
    """``[{"date", metric…}]``: every bucket of the range in order, those without events too."""
    rows, found, place = answer.rows, [], 0
    empty = {name: EMPTY.get(name, 0) for name in names}
    for label in answer.time_labels:
        metrics = empty
        # When the clock goes back two hours have one label, and rows in order.
        if place < len(rows) and rows[place].dimensions == (label,):
            metrics = dict(zip(names, rows[place].metrics, strict=True))
            place += 1
        found.append({"date": _first_of_month(label) if answer.query.time == MONTH else label, **metrics})
    return found


def v1_breakdown(answer: QueryAnswer, keys: Sequence[str], names: Sequence[str]) -> list[dict[str, Any]]:
    """``[{property: value, metric…}]``; metrics that only the order needs are left out."""
    return [
        {**dict(zip(keys, row.dimensions, strict=True)), **dict(zip(names, row.metrics, strict=False))}
        for row in answer.rows
    ]


def _first_of_month(label: str) -> str:
    return f"{label[:7]}-01"
