"""Queries that compare layouts over the files of one partition."""

import math
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import duckdb

THREADS = 2
END = datetime(2026, 1, 30, 23, 59, 59, 999_000, tzinfo=UTC)

_EVENT = """
WITH event AS (
    SELECT * FROM read_parquet($files, hive_partitioning = true, union_by_name = true)
    WHERE event_name <> 'engagement'
)
"""
_VISIT = """
, numbered AS (
    SELECT *, sum(opens) OVER (PARTITION BY visitor_id ORDER BY timestamp, event_id) AS visit_number
    FROM (
        SELECT
            *,
            CASE
                WHEN timestamp - lag(timestamp) OVER (PARTITION BY visitor_id ORDER BY timestamp, event_id)
                    <= INTERVAL 30 MINUTE THEN 0
                ELSE 1
            END AS opens
        FROM event
        WHERE visitor_id IS NOT NULL
    )
),
visit AS (
    SELECT
        count(*) = 1 AS bounced,
        date_diff('millisecond', min(timestamp), max(timestamp)) AS duration_ms,
        arg_min(referrer_source, (timestamp, event_id)) AS source
    FROM numbered
    GROUP BY visitor_id, visit_number
)
"""
_COUNTS = "SELECT count(DISTINCT visitor_id), count(*) FILTER (event_name = 'pageview') FROM event"

QUERIES = {
    "main": _EVENT + _COUNTS,
    "pages": _EVENT + "SELECT pathname, count(DISTINCT visitor_id) FROM event GROUP BY ALL ORDER BY 2 DESC LIMIT 9",
    "visits": _EVENT + _VISIT + "SELECT count(*), count(*) FILTER (bounced), sum(duration_ms) FROM visit",
    "sources": _EVENT + _VISIT + "SELECT source, count(*) FROM visit GROUP BY source",
    "filter": _EVENT + _COUNTS + " WHERE country_code = 'DE' AND browser = 'Firefox'",
    "goal": _EVENT + _COUNTS + " WHERE event_name = 'signup'",
    "now": _EVENT + _COUNTS + f" WHERE timestamp >= '{END - timedelta(minutes=5):%Y-%m-%d %H:%M:%S}'",
}
"""By name: headline, top pages, visits by window functions, a dimension of visits, two filters, the last minutes."""

_DUCKDB = duckdb.connect(config={"threads": THREADS, "memory_limit": "1GB", "preserve_insertion_order": False})


def all_seconds(files: Sequence[str]) -> list[float]:
    """For each query its seconds, infinite where DuckDB does not know an encoding."""
    return [_seconds(query, files) for query in QUERIES.values()]


def _seconds(query: str, files: Sequence[str]) -> float:
    began = time.perf_counter()
    try:
        _DUCKDB.cursor().execute(query, {"files": list(files)}).fetchall()
    except duckdb.Error as error:
        if "encoding is only supported" not in str(error):
            raise
        return math.inf
    return time.perf_counter() - began
