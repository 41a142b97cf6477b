"""Response models of statistics, sites and errors."""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, Field

INCOMPLETE = "Damaged files that are left out. Every answer names their dates in the header `X-Mallard-Incomplete`."
EVENTS_FROM = (
    "The first date with all its events, only where the range begins before: of earlier days the counts alone were "
    "kept, so that no filter finds anything there."
)


OTHER = (
    "Only in the last row, beside the limit: all values together that were not kept of days whose events are gone. "
    "Its value reads `(other)`."
)


class ErrorResponse(BaseModel):
    """Why there is no answer, in one sentence."""

    error: str
    request_id: str | None = Field(None, description="Of an error of ours: what to quote; the log has it too.")


class OmittedFile(BaseModel):
    """A damaged file whose rows are in no number of the answer."""

    date: date
    file: str


class Headline(BaseModel):
    """The headline numbers of a site and range."""

    unique_visitors: int
    total_pageviews: int
    bounce_rate: float = Field(description="Visits with one page view and nothing else, as a fraction of visits.")
    avg_visit_duration_secs: float
    pages_per_visit: float = Field(description="Page views per visitor.")
    visits: int
    views_per_visit: float
    events: int


class Change(BaseModel):
    """From the earlier range to this one: whole percent, for the bounce rate percentage points with one decimal."""

    unique_visitors: int
    total_pageviews: int
    bounce_rate: float
    avg_visit_duration_secs: int
    pages_per_visit: int
    visits: int
    views_per_visit: int
    events: int


class MainNumbers(Headline):
    """The headline numbers; `comparison` and `change` where an earlier range was asked for."""

    current_visitors: int | None = Field(
        description="Distinct visitors of the last five minutes; null where times are rounded to the hour."
    )
    comparison: Headline | None = None
    change: Change | None = None
    incomplete: list[OmittedFile] | None = Field(None, description=INCOMPLETE)
    events_from: date | None = Field(None, description=EVENTS_FROM)


class Earlier(BaseModel):
    """The same row in the earlier range."""

    visitors: int
    pageviews: int


class Bucket(BaseModel):
    """One step of a time series: a day, or an hour as `YYYY-MM-DD HH:00`."""

    date: str
    visitors: int
    pageviews: int
    previous: Earlier | None = None


class BreakdownRow(BaseModel):
    """One value of a dimension."""

    value: str
    visitors: int
    pageviews: int
    other: Literal[True] | None = Field(None, description=OTHER)
    previous: Earlier | None = None


class Counted(BaseModel):
    """Which way the numbers came: days from rollups, from visits, and from events, and how much was read for them."""

    rollup_days: int
    visit_days: int = Field(description="Days counted from the file of their visits.")
    event_days: int
    capped_days: int = Field(
        description="Of `rollup_days`, those with more values of a breakdown than are kept: it is counted from events."
    )
    files: int
    bytes: int


class OverviewResponse(BaseModel):
    """All that a page shows of a site and range."""

    start_date: date
    end_date: date = Field(description="The day after the last.")
    main: MainNumbers
    timeseries: list[Bucket]
    breakdowns: dict[str, list[BreakdownRow]]
    counted: Counted
    timezone: str = Field(description="The site's today: by its clock the labels of days and hours are written.")
    incomplete: list[OmittedFile] | None = Field(None, description=INCOMPLETE)
    events_from: date | None = Field(None, description=EVENTS_FROM)


class DroppedRow(BaseModel):
    """Drops of one reason on one day, or values of one kind that were ignored; docs/ingest.md has them all."""

    date: date
    reason: str
    count: int
    first: datetime
    last: datetime


class Site(BaseModel):
    """A site with events."""

    site_id: str


class ErasureRow(BaseModel):
    """Days that an erasure removed or, with status `queued`, will remove at the next flushes."""

    site_id: str
    start_date: date
    end_date: date
    status: Literal["done", "queued"]
    days: list[date] = Field(description="Days that held events.")
    events: int = Field(description="Events removed from the table; 0 while queued.")
    damaged: int = Field(0, description="Damaged files among them, whose events cannot be counted.")
    pending: int | None = Field(
        description="Messages removed that still waited in the local queue: events, and notes of drops. Null while "
        "queued: what waits in SQS is left out when it is flushed, and not counted."
    )
