"""Checked query parameters of behaviour reports."""

import re
from typing import Annotated

from fastapi import Query

from mallard.errors import QueryError
from mallard.reports.behaviour.funnel_sql import MODES
from mallard.reports.behaviour.retention import RetentionQuery
from mallard.reports.standard_reports import BREAKDOWNS
from mallard.stats.query_kinds import INTERVALS, MAX_COHORTS

Steps = Annotated[
    str | None,
    Query(description="What visitors do, such as page:/pricing,event:signup; docs/behaviour.md has the grammar."),
]
Window = Annotated[str | None, Query(description="A number and second, minute, hour, day or week. Default 1 day.")]
Mode = Annotated[
    str | None,
    Query(
        description=f"With commas between: {', '.join(MODES)}. Default none of them.",
        json_schema_extra={"minLength": 0},
    ),
]
Weeks = Annotated[str | None, Query(description=f"1 to {MAX_COHORTS}: that many intervals of a week. Default 4.")]
Interval = Annotated[str | None, Query(description=f"One of {', '.join(INTERVALS)}. Default week.")]
Count = Annotated[str | None, Query(description=f"Intervals to look at, 1 to {MAX_COHORTS}. Default 4.")]
Breakdown = Annotated[str | None, Query(description=f"One of {', '.join(BREAKDOWNS)}: a report for each value.")]


def read_breakdown(name: str | None) -> str | None:
    """One of BREAKDOWNS, or None."""
    if name is not None and name not in BREAKDOWNS:
        raise QueryError(f"breakdown is {name[:40]!r}, but must be one of {', '.join(BREAKDOWNS)}.")
    return name


def read_retention(
    weeks: str | None, interval: str | None, count: str | None, breakdown: str | None, limit: int
) -> RetentionQuery:
    """The interval and count of retention; ``weeks`` is short for both."""
    if weeks is not None and (interval is not None or count is not None):
        raise QueryError("weeks comes with interval or count, but says both itself: leave one out.")
    if interval is not None and interval not in INTERVALS:
        raise QueryError(f"interval is {interval[:40]!r}, but must be {', '.join(INTERVALS[:-1])} or {INTERVALS[-1]}.")
    wanted = _whole("weeks", weeks) if weeks is not None else _whole("count", count)
    return RetentionQuery(interval or "week", wanted, read_breakdown(breakdown), limit)


def _whole(name: str, text: str | None) -> int:
    if text is None:
        return 4
    if not re.fullmatch(r"\d{1,3}", text, re.ASCII) or not 1 <= int(text) <= MAX_COHORTS:
        raise QueryError(f"{name} is {text[:40]!r}, but must be a whole number from 1 to {MAX_COHORTS}.")
    return int(text)
