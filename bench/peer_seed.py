"""Queries of the original Mallard Metrics for its benchmark of 10,000 page views.

Known of the seed: its benchmark and the events of it; an in-memory DuckDB with a table ``events`` of these columns,
visitors as text, no index; a site and a range of timestamps in every statement; ``main`` is three statements, for
visitors, page views and bounces, with page views per visitor divided outside and 0 for the duration. Inferred: the text
of the series and of the breakdown; and the sessions behind the bounces, which the seed has from ``sessionize()`` of an
extension that is not here: this says the same in plain SQL, a new session after more than 30 minutes. As that may
take longer than the extension does, what ``main`` takes without bounces is told beside it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import pyarrow as pa

THREADS = 2

_TABLE = """
CREATE TABLE events (
    site_id VARCHAR NOT NULL, visitor_id VARCHAR NOT NULL, timestamp TIMESTAMP NOT NULL, event_name VARCHAR NOT NULL,
    pathname VARCHAR NOT NULL, hostname VARCHAR, referrer VARCHAR, referrer_source VARCHAR,
    utm_source VARCHAR, utm_medium VARCHAR, utm_campaign VARCHAR, utm_content VARCHAR, utm_term VARCHAR,
    browser VARCHAR, browser_version VARCHAR, os VARCHAR, os_version VARCHAR, device_type VARCHAR, screen_size VARCHAR,
    country_code VARCHAR, region VARCHAR, city VARCHAR, props VARCHAR,
    revenue_amount DECIMAL(12, 2), revenue_currency VARCHAR
)
"""
_RANGE = "site_id = $site AND timestamp >= CAST($start AS TIMESTAMP) AND timestamp < CAST($end AS TIMESTAMP)"
_VISITORS = f"SELECT count(DISTINCT visitor_id) FROM events WHERE {_RANGE}"
_PAGEVIEWS = f"SELECT count(*) FROM events WHERE event_name = 'pageview' AND {_RANGE}"
_BOUNCES = f"""
WITH marked AS (
    SELECT visitor_id, timestamp, event_name,
        timestamp - lag(timestamp) OVER (PARTITION BY visitor_id ORDER BY timestamp) > INTERVAL 30 MINUTE AS is_new
    FROM events WHERE {_RANGE}
),
numbered AS (
    SELECT visitor_id, event_name,
        sum(CASE WHEN is_new THEN 1 ELSE 0 END) OVER (PARTITION BY visitor_id ORDER BY timestamp) AS session_number
    FROM marked
),
session AS (
    SELECT count(*) FILTER (event_name = 'pageview') AS pageviews FROM numbered GROUP BY visitor_id, session_number
)
SELECT coalesce(count(*) FILTER (pageviews = 1) / nullif(count(*), 0), 0) FROM session
"""
_SERIES = f"""
SELECT strftime(date_trunc('day', timestamp), '%Y-%m-%d') AS bucket, count(DISTINCT visitor_id),
    count(*) FILTER (event_name = 'pageview')
FROM events WHERE {_RANGE} GROUP BY bucket ORDER BY bucket
"""
_PAGES = f"""
SELECT coalesce(pathname, '(unknown)') AS value, count(DISTINCT visitor_id) AS visitors,
    count(*) FILTER (event_name = 'pageview')
FROM events WHERE {_RANGE} GROUP BY value ORDER BY visitors DESC, value LIMIT $limit
"""


@dataclass(frozen=True)
class Seed:
    """The seed's reports on a site and ``start <= date < end``."""

    connection: duckdb.DuckDBPyConnection
    site_id: str
    start: date
    end: date

    def main(self) -> tuple[int, int, float]:
        """Visitors, page views, bounce rate."""
        visitors, pageviews = self.counts()
        return visitors, pageviews, float(self._rows(_BOUNCES)[0][0])

    def counts(self) -> tuple[int, int]:
        """Visitors and page views: what is left of ``main`` without the extension."""
        return int(self._rows(_VISITORS)[0][0]), int(self._rows(_PAGEVIEWS)[0][0])

    def timeseries(self) -> list[tuple[Any, ...]]:
        """Date, visitors, page views of each day that has events."""
        return self._rows(_SERIES)

    def pages(self, limit: int) -> list[tuple[Any, ...]]:
        """Page, visitors, page views."""
        return self._rows(_PAGES, limit=limit)

    def _rows(self, sql: str, **more: Any) -> list[tuple[Any, ...]]:
        values = {"site": self.site_id, "start": self.start.isoformat(), "end": self.end.isoformat(), **more}
        return self.connection.execute(sql, values).fetchall()


@contextmanager
def seed(rows: pa.Table, site_id: str, start: date, end: date) -> Iterator[Seed]:
    """The seed with these rows (``table.schema.EVENTS``) in its table."""
    connection = duckdb.connect(":memory:", config={"threads": THREADS})
    try:
        connection.execute(_TABLE)
        columns = [name for name, *_ in connection.execute("SELECT column_name FROM (DESCRIBE events)").fetchall()]
        connection.register("given", rows.append_column("site_id", pa.array([site_id] * rows.num_rows, pa.string())))
        values = {"visitor_id": "'visitor-' || visitor_id"}
        connection.execute(
            f"INSERT INTO events SELECT {', '.join(values.get(each, each) for each in columns)} FROM given"
        )
        yield Seed(connection, site_id, start, end)
    finally:
        connection.close()
