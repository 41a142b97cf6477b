"""Routes of sequences and flow."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.params import Depends as Dependency

from mallard.api.behaviour_parameters import Breakdown, Steps, read_breakdown
from mallard.api.dependencies import ReportRequest, ask_filtered
from mallard.api.etag import ETagRoute
from mallard.api.parameters import Limit, read_limit
from mallard.api.schemas import sequence_schemas as answers
from mallard.api.schemas.documented_errors import ERRORS
from mallard.engine.base import Engine
from mallard.errors import QueryError
from mallard.reports.behaviour.flow import (
    BACKWARD,
    BASES,
    flow,
    read_anchor,
    read_flow,
)
from mallard.reports.behaviour.sequences import read_sequence, sequences, sequences_by
from mallard.stats.query_kinds import DIRECTIONS, MAX_DEPTH

Pattern = Annotated[
    str | None, Query(description="In what order, such as (?1)(?t<=3600)(?2). Default (?1).*(?2) and so on.")
]
Details = Annotated[str | None, Query(description="true: matches and median_seconds, too. Default false.")]
Page = Annotated[str | None, Query(description="The page the flow begins at, such as /pricing or /blog/*.")]
EventName = Annotated[str | None, Query(alias="event", description="Instead of page: an event's name.")]
Direction = Annotated[str | None, Query(description=f"{' or '.join(DIRECTIONS)}. Default forward.")]
Base = Annotated[
    str | None,
    Query(
        description=f"Which of a visitor's page views or events it begins at: {', '.join(BASES)}. Default {BASES[0]}."
    ),
]
Depth = Annotated[str | None, Query(description=f"Steps, 1 to {MAX_DEPTH}. Default 1.")]
Exits = Annotated[str | None, Query(description="true: a row of those after whom nothing comes, too. Default false.")]

Answer = answers.Sequence | list[answers.SequenceRow]
Pages = list[answers.NextPage] | list[answers.PreviousPage]


def sequence_routes(
    engine: Callable[[], Engine], clock: Callable[[], datetime], permissions: Sequence[Dependency]
) -> APIRouter:
    """The router; ``permissions`` run before each route and set the identity."""
    router = APIRouter(
        prefix="/api/stats", tags=["behaviour"], dependencies=list(permissions), responses=ERRORS, route_class=ETagRoute
    )

    Filtered = Annotated[ReportRequest, Depends(ask_filtered(engine, clock))]  # noqa: N806  # a type

    @router.get("/sequences", response_model_exclude_unset=True)
    def of_sequences(
        report: Filtered,
        steps: Steps = None,
        pattern: Pattern = None,
        details: Details = None,
        breakdown: Breakdown = None,
        limit: Limit = None,
    ) -> Answer:
        """Visitors whose events match a pattern of steps, as in ClickHouse's sequenceMatch."""
        query = read_sequence(steps, pattern, with_details=_is_true("details", details))
        dimension = read_breakdown(breakdown)
        if dimension is None:
            if limit is not None:
                raise QueryError("limit is given without breakdown; there is one row.")
            return answers.Sequence(**sequences(report.stats, report.scope, query))
        rows = sequences_by(report.stats, report.scope, query, dimension, read_limit(limit))
        return [answers.SequenceRow(**row) for row in rows]

    @router.get("/flow", response_model_exclude_unset=True)
    def of_flow(
        report: Filtered,
        page: Page = None,
        event: EventName = None,
        direction: Direction = None,
        base: Base = None,
        depth: Depth = None,
        limit: Limit = None,
        exits: Exits = None,
    ) -> Pages:
        """The pages that visitors see next, or saw before: ClickHouse's sequenceNextNode."""
        query = read_flow(
            *read_anchor(page, event),
            direction,
            base,
            depth,
            None if limit is None else read_limit(limit),
            with_exits=_is_true("exits", exits),
        )
        rows = flow(report.stats, report.scope, query)
        if query.direction == BACKWARD:
            return [answers.PreviousPage(**_named(row, "previous_page", "previous")) for row in rows]
        return [answers.NextPage(**_named(row, "next_page", "next")) for row in rows]

    return router


def _named(row: dict[str, Any], page: str, further: str) -> dict[str, Any]:
    """A row of a flow under the names of its direction."""
    named = {page: row["page"], "visitors": row["visitors"]}
    return named | {further: [_named(each, page, further) for each in row["next"]]} if "next" in row else named


def _is_true(name: str, given: str | None) -> bool:
    if given not in (None, "true", "false"):
        raise QueryError(f"{name} is {given[:40]!r}, but must be true or false.")
    return given == "true"
