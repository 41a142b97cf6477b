"""The query API: FastAPI routes over ``Stats``, with their OpenAPI at ``/openapi.json``."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal, Protocol

from fastapi import Body, Depends, FastAPI, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from mallard import __version__
from mallard.errors import ErasureError, MallardError, QueryError, QueryTooLargeError, SettingsError
from mallard.query.engine import Engine
from mallard.query.host import is_own_name
from mallard.query.parameters import (
    EndDate,
    Interval,
    LastDate,
    Limit,
    OnlyKnown,
    PeriodName,
    SiteId,
    StartDate,
    read_interval,
    read_limit,
    read_site,
)
from mallard.query.period import Period, read_date, read_period
from mallard.query.stats import BREAKDOWNS, Stats
from mallard.rejected.counts import rejections

log = logging.getLogger("mallard.query")

MAX_HOURLY_DAYS = 31
MAX_BODY_BYTES = 1024 * 1024
HEADERS = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
}
"""Numbers are no page of another site's to embed, and no cache's to keep."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What every report is asked: by which reports, of which site, over which range."""

    stats: Stats
    site_id: str
    period: Period


class Main(BaseModel):
    """The headline numbers of a site and range."""

    unique_visitors: int
    total_pageviews: int
    bounce_rate: float = Field(description="Visits with one page view and nothing else, as a fraction of visits.")
    avg_visit_duration_secs: float
    pages_per_visit: float = Field(description="Page views per visitor.")
    visits: int
    views_per_visit: float
    events: int
    current_visitors: int = Field(description="Distinct visitors of the last five minutes.")


class Bucket(BaseModel):
    """One step of a time series: a day, or an hour as `YYYY-MM-DD HH:00`."""

    date: str
    visitors: int
    pageviews: int


class Row(BaseModel):
    """One value of a dimension."""

    value: str
    visitors: int
    pageviews: int


class RejectedRow(BaseModel):
    """How often events were dropped for one reason on one day; docs/ingest.md has all reasons."""

    date: date
    reason: str
    count: int
    first: datetime
    last: datetime


class Site(BaseModel):
    """A site with events."""

    site_id: str


SitePath = Annotated[str, Path(description="Site id, such as example.com.")]


class Refusal(BaseModel):
    """Why there is no answer, in one sentence."""

    error: str


class ErasureRow(BaseModel):
    """What an erasure removed, or, where it is `queued`, will remove at the next flushes."""

    site_id: str
    start_date: date
    end_date: date
    status: Literal["done", "queued"]
    days: list[date] = Field(description="Days that held events.")
    events: int = Field(description="Events removed from the table; 0 while queued.")


class Erased(Protocol):
    """What ``erase`` tells."""

    @property
    def days(self) -> tuple[date, ...]:
        """Days that held events."""
        ...

    @property
    def events(self) -> int:
        """Events removed from the table."""
        ...

    @property
    def done(self) -> bool:
        """Whether they are gone already."""
        ...


Erase = Callable[[str, date, date], Erased]
"""Erases a site's days, both included; raises ErasureError where the range is wrong."""


