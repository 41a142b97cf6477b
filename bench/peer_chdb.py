"""Dashboard panels as ClickHouse queries (chdb): one query for each panel.

The definitions are ours: a visit is a visitor's events with no gap over 30 minutes, and its source, browser, system,
device and country are those of its first event by time and id. Of the ways to put visits together that were tried on
10 million events, arrays per visitor took 0.8 s, one window with lag and lead 1.6 s, two windows (numbered visits,
then a GROUP BY) 7 s. So arrays it is, of one number an event where that suffices.

No query is told of a site or range: the source holds no other.
"""

import importlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Protocol

from bench.panels import LIMIT, Panels, headline, series

THREADS = 2
GAP_MS = 30 * 60 * 1000

_COLUMNS = {
    "sources": "coalesce(referrer_source, 'Direct')",
    "browsers": "coalesce(browser, '(unknown)')",
    "os": "coalesce(os, '(unknown)')",
    "devices": "coalesce(device_type, '(unknown)')",
    "countries": "coalesce(country_code, '(unknown)')",
}
_PAGE = "coalesce(pathname, '(unknown)')"

# An event without a visitor is a person of its own below zero: no visitor and no visit, but page views.
_PERSON = "coalesce(visitor_id, -event_id - 1)"

_TOP = f"ORDER BY visitors DESC, {{}} LIMIT {LIMIT}"

_TABLE = """
CREATE TABLE bench.events
(
    date Date, event_id Int64, visitor_id Nullable(Int64), timestamp DateTime64(3, 'UTC'),
    event_name LowCardinality(String), pathname LowCardinality(Nullable(String)),
    referrer_source LowCardinality(Nullable(String)), browser LowCardinality(Nullable(String)),
    os LowCardinality(Nullable(String)), device_type LowCardinality(Nullable(String)),
    country_code LowCardinality(Nullable(String)), props Nullable(String)
)
ENGINE = MergeTree PARTITION BY toYYYYMM(date) ORDER BY (date, country_code, browser, visitor_id, timestamp)
SETTINGS allow_nullable_key = 1
"""
_NAMES = (
    "date, event_id, visitor_id, timestamp, event_name, pathname, referrer_source, browser, os, device_type,"
    " country_code, props"
)


@dataclass(frozen=True, slots=True)
class Condition:
    """A filter as SQL over an event's columns: of a visit's first event, or of each event by itself.

    ``of_pages``: only visits whose first page view meets it can bounce.
    """

    sql: str
    of_events: bool = False
    of_pages: bool = False

    @property
    def passes(self) -> str:
        """Whether a visit, an array of events, passes."""
        return "arrayExists(each -> each.4, visit)" if self.of_events else "visit[1].4"

    @property
    def lands(self) -> str:
        """Whether a visit that passes may bounce."""
        return "arrayFirst(each -> each.3, visit).4" if self.of_pages else "true"

    @property
    def counted(self) -> str:
        """Whether a visit's event is one of the answer."""
        return "each.4" if self.of_events else "true"


class Session(Protocol):
    """The used interface of chdb, which has no types."""

    def query(self, sql: str, fmt: str = "CSV") -> object:
        """Run a statement; the result reads as text in this format."""

    def close(self) -> None:
        """End it, and its tables."""


@contextmanager
def chdb_session() -> Iterator[Session]:
    """A ClickHouse of its own in this process; there can be one at a time."""
    # It stands beside the linters, not beside the product's own tests, which look into every test file.
    chdb = importlib.import_module("chdb.session")
    session: Session = chdb.Session()
    try:
        yield session
    finally:
        session.close()


