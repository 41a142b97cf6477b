"""Routes of Plausible's Stats API v1: ``/api/v1/stats``."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.params import Depends as Dependency

from mallard.api.dependencies import NO_MINUTES
from mallard.api.etag import ETagRoute
from mallard.api.schemas.documented_errors import ERRORS
from mallard.api.schemas.v1_schemas import V1Aggregate, V1Rows, v1_parameters
from mallard.engine.base import Engine
from mallard.errors import QueryError
from mallard.reports.query_runner import QueryAnswer, QueryRunner
from mallard.reports.standard_reports import Stats
from mallard.reports.v1_results import v1_aggregate, v1_breakdown, v1_timeseries
from mallard.sites.settings import Goal
from mallard.sites.site_id import read_site
from mallard.sites.time_zone import SiteZones
from mallard.stats.filters import both, parse_filters, refuse_patterns
from mallard.stats.v1_query import (
    V1Parameters,
    V1Query,
    read_v1_aggregate,
    read_v1_breakdown,
    read_v1_timeseries,
)

Parameters = Annotated[V1Parameters, Depends(v1_parameters)]
Reader = Callable[[V1Parameters, datetime, SiteZones, Sequence[Goal]], V1Query]


def v1_stats_routes(
    engine: Callable[[], Engine], clock: Callable[[], datetime], permissions: Sequence[Dependency]
) -> APIRouter:
    """The router; ``permissions`` run before each route and set the identity."""
    router = APIRouter(
        prefix="/api/v1/stats",
        tags=["plausible"],
        dependencies=list(permissions),
        responses=ERRORS,
        route_class=ETagRoute,
    )

    def answered(request: Request, given: V1Parameters, read: Reader) -> tuple[V1Query, QueryAnswer]:
        running, now, site, identity = engine(), clock(), read_site(given.site_id), request.state.identity
        goals = running.site_settings.get(site).goals
        found = read(replace(given, site_id=site), now, running.zones(site), goals)
        query = found.query
        if not identity.is_known:
            refuse_patterns(query.filters)
        request.state.stats = stats = Stats(running, now)
        return found, QueryRunner(stats).answer(query, both(query.filters, parse_filters(identity.filters or None)))

    @router.get("/realtime/visitors")
    def realtime_visitors(request: Request, given: Parameters) -> int:
        """Visitors of the last five minutes, a bare number."""
        running = engine()
        if running.rounds_times:
            raise QueryError(NO_MINUTES)
        request.state.stats = stats = Stats(running, clock())
        filters = parse_filters(request.state.identity.filters or None)
        return stats.current_visitors(read_site(given.site_id), filters) or 0

    @router.get("/aggregate")
    def aggregate(request: Request, given: Parameters) -> V1Aggregate:
        """Metrics of a range, as Plausible's Stats API v1 answers them."""
        found, answer = answered(request, given, read_v1_aggregate)
        return V1Aggregate(results=v1_aggregate(answer, found.names))

    @router.get("/timeseries")
    def timeseries(request: Request, given: Parameters) -> V1Rows:
        """Metrics by hour, day or month; every bucket of the range is there."""
        found, answer = answered(request, given, read_v1_timeseries)
        return V1Rows(results=v1_timeseries(answer, found.names))

    @router.get("/breakdown")
    def breakdown(request: Request, given: Parameters) -> V1Rows:
        """Metrics by the values of a property."""
        found, answer = answered(request, given, read_v1_breakdown)
        return V1Rows(results=v1_breakdown(answer, found.keys, found.names))

    return router
