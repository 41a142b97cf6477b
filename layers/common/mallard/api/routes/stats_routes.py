"""Routes of the headline, timeseries, breakdowns and overview."""

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
from mallard.api.schemas.documented_errors import ERRORS
from mallard.api.schemas.stats_schemas import BreakdownRow, Bucket, Counted, MainNumbers, OmittedFile, OverviewResponse
from mallard.engine.base import Engine
from mallard.engine.omitted_files import noted
from mallard.errors import QueryError
from mallard.reports.standard_reports import BREAKDOWNS, Scope
from mallard.stats.comparison import earlier
from mallard.stats.date_range import DateRange

MAX_HOURLY_DAYS = 31


def stats_routes(
    engine: Callable[[], Engine], clock: Callable[[], datetime], permissions: Sequence[Dependency]
) -> APIRouter:
    """The router; ``permissions`` run before each route and set the identity."""
    router = APIRouter(
        prefix="/api/stats", tags=["stats"], dependencies=list(permissions), responses=ERRORS, route_class=ETagRoute
    )

    Filtered = Annotated[ReportRequest, Depends(ask_filtered(engine, clock))]  # noqa: N806  # a type

    def ask(report: Filtered, compare: Compare = None) -> ReportRequest:
        comparison = read_compare(compare)
        before = earlier(report.scope.period, comparison) if comparison else None
        return ReportRequest(report.stats, replace(report.scope, before=before))

    Report = Annotated[ReportRequest, Depends(ask)]  # noqa: N806  # a type

    @router.get("/main", response_model_exclude_unset=True)
    def main(report: Report) -> MainNumbers:
        """The headline numbers."""
        result = report.stats.main(report.scope)
        return MainNumbers(**result, **_limits_of(report))

    @router.get("/timeseries", response_model_exclude_none=True)
    def timeseries(report: Report, interval: Interval = None) -> list[Bucket]:
        """Visitors and page views over time; empty buckets are present."""
        return [Bucket(**each) for each in report.stats.timeseries(_stepped(report.scope, interval))]

    @router.get("/breakdown/{dimension}", response_model_exclude_none=True)
    def breakdown(
        report: Report,
        dimension: Annotated[str, Path(description=f"One of {', '.join(BREAKDOWNS)}.")],
        limit: Limit = None,
    ) -> list[BreakdownRow]:
        """The top values of a dimension, by visitors, then value."""
        return [BreakdownRow(**each) for each in report.stats.breakdown(report.scope, dimension, read_limit(limit))]

    @router.get("/overview", response_model_exclude_unset=True)
    def overview(
        report: Report, breakdowns: Breakdowns = None, limit: Limit = None, interval: Interval = None
    ) -> OverviewResponse:
        """Headline, series and breakdowns in one answer: what a dashboard shows."""
        result = report.stats.overview(_stepped(report.scope, interval), read_limit(limit), read_breakdowns(breakdowns))
        return OverviewResponse(
            start_date=result.period.start,
            end_date=result.period.end,
            main=MainNumbers(**result.main),
            timeseries=[Bucket(**each) for each in result.timeseries],
            breakdowns={name: [BreakdownRow(**each) for each in rows] for name, rows in result.breakdowns.items()},
            counted=Counted(**result.counted),
            timezone=report.stats.zone(report.scope.site_id),
            **_limits_of(report),
        )

    return router


def _limits_of(report: ReportRequest) -> dict[str, Any]:
    """The damaged files that are left out, and the date from which events are there; only what there is."""
    result = {
        "incomplete": [OmittedFile(date=each.date, file=each.file) for each in noted()],
        "events_from": report.stats.events_from,
    }
    return {name: value for name, value in result.items() if value}


def _stepped(scope: Scope, given: Any) -> Scope:
    interval, period = read_interval(given), scope.period
    if interval == "hour" and (period.open_start or (period.end - period.start).days > MAX_HOURLY_DAYS):
        raise QueryError(f"interval is 'hour', but must be day for more than {MAX_HOURLY_DAYS} days.")

    def stepped(period: DateRange) -> DateRange:
        return replace(period, hourly=interval == "hour") if interval else period

    return replace(scope, period=stepped(period), before=stepped(scope.before) if scope.before else None)
