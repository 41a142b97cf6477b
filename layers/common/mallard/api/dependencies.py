"""FastAPI dependencies of reports: site, date range and filter."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Request

from mallard.api.parameters import EndDate, Filters, PeriodName, SiteId, StartDate
from mallard.engine.base import Engine
from mallard.errors import QueryError
from mallard.reports.standard_reports import Scope, Stats
from mallard.sites.site_id import read_site
from mallard.stats.date_range import read_period
from mallard.stats.filter_reader import Segments
from mallard.stats.filters import both, parse_filters, refuse_patterns

NO_MINUTES = (
    "period is 'realtime', but this server rounds times to the hour (MALLARD_GDPR_MODE or MALLARD_ROUND_TIMESTAMPS), "
    "so the last five minutes cannot be told; the shortest period is today."
)


class ReportRequest:
    """The reports of an engine, and the scope of a request."""

    def __init__(self, stats: Stats, scope: Scope) -> None:
        """``scope`` is validated."""
        self.stats = stats
        self.scope = scope


def segments_of(engine: Engine, site_id: str) -> Segments:
    """The filters of a site's segments, by id."""

    def filters(number: int) -> list[Any] | None:
        segment = engine.segments.find(site_id, number)
        return segment.filters if segment else None

    return filters


def ask_span(engine: Callable[[], Engine], clock: Callable[[], datetime]) -> Callable[..., ReportRequest]:
    """The dependency that reads site and range."""

    def span(
        site_id: SiteId = None, period: PeriodName = None, start_date: StartDate = None, end_date: EndDate = None
    ) -> ReportRequest:
        now, site, running = clock(), read_site(site_id), engine()
        read = read_period(period, start_date, end_date, now, running.zones(site))
        if read.since is not None and running.rounds_times:
            raise QueryError(NO_MINUTES)
        return ReportRequest(Stats(running, now), Scope(site, read))

    return span


def ask_filtered(engine: Callable[[], Engine], clock: Callable[[], datetime]) -> Callable[..., ReportRequest]:
    """The dependency that reads site, range and filter.

    An identity with access to a part of the numbers only (``request.state.identity``, set by the permission checks)
    gets that part, whatever else the request filters by.
    """
    Span = Annotated[ReportRequest, Depends(ask_span(engine, clock))]  # noqa: N806  # a type

    def ask(request: Request, report: Span, filters: Filters = None) -> ReportRequest:
        request.state.stats = report.stats
        identity = request.state.identity
        given = parse_filters(filters, segments_of(engine(), report.scope.site_id))
        if not identity.is_known:
            refuse_patterns(given)
        passing = both(given, parse_filters(identity.filters or None))
        return ReportRequest(report.stats, replace(report.scope, filters=passing))

    return ask
