"""Schemas of queries whose kind stands in place of metrics."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from mallard.api.schemas.behaviour_schemas import Cohort
from mallard.api.schemas.sequence_schemas import Sequence

Json = dict[str, Any]


class Amount(BaseModel):
    """An amount of money."""

    value: float
    currency: str


class ReachedStep(BaseModel):
    """Visitors that reached at least this step; percentages have up to two decimals."""

    label: str
    visitors: int
    dropoff: int
    dropoff_percentage: float
    conversion_rate: float = Field(description="In percent of those who entered.")
    conversion_rate_step: float = Field(description="In percent of the step before; 0 for the first.")
    revenue: Amount | None = None
    revenue_per_visitor: Amount | None = None


class FunnelNumbers(BaseModel):
    """Visitors of a funnel, step by step."""

    all_visitors: int
    entering_visitors: int
    entering_visitors_percentage: float
    never_entering_visitors: int
    never_entering_visitors_percentage: float
    steps: list[ReachedStep]


class FunnelResults(FunnelNumbers):
    """A funnel, and that of the earlier range."""

    comparison: FunnelNumbers | None = None


class FlowPage(BaseModel):
    """A page that comes next; `next`, where `depth` is over 1, has what comes after it."""

    page: str
    visitors: int
    next: "list[FlowPage] | None" = None


class FlowStep(BaseModel):
    """Visitors that took the steps up to this one, one right after the other."""

    page: str
    visitors: int
    dropoff: int
    conversion_rate: float
    conversion_rate_step: float


class FlowNumbers(BaseModel):
    """Pages that come next, or the steps themselves."""

    next: list[FlowPage] | None = None
    funnel: list[FlowStep] | None = None


class FlowResults(FlowNumbers):
    """A flow, and that of the earlier range."""

    comparison: FlowNumbers | None = None


class SequenceResults(Sequence):
    """A sequence, and that of the earlier range."""

    comparison: Sequence | None = None


class EchoedKind(BaseModel):
    """The query as it was answered, and its kind as it was asked."""

    site_id: str
    funnel: Json | None = None
    flow: Json | None = None
    retention: Json | None = None
    sequence: Json | None = None
    date_range: list[str]
    filters: list[Any]
    include: Json
    comparison_date_range: list[str] | None = None


class KindResponse(BaseModel):
    """The answer of a kind, facts about it, and the query; cohorts have their comparison beside them."""

    results: FunnelResults | FlowResults | SequenceResults | list[Cohort]
    comparison: Annotated[list[Cohort] | None, Field(description="The cohorts of the earlier range.")] = None
    meta: Json
    query: EchoedKind
