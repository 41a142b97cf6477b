"""Routes of sites: settings, and the erasure of a site's days."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal, Protocol

from fastapi import APIRouter, Body, Path, Request, Response
from fastapi.params import Depends as Dependency

from mallard.api.parameters import LastDate, SiteId, StartDate
from mallard.api.schemas.documented_errors import ERRORS
from mallard.api.schemas.stats_schemas import ErasureRow, Site
from mallard.api.security_schemes import MANAGES, READS
from mallard.engine.base import Engine
from mallard.sites.site_id import read_site
from mallard.stats.date_range import read_date

SitePath = Annotated[str, Path(description="Site id, such as example.com.")]


class ErasureResult(Protocol):
    """The result of ``erase``."""

    @property
    def days(self) -> tuple[date, ...]:
        """Days that held events."""
        ...

    @property
    def events(self) -> int:
        """Events removed from the table."""
        ...

    @property
    def damaged(self) -> int:
        """Damaged files removed, whose events cannot be counted."""
        ...

    @property
    def pending(self) -> int:
        """Messages removed that waited for a flush."""
        ...

    @property
    def done(self) -> bool:
        """True where the days are removed already."""
        ...


Erase = Callable[[str, date, date], ErasureResult]
"""Erases a site's days, both included; raises ErasureError where the range is wrong."""


def site_routes(
    *,
    engine: Callable[[], Engine],
    sites: Callable[[], list[str]],
    clock: Callable[[], datetime],
    erase: Erase,
    permissions: Sequence[Dependency],
) -> APIRouter:
    """The router; ``permissions`` run before each route and set the identity."""
    router = APIRouter(prefix="/api", tags=["sites"], dependencies=list(permissions), responses=ERRORS)

    @router.get("/sites", dependencies=READS)
    def list_sites(request: Request) -> list[Site]:
        """The sites with events whose statistics the request may read."""
        return [Site(site_id=each) for each in request.state.identity.readable(sites())]

    @router.get("/sites/{site_id}", dependencies=MANAGES)
    def read_site_settings(site_id: SitePath) -> dict[str, Any]:
        """A site's settings: time zone, permitted origins, goals, public or private."""
        site = read_site(site_id)
        settings = engine().site_settings.get(site)
        return settings.to_api(settings.zones.local_date(clock()))

    @router.put("/sites/{site_id}", dependencies=MANAGES)
    def change_site_settings(site_id: SitePath, given: Annotated[Any, Body()]) -> dict[str, Any]:
        """Set a site's settings.

        Another time zone holds from tomorrow on (from its first day on where no day of the site has begun), and without
        one the zone stays; the rest takes its default.
        """
        site = read_site(site_id)
        settings = engine().site_settings.change(site, given, clock(), is_new=engine().is_new(site))
        return settings.to_api(settings.zones.local_date(clock()))

    @router.delete("/gdpr/erase", dependencies=MANAGES)
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
            site_id=site,
            start_date=first,
            end_date=last,
            status=status,
            days=list(erased.days),
            events=erased.events,
            damaged=erased.damaged,
            pending=erased.pending if erased.done else None,
        )

    return router
