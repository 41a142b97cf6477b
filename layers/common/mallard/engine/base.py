"""Protocol of query engines: queries in, rows of measures out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

import pyarrow as pa

from mallard.engine.omitted_files import OmittedSegment
from mallard.engine.visitor_query import VisitorQuery
from mallard.sites.segments import SegmentStore
from mallard.sites.settings_store import SiteSettingsStore
from mallard.sites.time_zone import SiteZones
from mallard.stats.grouping import GroupQuery
from mallard.stats.query import Query
from mallard.store.base import Store
from mallard.table.schema import EVENTS

BYTES_OF_A_ROW = 600
"""In memory, its value apart."""

PENDING = pa.schema([pa.field("date", pa.date32()), *EVENTS])
"""Pending events as rows: the table's columns and the partition's date."""

PendingEvents = Callable[[str], pa.Table]
"""From a site to its events that wait in the queue, in the schema PENDING."""


@dataclass(frozen=True)
class QueryResult:
    """``rows`` of each grouping or query, days by way of counting, and omitted files.

    ``events_from``: of earlier dates of the range some have counts and no events any more. ``totals``: of each
    grouping the number of rows on all its pages.
    """

    rows: tuple[list[dict[str, Any]], ...]
    counted: dict[str, int]
    omitted: tuple[OmittedSegment, ...] = ()
    events_from: date | None = None
    totals: tuple[int, ...] = ()

    def size(self) -> int:
        """The approximate size in bytes."""
        texts = (each for rows in self.rows for row in rows for each in row.values() if isinstance(each, str))
        return BYTES_OF_A_ROW * sum(map(len, self.rows)) + sum(map(len, texts))


@dataclass(frozen=True, slots=True)
class Explanation:
    """The way a query is counted: ``days`` by way (``rollup``, ``visits``, ``events``, ``gone``), and what is read.

    ``sql`` has the statements with their ``values``, none where rollups answer all; ``pending_events`` wait in the
    queue, and ``written`` is when the newest segment that is read was. ``definition``: another version of the product
    whose counts differ has another.
    """

    days: dict[str, tuple[date, ...]]
    files: int
    bytes: int
    sql: tuple[str, ...]
    values: dict[str, object]
    pending_events: int
    written: datetime | None
    definition: str


class Engine(Protocol):
    """Counts over the table of one store and the queue's pending events."""

    @property
    def store(self) -> Store:
        """The store of the table."""
        ...

    @property
    def site_settings(self) -> SiteSettingsStore:
        """The settings of the sites."""
        ...

    @property
    def segments(self) -> SegmentStore:
        """The segments of the sites."""
        ...

    @property
    def rounds_times(self) -> bool:
        """True where events are stored with their hour only, so reports of the last minutes are impossible."""
        ...

    def group(self, query: GroupQuery) -> QueryResult:
        """The rows of each grouping, ``{"key_0": …, measure: …}``: the value of its first dimension and so on.

        By one snapshot of queue and table and one count of the events. QueryError where the filter is wrong;
        QueryTooLargeError over the memory; QueryStoppedError; QueryBusyError; StoreUnavailableError.
        """
        ...

    def explain(self, query: GroupQuery) -> Explanation:
        """The way ``group`` would count now. Errors as of ``group``, but for those of reading."""
        ...

    def visitor_query(self, visitor_query: VisitorQuery) -> QueryResult:
        """The rows of a visitor query, those of all portions added up. Errors as of ``group``."""
        ...

    def rows(self, query: Query, take: Callable[[Any], None]) -> Iterator[date]:
        """Hand the rows that a query is about to ``take``, in record batches of PENDING and in order of time.

        Yields each date that is through, and holds nothing of the table meanwhile. Engagement pings are rows too
        where there is no filter. Errors as of ``group``, before the first batch of a date or at some later one.
        """
        ...

    def zones(self, site_id: str) -> SiteZones:
        """The site's time zones."""
        ...

    def is_new(self, site_id: str) -> bool:
        """True where no day of the site has begun: nothing is stored of one, and no event waits."""
        ...

    def first_date(self, site_id: str, today: date) -> date:
        """The first date with events, today where there are none."""
        ...
