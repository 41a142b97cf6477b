"""Routes of segments: the saved filters of a site."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi.params import Depends as Dependency
from starlette.exceptions import HTTPException

from mallard.api.routes.site_routes import SitePath
from mallard.api.schemas.documented_errors import SITE_ERRORS
from mallard.api.schemas.segment_schemas import SegmentDeleted, SegmentGiven, SegmentRow, segment_row
from mallard.api.security_schemes import MANAGES
from mallard.engine.base import Engine
from mallard.errors import QueryError
from mallard.sites.site_id import read_site
from mallard.stats.filters import read_filters

MAX_FILTERS_LENGTH = 4000
"""Of the filters of one segment, as JSON."""

SegmentPath = Annotated[int, Path(description="The segment's id.", ge=1, le=10**9)]


def segment_routes(
    engine: Callable[[], Engine], clock: Callable[[], datetime], permissions: Sequence[Dependency]
) -> APIRouter:
    """The router; ``permissions`` run before each route and set the identity."""
    router = APIRouter(
        prefix="/api/sites/{site_id}/segments",
        tags=["sites"],
        dependencies=[*permissions, *MANAGES],
        responses=SITE_ERRORS,
    )

    @router.get("")
    def list_segments(site_id: SitePath) -> list[SegmentRow]:
        """The segments of a site, the oldest first."""
        return [segment_row(each) for each in engine().segments.all(read_site(site_id))]

    @router.post("", status_code=201)
    def create_segment(site_id: SitePath, given: SegmentGiven) -> SegmentRow:
        """Save filters under a name."""
        site = read_site(site_id)
        return segment_row(engine().segments.create(site, given.name, _checked(given.filters), clock()))

    @router.put("/{segment_id}")
    def change_segment(site_id: SitePath, segment_id: SegmentPath, given: SegmentGiven) -> SegmentRow:
        """Set the name and the filters of a segment."""
        filters = _checked(given.filters)
        changed = engine().segments.change(read_site(site_id), segment_id, given.name, filters, clock())
        if changed is None:
            raise HTTPException(404, "There is no such segment.")
        return segment_row(changed)

    @router.delete("/{segment_id}")
    def delete_segment(site_id: SitePath, segment_id: SegmentPath) -> SegmentDeleted:
        """Delete a segment. Filters that name it are refused from then on."""
        if not engine().segments.delete(read_site(site_id), segment_id):
            raise HTTPException(404, "There is no such segment.")
        return SegmentDeleted()

    return router


def _checked(filters: list[Any]) -> list[Any]:
    if read_filters(filters, strict=True) is None:
        raise QueryError("filters is [], but must be a list of at least one filter.")
    if len(json.dumps(filters, ensure_ascii=False)) > MAX_FILTERS_LENGTH:
        raise QueryError(f"filters has over {MAX_FILTERS_LENGTH:,} characters.")
    return filters
