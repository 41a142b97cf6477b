"""Route of SQL queries: ``POST /api/sql``."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, Protocol

import pyarrow as pa
from fastapi import APIRouter, Body, HTTPException, Request, Response
from fastapi.params import Depends as Dependency

from mallard.api.downloads import Deliver
from mallard.api.etag import INCOMPLETE
from mallard.api.permissions import Permissions
from mallard.api.schemas.documented_errors import ERRORS
from mallard.api.schemas.sql_schemas import SqlRequest
from mallard.engine.omitted_files import noting
from mallard.engine.request_snapshot import one_snapshot
from mallard.engine.sql_query import SqlQuery
from mallard.errors import QueryError
from mallard.reports.sql_report import SQL_FORMATS, sql_download
from mallard.sites.site_id import read_site
from mallard.stats.date_range import read_date
from mallard.transfer.formats.writers import SQL_MEDIA_TYPES

KEYS = ("sql", "site_id", "start_date", "end_date", "format")
OFF = "SQL is off on this server; MALLARD_SQL=true turns it on."


class AnswersSql(Protocol):
    """SQL over some sites."""

    def answer(self, query: SqlQuery) -> pa.Table:
        """The rows."""
        ...


def sql_routes(
    sql: AnswersSql | None,
    sites: Callable[[], list[str]],
    permissions: Permissions,
    before: Sequence[Dependency],
    deliver: Deliver,
) -> APIRouter:
    """The router; None for ``sql`` where it is off. ``before`` run first and set the identity.

    ``sites`` gives all sites with events, ``deliver`` makes the response.
    """
    router = APIRouter(prefix="/api", tags=["sql"], dependencies=list(before), responses=ERRORS)
    shapes: dict[str, dict[str, Any]] = {form: {"type": "string", "format": "binary"} for form in SQL_MEDIA_TYPES}
    shapes["json"] = {"type": "array", "items": {"type": "object"}}
    body = {"requestBody": {"content": {"application/json": {"schema": SqlRequest.model_json_schema()}}}}

    @router.post(
        "/sql",
        response_class=Response,
        openapi_extra=body,
        responses={
            200: {
                "description": "The rows; an array of objects as JSON.",
                "content": {SQL_MEDIA_TYPES[form]: {"schema": shape} for form, shape in shapes.items()},
            },
            303: {"description": "On AWS, where they are large: their address, which lives for an hour."},
        },
    )
    def run_sql(request: Request, response: Response, given: Any = Body()) -> Response:  # noqa: B008  # FastAPI's way
        """The rows of one SELECT over the views events and visits."""
        text, site, start, end, form = _read(given)
        chosen = permissions.to_sql(request.state.identity, site, sites)
        if sql is None:
            raise HTTPException(403, OFF)
        with noting() as omitted, one_snapshot():
            rows = sql.answer(SqlQuery(text, tuple(chosen), start, end))
        headers = dict(response.headers)
        if omitted:
            headers[INCOMPLETE] = ", ".join(sorted({each.date.isoformat() for each in omitted}))
        return deliver(sql_download(rows, form), headers)

    return router


def _read(given: Any) -> tuple[str, str | None, date | None, date | None, str]:
    if not isinstance(given, dict):
        raise QueryError("The body must be a JSON object with the key sql.")
    if unknown := sorted(set(given) - set(KEYS)):
        raise QueryError(f"{str(unknown[0])[:40]!r} is not a key of the body, whose keys are {', '.join(KEYS)}.")
    text = _text(given, "sql")
    if text is None:
        raise QueryError("sql is missing; it is one SELECT statement over the tables events and visits.")
    site = _text(given, "site_id")
    form = _text(given, "format") or SQL_FORMATS[0]
    if form not in SQL_FORMATS:
        raise QueryError(f"format is {form[:40]!r}, but must be one of {', '.join(SQL_FORMATS)}.")
    dates = [_date(given, name) for name in ("start_date", "end_date")]
    start, end = dates
    if start and end and start >= end:
        raise QueryError(f"end_date is {end}, but must be after start_date {start}: it is the day after the last.")
    return text, None if site is None else read_site(site), start, end, form


def _date(given: Mapping[str, Any], name: str) -> date | None:
    text = _text(given, name)
    return None if text is None else read_date(name, text)


def _text(given: Mapping[str, Any], name: str) -> str | None:
    value = given.get(name)
    if value is not None and not isinstance(value, str):
        raise QueryError(f"{name} is {str(value)[:40]}, but must be a text.")
    return value
