"""Schemas of v2 queries: the body of a request and its answer."""

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field

from mallard.api.schemas.stats_schemas import OmittedFile
from mallard.stats.metric_formulas import QUERY_METRICS
from mallard.stats.query_body import FORMATS, JSON
from mallard.stats.query_range import WORDS

Json = dict[str, Any]


class QueryRequest(BaseModel):
    """A query as it is documented; ``mallard.stats.query_body`` reads it, with a sentence for each fault."""

    site_id: Annotated[str, Field(description="Site id, such as example.com.")]
    metrics: Annotated[list[str] | None, Field(description=f"Some of {', '.join(QUERY_METRICS)}.")] = None
    funnel: Annotated[Json | None, Field(description="In place of metrics: steps, window, strict_order.")] = None
    flow: Annotated[
        Json | None, Field(description="In place of metrics: steps, direction, search, depth, limit, funnel.")
    ] = None
    retention: Annotated[Json | None, Field(description="In place of metrics: interval, count.")] = None
    sequence: Annotated[Json | None, Field(description="In place of metrics: steps, pattern.")] = None
    date_range: Annotated[str | list[str], Field(description=f"One of {', '.join(WORDS)}, or two dates or times.")]
    dimensions: Annotated[list[str], Field(description="Of events, visits, and one of time.")] = []
    filters: Annotated[list[Any], Field(description="As in docs/filters.md.")] = []
    order_by: Annotated[list[list[str]], Field(description='Such as [["visitors", "desc"]].')] = []
    include: Annotated[Json, Field(description="time_labels, total_rows, imports, comparisons.")] = {}
    pagination: Annotated[dict[str, int], Field(description="limit, 1 to 10,000, and offset.")] = {}
    format: Annotated[str, Field(description=f"One of {', '.join(FORMATS)}.")] = JSON
    explain: Annotated[bool, Field(description="How rows were counted, in meta.explain; takes a login or key.")] = False


class ComparedRow(BaseModel):
    """The row of the earlier range, and the changes from it."""

    dimensions: list[str]
    metrics: list[Any]
    change: list[int | float | None]


class ResultRow(BaseModel):
    """One row: values in the order of the query's metrics and dimensions."""

    metrics: list[Any]
    dimensions: list[str]
    comparison: ComparedRow | None = None


class EchoedQuery(BaseModel):
    """The query with all defaults filled in."""

    site_id: str
    metrics: list[str]
    date_range: list[str]
    filters: list[Any]
    dimensions: list[str]
    order_by: list[list[str]]
    include: Json
    pagination: dict[str, int]
    comparison_date_range: list[str] | None = None


class QueryResponse(BaseModel):
    """Rows, facts about them, and the query."""

    results: list[ResultRow]
    meta: Json
    query: EchoedQuery


class ExplainedQuery(BaseModel):
    """The way of counting: the dates by way, what was read, the statement, and how fresh it is."""

    days: dict[str, list[date]]
    files: int
    bytes: int
    milliseconds: int
    memory_bytes: int
    pending_events: int
    written: datetime | None = None
    definition: str
    sql: list[str]
    values: Json


class QueryMeta(BaseModel):
    """Facts about the rows; only those there are."""

    time_labels: list[str] | None = None
    total_rows: int | None = None
    imports_included: bool | None = None
    imports_skip_reason: str | None = None
    metric_warnings: dict[str, dict[str, str]] | None = None
    incomplete: list[OmittedFile] | None = None
    events_from: str | None = None
    explain: ExplainedQuery | None = None
