"""Queries by any dimensions equal a plain recomputation, wherever the events lie."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import combinations
from random import Random
from typing import Any

import pytest

from mallard.engine.duckdb import plan
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.event import ENGAGEMENT, PAGEVIEW
from mallard.maintenance.rollup_builder import build_rollups
from mallard.reports.query_runner import QueryRunner
from mallard.reports.standard_reports import Stats
from mallard.sites.time_zone import UTC_DAYS
from mallard.stats.query_body import read_body
from mallard.store.local import LocalStore
from support.query_reference import QueryReference
from support.random_events import SITE, pending_rows, random_rows, store_rows
from support.reference import Row

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
TODAY = NOW.date()
RANGE = [(TODAY - timedelta(days=5)).isoformat(), TODAY.isoformat()]
START = TODAY - timedelta(days=5)

GOALS = [
    {"name": "Signup", "event": "signup"},
    {"name": "Under b", "page": "/b/**"},
    {"name": "Pro", "event": "signup", "props": {"plan": "pro"}},
]

COUNTED = ("visitors", "visits", "pageviews", "events", "percentage")
OF_VISITS = ("bounce_rate", "visit_duration", "views_per_visit")
MONEY = ("total_revenue", "average_revenue")
RATES = ("conversion_rate", "group_conversion_rate")

EVENT_DIMENSIONS = ("event:page", "event:name", "event:goal", "event:props:plan")
VISIT_DIMENSIONS = ("visit:source", "visit:browser", "visit:country", "visit:entry_page", "visit:exit_page")
TIMES = ("time:minute", "time:hour", "time:day", "time:week", "time:month")

FILTERS: list[list[Any]] = [
    [],
    [["is", "visit:country", ["DE"]]],
    [["is_not", "visit:browser", ["Firefox"]], ["contains", "event:page", ["/b"]]],
    [["is", "event:goal", ["Signup", "Under b"]]],
    [["is_not", "event:props:plan", ["pro"]]],
    [["has_done", ["is", "event:name", ["signup"]]]],
]


def goals_met(row: Row) -> list[str]:
    is_signup = row["event_name"] == "signup"
    pro = is_signup and json.loads(row["props"] or "{}").get("plan") == "pro"
    under_b = row["event_name"] == PAGEVIEW and row["pathname"].startswith("/b/")
    return [name for name, met in (("Signup", is_signup), ("Under b", under_b), ("Pro", pro)) if met]


def rows_of(seed: str) -> list[Row]:
    random = Random(seed)
    rows = random_rows(random, 300, NOW)
    for row in rows:
        row["props"] = random.choice([None, '{"plan": "pro"}', '{"plan": "free"}', '{"other": 1}'])
        if random.random() < 0.2:
            row["revenue_amount"] = Decimal(random.randrange(-500, 5000)) / 100
            row["revenue_currency"] = "EUR" if random.random() < 0.9 else "USD"
        row["goals"] = goals_met(row)
    return rows


@pytest.fixture(scope="module", params=["table", "rolled up", "queue", "overlap", "overlap rolled up"])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stats, list[Row]]]:
    """300 random events, and where they lie; ``overlap``: some are in the table and wait as well."""
    place, _, rolled_up = request.param.partition(" ")
    rows = rows_of(request.param)
    stored = {"queue": [], "overlap": rows[:200]}.get(place, rows)
    waiting = {"queue": rows, "overlap": rows[100:]}.get(place, [])
    store = LocalStore(tmp_path_factory.mktemp("case"))
    store_rows(store, stored, seal_rows=20)
    engine = DuckDBEngine(
        store, lambda site_id: pending_rows(waiting if site_id == SITE else []), memory_mb=256, threads=1
    )
    engine.site_settings.change(SITE, {"goals": GOALS}, NOW)
    if rolled_up:
        assert build_rollups(store, engine, NOW).days == 5
    yield Stats(engine, NOW), [row for row in rows if row["event_name"] != ENGAGEMENT]
    engine.close()


def run(stats: Stats, metrics: list[str], dimensions: list[str], filters: list[Any], **more: Any) -> Any:
    given = {"site_id": SITE, "date_range": RANGE, "metrics": metrics, "dimensions": dimensions, "filters": filters}
    body = read_body({**given, **more}, NOW, UTC_DAYS)
    return QueryRunner(stats).answer(body.query, body.query.filters)


def metrics_for(dimensions: tuple[str, ...], filters: list[Any]) -> list[str]:
    """All metrics that go with these dimensions."""
    found = [*COUNTED, *MONEY]
    if not any(name in dimensions for name in EVENT_DIMENSIONS[1:]):
        found += [name for name in OF_VISITS if name != "views_per_visit" or "event:page" not in str([dimensions, filters])]
    if "event:goal" in (*dimensions, *(str(each[1]) for each in filters)):
        found.append("conversion_rate")
        if any(name not in ("event:goal", *TIMES) for name in dimensions):
            found.append("group_conversion_rate")
    return found


def plain(metric: Any) -> Any:
    return metric["value"] if isinstance(metric, dict) else metric


def check(stats: Stats, rows: list[Row], dimensions: tuple[str, ...], filters: list[Any]) -> None:
    metrics = metrics_for(dimensions, filters)
    answer = run(stats, metrics, list(dimensions), filters)
    found = {each.dimensions: list(map(plain, each.metrics)) for each in answer.rows}
    expected = QueryReference(rows, START).rows(metrics, dimensions, filters)
    assert len(found) == len(answer.rows) == answer.total_rows
    differing = {
        (key, name): (row[place], expected.get(key, {place: None})[place])
        for key, row in found.items()
        for place, name in enumerate(metrics)
        if key not in expected or row[place] != expected[key][place]
    }
    assert (differing, found.keys() ^ expected.keys()) == ({}, set()), (dimensions, filters)


SINGLE = [(), *((name,) for name in (*EVENT_DIMENSIONS, *VISIT_DIMENSIONS, *TIMES))]


@pytest.mark.parametrize("dimensions", SINGLE, ids=" ".join)
def test_query_of_one_dimension_equals_the_reference(case: tuple[Stats, list[Row]], dimensions: tuple[str, ...]) -> None:
    for filters in FILTERS:
        check(*case, dimensions, filters)
