"""A study sees the very events that the reports count, and its portions add up."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest

from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.engine.visitor_query import VisitorQuery
from mallard.errors import QueryError
from mallard.event import ENGAGEMENT
from mallard.stats.date_range import read_period
from mallard.stats.dimensions import TOTAL
from mallard.stats.filters import parse_filters
from mallard.stats.query import Query
from mallard.store.local import LocalStore
from support.portions import cut_all_days
from support.random_events import SITE, pending_rows, random_rows, store_rows
from support.reference import Row, matched

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
FILTERS: list[list[Any]] = [
    [],
    [["is", "visit:country", ["DE"]]],
    [["is", "event:page", ["/a"]], ["is_not", "visit:browser", ["Firefox"]]],
    [["has_done", ["is", "event:name", ["signup"]]]],
]
SQL = """
SELECT value, event_name, pathname, CAST(count(*) AS BIGINT) AS events, count(DISTINCT visitor_id) AS visitors
FROM visitor_events GROUP BY ALL
"""


@pytest.fixture(scope="module", params=["table", "queue", "overlap"])
def case(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[DuckDBEngine, list[Row]]]:
    rows = random_rows(Random(request.param), 300, NOW)
    store = LocalStore(tmp_path_factory.mktemp("case"))
    store_rows(store, {"queue": [], "overlap": rows[:200]}.get(request.param, rows), seal_rows=20)
    waiting = {"queue": rows, "overlap": rows[100:]}.get(request.param, [])
    with closing(DuckDBEngine(store, lambda _: pending_rows(waiting), memory_mb=256, threads=2)) as engine:
        yield engine, [row for row in rows if row["event_name"] != ENGAGEMENT]


def study(dimension: str, filters: list[Any]) -> VisitorQuery:
    period = read_period("7d", None, None, NOW)
    query = Query(SITE, period, ("events",), dimension, parse_filters(json.dumps(filters)))
    return VisitorQuery(query, SQL, keys=("value", "event_name", "pathname"), columns=("pathname",))


def recomputed(rows: list[Row], dimension: str, filters: list[Any]) -> dict[tuple[Any, ...], int]:
    def value(row: Row, visit: list[Row]) -> str | None:
        if dimension == TOTAL:
            return None
        of = row["pathname"] if dimension == "pages" else visit[0]["country_code"]
        return of or "(unknown)"

    pairs = [(row, visit) for row, visit in matched(rows, filters) if visit]
    return dict(Counter((value(row, visit), row["event_name"], row["pathname"]) for row, visit in pairs))


@pytest.mark.sampled(6, 1)
@pytest.mark.parametrize("in_parts", [False, True])
@pytest.mark.parametrize("filters", FILTERS)
@pytest.mark.parametrize("dimension", [TOTAL, "pages", "countries"])
def test_visitor_query_sees_events_of_visitors_that_pass_the_filter(
    case: tuple[DuckDBEngine, list[Row]],
    monkeypatch: pytest.MonkeyPatch,
    dimension: str,
    filters: list[Any],
    in_parts: bool,
) -> None:
    engine, rows = case
    if in_parts:
        cut_all_days(monkeypatch)
    (found,) = engine.visitor_query(study(dimension, filters)).rows
    counted = {(row["value"], row["event_name"], row["pathname"]): row["events"] for row in found}
    assert counted == recomputed(rows, dimension, filters)


def test_visitor_query_values_are_bound(case: tuple[DuckDBEngine, list[Row]]) -> None:
    engine, rows = case
    sql = "SELECT CAST(count(*) AS BIGINT) AS events FROM visitor_events WHERE event_name = $name"
    asked = replace(study(TOTAL, []), sql=sql, keys=(), values=(("name", "signup"),))
    signups = sum(row["event_name"] == "signup" and row["visitor_id"] is not None for row in rows)
    assert engine.visitor_query(asked).rows[0] == [{"events": signups}]


def test_visitor_query_with_an_invalid_expression_is_refused(case: tuple[DuckDBEngine, list[Row]]) -> None:
    with pytest.raises(QueryError, match="is no regular expression"):
        case[0].visitor_query(replace(study(TOTAL, []), patterns=("(",)))
