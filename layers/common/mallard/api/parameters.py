"""Checked query parameters, each with an error sentence instead of a default."""

import re
from typing import Annotated

from fastapi import Depends, Query, Request
from fastapi.dependencies.models import Dependant

from mallard.errors import QueryError
from mallard.reports.standard_reports import BREAKDOWNS, OVERVIEW_BREAKDOWNS
from mallard.stats.comparison import COMPARISONS
from mallard.stats.date_range import PERIODS
from mallard.stats.query import MAX_LIMIT

SiteId = Annotated[str | None, Query(description="Site id, such as example.com. Required.")]
PeriodName = Annotated[str | None, Query(description=f"One of {', '.join(PERIODS)}. Default 30d.")]
StartDate = Annotated[str | None, Query(description="First date, YYYY-MM-DD; with end_date it wins over period.")]
EndDate = Annotated[str | None, Query(description="The date after the last, YYYY-MM-DD.")]
LastDate = Annotated[str | None, Query(description="The last date, YYYY-MM-DD, which is included.")]
Limit = Annotated[str | None, Query(description=f"Rows, 1 to {MAX_LIMIT}. Default 10.")]
Filters = Annotated[
    str | None, Query(description='JSON, such as [["is", "visit:country", ["DE"]]]; docs/filters.md has all operators.')
]
Compare = Annotated[str | None, Query(description=f"An earlier range beside it: {' or '.join(COMPARISONS)}.")]
Breakdowns = Annotated[
    str | None,
    Query(description=f"Names of breakdowns with commas between. Default {','.join(OVERVIEW_BREAKDOWNS)}."),
]
Interval = Annotated[str | None, Query(description="hour or day. Default: hour for day and today, else day.")]


def only_known(request: Request) -> None:
    """Refuse a parameter the route does not have, and one given twice: either would silently change nothing."""
    route = request.scope["route"]
    parameters = _parameters(route.dependant)
    names = list(request.query_params.multi_items())
    for name, _ in names:
        if name not in parameters:
            raise QueryError(f"{name[:40]!r} is not a parameter here; there are {', '.join(sorted(parameters))}.")
        if [each for each, _ in names].count(name) > 1:
            raise QueryError(f"{name} is given more than once.")


def _parameters(dependant: Dependant) -> set[str]:
    inner = (_parameters(each) for each in dependant.dependencies)
    return {parameter.alias for parameter in dependant.query_params}.union(*inner)


OnlyKnown = Depends(only_known)


def read_limit(limit: str | None) -> int:
    """1 to MAX_LIMIT, 10 where it is not given."""
    if limit is None:
        return 10
    if not re.fullmatch(r"\d{1,5}", limit, re.ASCII) or not 1 <= int(limit) <= MAX_LIMIT:
        raise QueryError(f"limit is {limit[:40]!r}, but must be a whole number from 1 to {MAX_LIMIT}.")
    return int(limit)


def read_compare(compare: str | None) -> str | None:
    """One of COMPARISONS, or None."""
    if compare is not None and compare not in COMPARISONS:
        raise QueryError(f"compare is {compare[:40]!r}, but must be {' or '.join(COMPARISONS)}.")
    return compare


def read_breakdowns(names: str | None) -> tuple[str, ...]:
    """Names of breakdowns, each once."""
    given = tuple(names.split(",")) if names is not None else OVERVIEW_BREAKDOWNS
    for name in given:
        if name not in BREAKDOWNS:
            raise QueryError(f"breakdowns has {name[:40]!r}, but there are {', '.join(BREAKDOWNS)}.")
        if given.count(name) > 1:
            raise QueryError(f"breakdowns has {name} more than once.")
    return given


def read_interval(interval: str | None) -> str | None:
    """hour, day, or None."""
    if interval not in (None, "hour", "day"):
        raise QueryError(f"interval is {interval[:40]!r}, but must be hour or day.")
    return interval
