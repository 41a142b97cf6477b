"""Routes of sessions, funnels and retention."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.params import Depends as Dependency

from mallard.api.behaviour_parameters import (
    Breakdown,
    Count,
    Interval,
    Mode,
    Steps,
    Weeks,
    Window,
    read_breakdown,
    read_retention,
)
from mallard.api.dependencies import ReportRequest, ask_filtered
from mallard.api.etag import ETagRoute
from mallard.api.parameters import Limit, read_limit
from mallard.api.schemas.behaviour_schemas import (
    Cohort,
    FunnelResponse,
    FunnelStep,
    RetentionResponse,
    SessionNumbers,
    SessionsResponse,
)
from mallard.api.schemas.documented_errors import ERRORS
from mallard.engine.base import Engine
from mallard.reports.behaviour.funnel import Funnel, count_funnel, read_modes
from mallard.reports.behaviour.retention import count_retention
from mallard.reports.behaviour.sessions import count_sessions, sessions_by
from mallard.reports.behaviour.steps import parse_steps
from mallard.reports.behaviour.windows import read_window


def behaviour_routes(
    engine: Callable[[], Engine], clock: Callable[[], datetime], permissions: Sequence[Dependency]
) -> APIRouter:
    """The router; ``permissions`` run before each route and set the identity."""
    router = APIRouter(
        prefix="/api/stats", tags=["behaviour"], dependencies=list(permissions), responses=ERRORS, route_class=ETagRoute
    )

    Report = Annotated[ReportRequest, Depends(ask_filtered(engine, clock))]  # noqa: N806  # a type

    @router.get("/sessions", response_model_exclude_none=True)
    def sessions(
        report: Report, breakdown: Breakdown = None, limit: Limit = None
    ) -> SessionNumbers | list[SessionsResponse]:
        """Visits: how many, how long, how many pages."""
        rows = read_limit(limit)
        if breakdown is None:
            return SessionNumbers(**count_sessions(report.stats, report.scope))
        return [SessionsResponse(**each) for each in sessions_by(report.stats, report.scope, breakdown, rows)]

    @router.get("/funnel")
    def funnel(
        report: Report,
        steps: Steps = None,
        window: Window = None,
        mode: Mode = None,
        breakdown: Breakdown = None,
        limit: Limit = None,
    ) -> list[FunnelStep] | list[FunnelResponse]:
        """Visitors by the number of steps they took in order within a window that begins with the first step."""
        query = Funnel(
            parse_steps(steps), read_window(window), read_modes(mode), read_breakdown(breakdown), read_limit(limit)
        )
        result = count_funnel(report.stats, report.scope, query)
        return (
            [FunnelResponse(**each) for each in result] if query.breakdown else [FunnelStep(**each) for each in result]
        )

    @router.get("/retention", response_model_exclude_none=True)
    def retention(
        report: Report,
        weeks: Weeks = None,
        interval: Interval = None,
        count: Count = None,
        breakdown: Breakdown = None,
        limit: Limit = None,
    ) -> list[Cohort] | list[RetentionResponse]:
        """Of the visitors first seen in an interval, how many are seen again in those after it."""
        query = read_retention(weeks, interval, count, breakdown, read_limit(limit))
        result = count_retention(report.stats, report.scope, query)
        return (
            [RetentionResponse(**each) for each in result] if query.breakdown else [Cohort(**each) for each in result]
        )

    return router