def create_app(
    engine: Callable[[], Engine],
    sites: Callable[[], list[str]],
    clock: Callable[[], datetime],
    erase: Erase,
    *,
    is_open: bool,
    own_names_only: bool = False,
) -> FastAPI:
    """The application. ``is_open`` says whether whoever reaches it may read the numbers; else each answer is 401.

    ``own_names_only``: they are open because only this machine reaches it, so under no name but its own.
    """
    app = FastAPI(
        title="Mallard Metrics",
        version=__version__,
        description="Privacy-first web analytics.",
        # Their pages load from another host; ours is static.
        docs_url=None,
        redoc_url=None,
        max_body_size=MAX_BODY_BYTES,
        responses={status: {"model": Refusal} for status in (400, 401, 503)},
    )

    def admit(request: Request, response: Response) -> None:
        response.headers.update(HEADERS)
        if not is_open:
            raise HTTPException(401, "The numbers are open only on this machine; MALLARD_AUTH=off opens them to all.")
        if own_names_only and not is_own_name(request.headers.get("host", "")):
            raise HTTPException(
                403, "The numbers are open under localhost or an address; MALLARD_AUTH=off opens them under any name."
            )

    def ask(
        site_id: SiteId = None, period: PeriodName = None, start_date: StartDate = None, end_date: EndDate = None
    ) -> Ask:
        now, site, running = clock(), read_site(site_id), engine()
        return Ask(Stats(running, now), site, read_period(period, start_date, end_date, now, running.zones(site)))

    Asked = Annotated[Ask, Depends(ask)]  # noqa: N806  # a type
    guards = [Depends(admit), OnlyKnown]

    @app.get("/api/sites", tags=["sites"], dependencies=guards)
    def list_sites() -> list[Site]:
        """All sites with events."""
        return [Site(site_id=each) for each in sites()]

    @app.get("/api/stats/main", tags=["stats"], dependencies=guards)
    def main(asked: Asked) -> Main:
        """The headline numbers."""
        return Main(**asked.stats.main(asked.site_id, asked.period))

    @app.get("/api/stats/timeseries", tags=["stats"], dependencies=guards)
    def timeseries(asked: Asked, interval: Interval = None) -> list[Bucket]:
        """Visitors and page views over time; empty buckets are present."""
        period = _stepped(asked.period, read_interval(interval))
        return [Bucket(**each) for each in asked.stats.timeseries(asked.site_id, period)]

    @app.get("/api/stats/breakdown/{dimension}", tags=["stats"], dependencies=guards)
    def breakdown(
        asked: Asked,
        dimension: Annotated[str, Path(description=f"One of {', '.join(BREAKDOWNS)}.")],
        limit: Limit = None,
    ) -> list[Row]:
        """The top values of a dimension, by visitors, then value."""
        if dimension not in BREAKDOWNS:
            raise QueryError(f"{dimension[:40]!r} is no breakdown; there are {', '.join(BREAKDOWNS)}.")
        rows = asked.stats.breakdown(asked.site_id, asked.period, dimension, read_limit(limit))
        return [Row(**each) for each in rows]

    @app.get("/api/stats/rejected", tags=["stats"], dependencies=guards)
    def rejected(asked: Asked) -> list[RejectedRow]:
        """Why events are missing: a site's drops of the last seven days, by date (UTC) and reason."""
        store, period = engine().store, asked.period
        return [
            RejectedRow(
                date=each.date,
                reason=each.reason,
                count=each.count,
                first=datetime.fromtimestamp(each.first_ms / 1000, UTC),
                last=datetime.fromtimestamp(each.last_ms / 1000, UTC),
            )
            for each in rejections(store, asked.site_id, period.start, period.end)
        ]

    @app.get("/api/sites/{site_id}", tags=["sites"], dependencies=guards)
    def read_site_settings(site_id: SitePath) -> dict[str, Any]:
        """A site's settings: its time zone, who may send for it, its goals, whether everyone may look."""
        site = read_site(site_id)
        settings = engine().book.get(site)
        return settings.to_api(settings.zones.local_date(clock()))

    @app.put("/api/sites/{site_id}", tags=["sites"], dependencies=guards)
    def change_site_settings(site_id: SitePath, given: Annotated[Any, Body()]) -> dict[str, Any]:
        """Set a site's settings. Another time zone holds from tomorrow on; what is left out takes its default."""
        site = read_site(site_id)
        settings = engine().book.change(site, given, clock())
        return settings.to_api(settings.zones.local_date(clock()))

    @app.delete("/api/gdpr/erase", tags=["sites"], dependencies=guards)
    def erase_days(
        response: Response, site_id: SiteId = None, start_date: StartDate = None, end_date: LastDate = None
    ) -> ErasureRow:
        """Remove a site's days everywhere, both dates included. There is no way back."""
        site = read_site(site_id)
        first, last = read_date("start_date", start_date), read_date("end_date", end_date)
        erased = erase(site, first, last)
        if not erased.done:
            response.status_code = 202
        status: Literal["done", "queued"] = "done" if erased.done else "queued"
        return ErasureRow(
            site_id=site, start_date=first, end_date=last, status=status, days=list(erased.days), events=erased.events
        )

    _answer_errors(app)
    return app


def _stepped(period: Period, interval: str | None) -> Period:
    if interval == "hour" and (period.open_start or (period.end - period.start).days > MAX_HOURLY_DAYS):
        raise QueryError(f"interval is 'hour', but must be day for more than {MAX_HOURLY_DAYS} days.")
    return replace(period, hourly=interval == "hour") if interval else period


def _answer_errors(app: FastAPI) -> None:
    """Every error is ``{"error": sentence}``; what nobody foresaw is logged and tells a stranger nothing."""

    def failed(status: int) -> Callable[[Request, Exception], JSONResponse]:
        def answer(request: Request, error: Exception) -> JSONResponse:
            if status >= 500:
                log.error("%s failed: %s", request.url.path, error)
            return JSONResponse({"error": str(error)}, status)

        return answer

    def refused(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001
        status = getattr(error, "status_code", 500)
        return JSONResponse({"error": str(getattr(error, "detail", ""))}, status, getattr(error, "headers", None))

    def invalid(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001
        # Its text would name files of this machine.
        first = error.errors()[0] if isinstance(error, RequestValidationError) else {"loc": (), "msg": ""}
        place = ".".join(str(each) for each in first["loc"])
        return JSONResponse({"error": f"The request is not as it should be: {place}: {first['msg']}."}, 400)

    def unforeseen(request: Request, error: Exception) -> JSONResponse:
        log.exception("%s failed", request.url.path, exc_info=error)
        return JSONResponse({"error": "Something went wrong here; the log knows more."}, 500)

    app.add_exception_handler(QueryError, failed(400))
    app.add_exception_handler(ErasureError, failed(400))
    app.add_exception_handler(SettingsError, failed(400))
    app.add_exception_handler(QueryTooLargeError, failed(413))
    app.add_exception_handler(MallardError, failed(503))
    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(Exception, unforeseen)
