"""The routes below ``/api/stats`` that give numbers: parameters in, reports out."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from fastapi.params import Depends as Dependency

from mallard.api.dependencies import ReportRequest, ask_filtered
from mallard.api.etag import ETagRoute
from mallard.api.parameters import (
    Breakdowns,
    Compare,
    Interval,
    Limit,
    read_breakdowns,
    read_compare,
    read_interval,
    read_limit,
)
from mallard.api.schemas.stats_schemas import BreakdownRow, Bucket, Counted, MainNumbers, OmittedFile, OverviewResponse
from mallard.engine.base import Engine
from mallard.engine.omitted_files import noted
from mallard.errors import QueryError
from mallard.reports.standard_reports import BREAKDOWNS, Scope
from mallard.stats.comparison import earlier
from mallard.stats.date_range import DateRange

MAX_HOURLY_DAYS = 31


def stats_routes(
    engine: Callable[[], Engine], clock: Callable[[], datetime], guards: Sequence[Dependency]
) -> APIRouter:
    """The router; ``guards`` come before each route, and say who was let in."""
    router = APIRouter(prefix="/api/stats", tags=["stats"], dependencies=list(guards), route_class=ETagRoute)

    Filtered = Annotated[ReportRequest, Depends(ask_filtered(engine, clock))]  # noqa: N806  # a type

    def ask(asked: Filtered, compare: Compare = None) -> ReportRequest:
        comparison = read_compare(compare)
        before = earlier(asked.scope.period, comparison) if comparison else None
        return ReportRequest(asked.stats, replace(asked.scope, before=before))

    Asked = Annotated[ReportRequest, Depends(ask)]  # noqa: N806  # a type

    @router.get("/main", response_model_exclude_unset=True)
    def main(asked: Asked) -> MainNumbers:
        """The headline numbers."""
        found = asked.stats.main(asked.scope)
        return MainNumbers(**found, **_limits_of(asked))

    @router.get("/timeseries", response_model_exclude_none=True)
    def timeseries(asked: Asked, interval: Interval = None) -> list[Bucket]:
        """Visitors and page views over time; empty buckets are present."""
        return [Bucket(**each) for each in asked.stats.timeseries(_stepped(asked.scope, interval))]

    @router.get("/breakdown/{dimension}", response_model_exclude_none=True)
    def breakdown(
        asked: Asked,
        dimension: Annotated[str, Path(description=f"One of {', '.join(BREAKDOWNS)}.")],
        limit: Limit = None,
    ) -> list[BreakdownRow]:
        """The top values of a dimension, by visitors, then value."""
        return [BreakdownRow(**each) for each in asked.stats.breakdown(asked.scope, dimension, read_limit(limit))]

    @router.get("/overview", response_model_exclude_unset=True)
    def overview(
        asked: Asked, breakdowns: Breakdowns = None, limit: Limit = None, interval: Interval = None
    ) -> OverviewResponse:
        """Headline, series and breakdowns in one answer: what a dashboard shows."""
        found = asked.stats.overview(_stepped(asked.scope, interval), read_limit(limit), read_breakdowns(breakdowns))
        return OverviewResponse(
            start_date=found.period.start,
            end_date=found.period.end,
            main=MainNumbers(**found.main),
            timeseries=[Bucket(**each) for each in found.timeseries],
            breakdowns={name: [BreakdownRow(**each) for each in rows] for name, rows in found.breakdowns.items()},
            counted=Counted(**found.counted),
            timezone=asked.stats.zone(asked.scope.site_id),
            **_limits_of(asked),
        )

    return router


def _limits_of(asked: ReportRequest) -> dict[str, Any]:
    """The damaged files that are left out, and the date from which events are there; only what there is."""
    found = {
        "incomplete": [OmittedFile(date=each.date, file=each.file) for each in noted()],
        "events_from": asked.stats.events_from,
    }
    return {name: value for name, value in found.items() if value}


def _stepped(scope: Scope, given: Any) -> Scope:
    interval, period = read_interval(given), scope.period
    if interval == "hour" and (period.open_start or (period.end - period.start).days > MAX_HOURLY_DAYS):
        raise QueryError(f"interval is 'hour', but must be day for more than {MAX_HOURLY_DAYS} days.")

    def stepped(period: DateRange) -> DateRange:
        return replace(period, hourly=interval == "hour") if interval else period

    return replace(scope, period=stepped(period), before=stepped(scope.before) if scope.before else None)
