"""Route of v2 queries: ``POST /api/v2/query``."""

import time
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any

import pyarrow as pa
from fastapi import APIRouter, Body, Request, Response
from fastapi.params import Depends as Dependency

from mallard.api.dependencies import segments_of
from mallard.api.downloads import Deliver, stream
from mallard.api.etag import ETagRoute
from mallard.api.events_from import events_from
from mallard.api.kind_responses import kind_response
from mallard.api.permissions import Permissions
from mallard.api.schemas.documented_errors import ERRORS
from mallard.api.schemas.kind_schemas import KindResponse
from mallard.api.schemas.query_schemas import (
    ComparedRow,
    EchoedQuery,
    ExplainedQuery,
    QueryMeta,
    QueryRequest,
    QueryResponse,
    ResultRow,
)
from mallard.api.schemas.stats_schemas import OmittedFile
from mallard.engine.base import Engine
from mallard.engine.omitted_files import noted
from mallard.errors import QueryError
from mallard.reports.kind_runner import KindRunner
from mallard.reports.query_explanation import ExplainedAnswer, answer_explained
from mallard.reports.query_runner import QueryAnswer, QueryRow, QueryRunner
from mallard.reports.query_tables import answer_table, kind_table
from mallard.reports.report_export import download_table
from mallard.reports.standard_reports import Scope, Stats
from mallard.sites.time_zone import SiteZones
from mallard.stats.filters import both, parse_filters, refuse_patterns
from mallard.stats.query_body import FORMATS, JSON, QueryBody, read_body, read_body_site
from mallard.stats.query_range import shown_range
from mallard.stats.segment_filters import expanded_filters
from mallard.stats.stats_query import StatsQuery
from mallard.transfer.formats.writers import MEDIA_TYPES

MAX_BODY_BYTES = 16 * 1024

SEVERAL_CURRENCIES: dict[str, str] = {
    "code": "no_single_revenue_currency",
    "warning": "Revenue is null as the payments are in several currencies; filter by a goal or a property.",
}
NO_IMPORTS = "no_imported_data"
FILES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The answer, or with another `format` its rows as a file.",
        "content": {
            MEDIA_TYPES[form]: {"schema": {"type": "string", "format": "binary"}} for form in FORMATS if form != JSON
        },
    },
    303: {"description": "On AWS, where a file is large: its address, which lives for an hour."},
}


def query_routes(
    engine: Callable[[], Engine],
    clock: Callable[[], datetime],
    permissions: Permissions,
    before: Sequence[Dependency],
    timer: Callable[[], float] = time.perf_counter,
    deliver: Deliver = stream,
) -> APIRouter:
    """The router; ``before`` run first and set the identity, and ``permissions`` check the site of the body.

    ``timer`` gives seconds; ``deliver`` makes the answers that are files.
    """
    router = APIRouter(
        prefix="/api/v2", tags=["query"], dependencies=list(before), responses=ERRORS, route_class=ETagRoute
    )

    def file(request: Request, response: Response, body: QueryBody, query: StatsQuery, rows: pa.Table) -> Response:
        name = body.kind.name if body.kind else "query"
        found = download_table(request.state.stats, Scope(query.site_id, query.period), rows, name, body.form)
        # The headers that the permission checks set.
        return deliver(found, {**response.headers, **events_from(request)})

    described = {"requestBody": {"content": {"application/json": {"schema": QueryRequest.model_json_schema()}}}}

    @router.post(
        "/query",
        response_model=QueryResponse | KindResponse,
        response_model_exclude_none=True,
        openapi_extra=described,
        responses=FILES,
    )
    def query(request: Request, response: Response, given: Any = Body()) -> Any:  # noqa: B008  # FastAPI's way
        """Metrics by any dimensions and filters, in the JSON of Plausible's Stats API v2; or a funnel, a flow,
        retention or a sequence under the same filters.
        """
        if int(request.headers.get("content-length") or 0) > MAX_BODY_BYTES:
            raise QueryError(f"The body is over {MAX_BODY_BYTES // 1024} KB.")
        identity, site = request.state.identity, read_body_site(given)
        permissions.check(identity, site)
        running, now = engine(), clock()
        zones = running.zones(site)
        today = zones.local_date(now)
        segments = segments_of(running, site)
        body = read_body(given, now, zones, segments, first_date=lambda: running.first_date(site, today))
        if not identity.is_known:
            refuse_patterns(body.query.filters)
            if body.explain:
                raise QueryError("explain is true, for which one logs in or sends an API key.")
        stats = Stats(running, now)
        request.state.stats = stats
        filters = both(body.query.filters, parse_filters(identity.filters or None))
        if identity.is_known:
            # Others see no more of a segment than its numbers.
            given = {**given, "filters": expanded_filters(given.get("filters", []), segments)}
        if body.kind:
            reached = KindRunner(stats).answer(body.query, body.kind, filters)
            if body.form != JSON:
                return file(request, response, body, reached.query, kind_table(reached, body.kind))
            return kind_response(given, body.kind, reached, zones, _facts(reached.events_from))
        runner = QueryRunner(stats)
        if body.explain:
            explained = answer_explained(runner, body.query, filters, timer)
            return _response(given, body, explained.answer, zones, _explained(explained))
        answer = runner.answer(body.query, filters)
        if body.form != JSON:
            return file(request, response, body, answer.query, answer_table(answer))
        return _response(given, body, answer, zones, None)

    return router


