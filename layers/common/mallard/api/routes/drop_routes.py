"""Route ``/api/stats/rejected``: dropped events by reason."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.params import Depends as Dependency

from mallard.api.dependencies import ReportRequest, ask_span
from mallard.api.etag import ETagRoute
from mallard.api.schemas.documented_errors import ERRORS
from mallard.api.schemas.stats_schemas import DroppedRow
from mallard.drops.drop_counts import rejections
from mallard.engine.base import Engine


def rejected_routes(
    engine: Callable[[], Engine], clock: Callable[[], datetime], permissions: Sequence[Dependency]
) -> APIRouter:
    """The router; ``permissions`` come before the route, which knows nothing of filters."""
    router = APIRouter(
        prefix="/api/stats", tags=["stats"], dependencies=list(permissions), responses=ERRORS, route_class=ETagRoute
    )
    Span = Annotated[ReportRequest, Depends(ask_span(engine, clock))]  # noqa: N806  # a type

    @router.get("/rejected")
    def rejected(report: Span) -> list[DroppedRow]:
        """A site's dropped events of the last seven days, by date (UTC) and reason."""
        scope, zones = report.scope, report.stats.engine.zones(report.scope.site_id)
        # Drops are counted under UTC dates, for a refused request may name any site: all that the range touches.
        first, last = zones.day_start(scope.period.start), zones.day_start(scope.period.end) - timedelta(microseconds=1)
        return [
            DroppedRow(
                date=each.date,
                reason=each.reason,
                count=each.count,
                first=datetime.fromtimestamp(each.first_ms / 1000, UTC),
                last=datetime.fromtimestamp(each.last_ms / 1000, UTC),
            )
            for each in rejections(engine().store, scope.site_id, first.date(), last.date() + timedelta(days=1))
        ]

    return router
