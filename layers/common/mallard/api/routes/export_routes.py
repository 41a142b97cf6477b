"""Route ``/api/stats/export``: a download of days or events."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.params import Depends as Dependency

from mallard.api.auth_http import refuse
from mallard.api.dependencies import ReportRequest, ask_filtered
from mallard.api.downloads import Deliver
from mallard.api.events_from import events_from
from mallard.api.schemas.documented_errors import ERRORS
from mallard.engine.base import Engine
from mallard.errors import QueryError
from mallard.reports.report_export import WHAT, Export, download
from mallard.transfer.formats.writers import DOWNLOAD_FORMATS, MEDIA_TYPES

Format = Annotated[str | None, Query(alias="format", description=f"One of {', '.join(DOWNLOAD_FORMATS)}. Default csv.")]
What = Annotated[
    str | None,
    Query(description="days: a row for each day, the default. events: each event with all columns of the table."),
]

Bom = Annotated[
    str | None,
    Query(
        description="false leaves out the byte-order mark that CSV begins with, by which spreadsheets know UTF-8. "
        "Default true; other formats have none."
    ),
]


def export_routes(
    engine: Callable[[], Engine], clock: Callable[[], datetime], *, permissions: Sequence[Dependency], deliver: Deliver
) -> APIRouter:
    """The router; ``permissions`` come before the route, ``deliver`` makes the answer of a download."""
    router = APIRouter(prefix="/api/stats", tags=["stats"], dependencies=list(permissions), responses=ERRORS)
    Filtered = Annotated[ReportRequest, Depends(ask_filtered(engine, clock))]  # noqa: N806  # a type
    shapes: dict[str, dict[str, Any]] = {form: {"type": "string", "format": "binary"} for form in MEDIA_TYPES}
    shapes["json"] = {"type": "array", "items": {"type": "object"}}

    @router.get(
        "/export",
        response_class=Response,
        responses={
            200: {
                "description": "The file.",
                "content": {MEDIA_TYPES[form]: {"schema": shape} for form, shape in shapes.items()},
            },
            303: {"description": "On AWS, where it is large: its address, which lives for an hour."},
        },
    )
    def export(
        request: Request, response: Response, report: Filtered, form: Format = None, what: What = None, bom: Bom = None
    ) -> Response:
        """A site's days or events as a file."""
        marked = _one_of("bom", bom, ("true", "false")) == "true"
        export = Export(report.scope, _one_of("what", what, WHAT), _one_of("format", form, DOWNLOAD_FORMATS), marked)
        if export.what == "events":
            refuse(request.state.identity.refusal_to_take_events(report.scope.site_id))
        file = download(report.stats, export)
        # The headers that the permission checks set.
        return deliver(file, {**response.headers, **events_from(request)})

    return router


def _one_of(name: str, given: str | None, allowed: Sequence[str]) -> str:
    """The given value, or the first allowed one."""
    if given is not None and given not in allowed:
        raise QueryError(f"{name} is {given[:40]!r}, but must be one of {', '.join(allowed)}.")
    return given or allowed[0]