def _facts(events_from: date | None) -> dict[str, Any]:
    """The meta of a kind."""
    meta = QueryMeta(
        incomplete=[OmittedFile(date=each.date, file=each.file) for each in noted()] or None,
        events_from=events_from.isoformat() if events_from else None,
    )
    return meta.model_dump(exclude_none=True, mode="json")


def _response(
    given: Any, body: QueryBody, answer: QueryAnswer, zones: SiteZones, explained: ExplainedQuery | None
) -> QueryResponse:
    return QueryResponse(
        results=[_row(each) for each in answer.rows],
        meta=_meta(given, body, answer, explained).model_dump(exclude_none=True, mode="json"),
        query=_echo(given, answer, zones),
    )


def _row(row: QueryRow) -> ResultRow:
    compared = None
    if row.before is not None:
        compared = ComparedRow(
            dimensions=list(row.before.dimensions), metrics=list(row.before.metrics), change=list(row.changes or ())
        )
    return ResultRow(metrics=list(row.metrics), dimensions=list(row.dimensions), comparison=compared)


def _explained(explained: ExplainedAnswer) -> ExplainedQuery:
    found = explained.explanation
    return ExplainedQuery(
        days={way: list(dates) for way, dates in found.days.items()},
        files=found.files,
        bytes=found.bytes,
        milliseconds=explained.milliseconds,
        memory_bytes=explained.memory_bytes,
        pending_events=found.pending_events,
        written=found.written,
        definition=found.definition,
        sql=list(found.sql),
        values={name: str(value) for name, value in found.values.items()},
    )


def _meta(given: Any, body: QueryBody, answer: QueryAnswer, explained: ExplainedQuery | None) -> QueryMeta:
    wants_imports = given.get("include", {}).get("imports")
    return QueryMeta(
        time_labels=list(answer.time_labels) if body.time_labels else None,
        total_rows=answer.total_rows if body.total_rows else None,
        imports_included=False if wants_imports else None,
        imports_skip_reason=NO_IMPORTS if wants_imports else None,
        metric_warnings={name: dict(SEVERAL_CURRENCIES) for name in answer.mixed_money} or None,
        incomplete=[OmittedFile(date=each.date, file=each.file) for each in noted()] or None,
        events_from=answer.events_from.isoformat() if answer.events_from else None,
        explain=explained,
    )


def _echo(given: Any, answer: QueryAnswer, zones: SiteZones) -> EchoedQuery:
    query = answer.query
    return EchoedQuery(
        site_id=query.site_id,
        metrics=list(query.metrics),
        date_range=shown_range(query.period, zones),
        filters=given.get("filters") or [],
        dimensions=list(query.dimensions),
        order_by=[[each.key, "desc" if each.descending else "asc"] for each in query.full_order],
        include=given.get("include", {}),
        pagination={"limit": query.limit, "offset": query.offset},
        comparison_date_range=shown_range(query.before, zones) if query.before else None,
    )
