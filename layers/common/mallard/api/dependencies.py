"""FastAPI dependencies of reports: site, date range and filter."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

from mallard.api.parameters import EndDate, Filters, PeriodName, SiteId, StartDate, read_site
from mallard.engine.base import Engine
from mallard.errors import QueryError
from mallard.reports.standard_reports import Scope, Stats
from mallard.stats.date_range import read_period
from mallard.stats.filters import both, parse_filters, refuse_patterns

NO_MINUTES = (
    "period is 'realtime', but this server rounds times to the hour (MALLARD_GDPR_MODE or MALLARD_ROUND_TIMESTAMPS), "
    "so the last five minutes cannot be told; the shortest period is today."
)


class ReportRequest:
    """Which reports, and about what."""

    def __init__(self, stats: Stats, scope: Scope) -> None:
        """``scope`` is validated."""
        self.stats = stats
        self.scope = scope


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

    Whoever was let in to a part of the numbers only (``request.state.who``, which the guards before the route have
    set) is asked about that part, whatever else they filter by.
    """
    Span = Annotated[ReportRequest, Depends(ask_span(engine, clock))]  # noqa: N806  # a type

    def ask(request: Request, asked: Span, filters: Filters = None) -> ReportRequest:
        request.state.stats = asked.stats
        who, given = request.state.who, parse_filters(filters)
        if not who.is_known:
            refuse_patterns(given)
        passing = both(given, parse_filters(who.filters or None))
        return ReportRequest(asked.stats, replace(asked.scope, filters=passing))

    return ask