@dataclass(frozen=True)
class Chdb:
    """``source`` is what stands behind FROM; the panels are those of ``start <= date < end``."""

    session: Session
    source: str
    start: date
    end: date

    def overview(self, condition: Condition | None = None) -> Panels:
        """All panels."""
        return {
            "headline": [headline(*row) for row in self.rows(self._headline(condition))],
            "series": series(self.rows(self._series(condition)), self.start, self.end),
            "pages": self.rows(self._pages(condition)),
            **{name: self.rows(self._breakdown(name, condition)) for name in _COLUMNS},
        }

    def grouped(self, keys: Sequence[str]) -> str:
        """A statement of visitors, visits and page views by values of a visit's first event, one array of texts."""
        value = f"[{', '.join(f'toString({key})' for key in keys)}]"
        return f"""
            SELECT value, uniqExactIf(person, person >= 0), countIf(person >= 0), sum(pageviews)
            FROM ({self._visits(value, None)}) GROUP BY value"""

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        settings = f"SETTINGS max_threads = {THREADS}, output_format_json_quote_64bit_integers = 0"
        found = str(self.session.query(f"{sql} {settings}", "JSONCompactEachRow"))
        return [tuple(json.loads(line)) for line in found.splitlines()]

    def _headline(self, condition: Condition | None) -> str:
        visits = self._short_visits() if condition is None else self._visits(None, condition)
        return f"""
            SELECT
                uniqExactIf(person, person >= 0), sum(pageviews), countIf(person >= 0), countIf(person >= 0 AND lands),
                countIf(person >= 0 AND lands AND events = 1 AND visit_pageviews = 1), sum(duration_ms)
            FROM ({visits})"""

    def _series(self, condition: Condition | None) -> str:
        if condition is None:
            return f"""
                SELECT date, uniqExact(visitor_id), countIf(event_name = 'pageview')
                FROM {self.source} WHERE event_name <> 'engagement' GROUP BY date"""
        return f"""
            SELECT value, uniqExactIf(person, person >= 0), sum(pageviews)
            FROM ({self._visits("date", condition)}) GROUP BY value"""

    def _pages(self, condition: Condition | None) -> str:
        if condition is None:
            return f"""
                SELECT {_PAGE} AS page, uniqExact(visitor_id) AS visitors, countIf(event_name = 'pageview')
                FROM {self.source} WHERE event_name <> 'engagement' GROUP BY page {_TOP.format("page")}"""
        return f"""
            SELECT event.5 AS page, uniqExactIf(person, person >= 0) AS visitors, sum(event.3)
            FROM (
                SELECT person, arrayJoin(arrayFilter(each -> {condition.counted}, visit)) AS event
                FROM ({self._split(_PAGE, condition)}) WHERE {condition.passes}
            )
            GROUP BY page {_TOP.format("page")}"""

    def _breakdown(self, name: str, condition: Condition | None) -> str:
        return f"""
            SELECT value, uniqExactIf(person, person >= 0) AS visitors, sum(pageviews)
            FROM ({self._visits(_COLUMNS[name], condition)}) GROUP BY value {_TOP.format("value")}"""

    def _events(self, condition: Condition | None) -> str:
        """Events, pings left out; under a condition those of visitors with some event that meets it."""
        passing = condition.sql if condition else "true"
        persons = f"SELECT {_PERSON} FROM {self.source} WHERE event_name <> 'engagement' AND {passing}"
        return f"""
            SELECT
                *, {_PERSON} AS person, toUnixTimestamp64Milli(timestamp) AS ms, event_name = 'pageview' AS is_pageview
            FROM {self.source}
            WHERE event_name <> 'engagement' {f"AND person IN ({persons})" if condition else ""}"""

    def _short_visits(self) -> str:
        """Visits by one number for each event: its time, and in the last bit whether it is a page view."""
        return f"""
            SELECT
                person, length(visit) AS events, arraySum(each -> each % 2, visit) AS pageviews,
                pageviews AS visit_pageviews, true AS lands,
                intDiv(visit[-1], 2) - intDiv(visit[1], 2) AS duration_ms
            FROM (
                SELECT person, arrayJoin(arraySplit(
                    (each, gap) -> gap > {GAP_MS}, marks, arrayDifference(arrayMap(each -> intDiv(each, 2), marks))
                )) AS visit
                FROM (
                    SELECT person, arraySort(groupArray(ms * 2 + is_pageview)) AS marks
                    FROM ({self._events(None)}) GROUP BY person
                )
            )"""

    def _visits(self, value: str | None, condition: Condition | None) -> str:
        """The visits that pass, with the value that their first event has."""
        opening = f"visit[1].{5 if condition else 4} AS value," if value else ""
        counted, lands = (condition.counted, condition.lands) if condition else ("true", "true")
        return f"""
            SELECT
                person, {opening} length(visit) AS events, arraySum(each -> each.3, visit) AS visit_pageviews,
                arraySum(each -> each.3 AND {counted}, visit) AS pageviews, {lands} AS lands,
                visit[-1].1 - visit[1].1 AS duration_ms
            FROM ({self._split(value, condition)}) {f"WHERE {condition.passes}" if condition else ""}"""

    def _split(self, value: str | None, condition: Condition | None) -> str:
        """All visits as arrays of (time, id, is page view), then whether the event passes, then its value."""
        fields = ["ms", "event_id", "is_pageview", f"coalesce({condition.sql}, false)" if condition else None, value]
        return f"""
            SELECT person, arrayJoin(arraySplit(
                (each, gap) -> gap > {GAP_MS}, events, arrayDifference(arrayMap(each -> each.1, events))
            )) AS visit
            FROM (
                SELECT person, arraySort(groupArray(({", ".join(filter(None, fields))}))) AS events
                FROM ({self._events(condition)}) GROUP BY person
            )"""


def parquet_source(folder: Path) -> str:
    """The segments below a data folder as they lie there, with the date from the path."""
    return f"file('{folder}/events/site_id=*/date=*/*.parquet', Parquet)"


def merge_tree_source(session: Session, parquet: str) -> str:
    """The same events in a MergeTree, in the order of our segments and merged into as few parts as it will have."""
    session.query("CREATE DATABASE IF NOT EXISTS bench")
    session.query("DROP TABLE IF EXISTS bench.events SYNC")
    session.query(_TABLE)
    session.query(f"INSERT INTO bench.events SELECT {_NAMES} FROM {parquet} SETTINGS max_threads = {THREADS}")
    session.query("OPTIMIZE TABLE bench.events FINAL")
    return "bench.events"
