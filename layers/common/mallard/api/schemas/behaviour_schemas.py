"""Response models of sessions, funnels and retention."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, Field

from mallard.api.schemas.stats_schemas import OTHER


class SessionNumbers(BaseModel):
    """Visits: a visitor's events with no gap over 30 minutes, which end at the site's midnight."""

    total_sessions: int
    avg_session_duration_secs: float
    avg_pages_per_session: float


class SessionsResponse(SessionNumbers):
    """Numbers of one value of the breakdown."""

    value: str
    other: Literal[True] | None = Field(None, description=OTHER)


class FunnelStep(BaseModel):
    """Visitors that reached at least this step."""

    step: int = Field(description="From 1.")
    visitors: int


class FunnelResponse(BaseModel):
    """The funnel over the events that have one value of the breakdown."""

    value: str
    steps: list[FunnelStep]


class Cohort(BaseModel):
    """The visitors first seen in one interval; the lists begin with it and end with the range."""

    cohort_date: date
    cohort_size: int
    retained: list[bool] = Field(description="Whether any of them were seen in that interval.")
    visitors: list[int] = Field(description="How many of them were.")
    percentages: list[float] = Field(description="The same in percent of the cohort, with one decimal.")
    note: str | None = Field(None, description="Why no visitor can be recognized again, where visitor ids do not last.")


class RetentionResponse(BaseModel):
    """The cohorts over the events that have one value of the breakdown."""

    value: str
    cohorts: list[Cohort]
