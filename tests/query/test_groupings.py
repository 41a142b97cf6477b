"""Queries by any dimensions equal a plain recomputation, wherever the events lie."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.event import ENGAGEMENT, PAGEVIEW
from mallard.maintenance.rollup_builder import build_rollups
from mallard.reports.query_runner import QueryRunner
from mallard.reports.standard_reports import Stats
from mallard.sites.time_zone import UTC_DAYS
from mallard.stats.query_body import read_body
from mallard.store.local import LocalStore
from support.portions import cut_all_days
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
    {"name": "Read", "page": "/b/**", "scroll_threshold": 50},
    {"name": "Seen", "page": "/a", "scroll_threshold": 10, "props": {"plan": "pro"}},
]

COUNTED = ("visitors", "visits", "pageviews", "events", "percentage")
OF_VISITS = ("bounce_rate", "visit_duration", "views_per_visit")
OF_PINGS = ("scroll_depth", "time_on_page")
MONEY = ("total_revenue", "average_revenue")
RATES = ("conversion_rate", "group_conversion_rate")

EVENT_DIMENSIONS = ("event:page", "event:name", "event:goal", "event:props:plan")
VISIT_DIMENSIONS = ("visit:source", "visit:browser", "visit:country", "visit:entry_page", "visit:exit_page_hostname")
TIMES = ("time:minute", "time:hour", "time:day", "time:week", "time:month")

FILTERS: list[list[Any]] = [
    [],
    [["is", "visit:country", ["DE"]]],
    [["is_not", "visit:browser", ["Firefox"]], ["contains", "event:page", ["/b"]]],
    [["is_not", "visit:entry_page_hostname", ["b.example", "(not set)"]]],
    [["is", "event:goal", ["Signup", "Under b"]]],
    [["is_not", "event:props:plan", ["pro"]]],
    [["is", "event:goal", ["Pro", "Read"]], ["is_not", "visit:browser", ["Firefox"]]],
    [["has_done", ["is", "event:goal", ["Seen", "Read"]]]],
    [["has_done", ["is", "event:name", ["signup"]]]],
    [["sequence", [["contains", "event:page", ["/b"]], ["is", "event:name", ["signup"]]]]],
    [["or", [["sequence", [["is", "event:name", ["signup"]]]], ["is", "visit:country", ["DE"]]]]],
]


def goals_met(row: Row) -> list[str]:
    is_signup = row["event_name"] == "signup"
    pro = is_signup and json.loads(row["props"] or "{}").get("plan") == "pro"
    under_b = row["event_name"] == PAGEVIEW and row["pathname"].startswith("/b/")
    depth = (row.get("scroll_depth") or 0) if row["event_name"] == ENGAGEMENT else 0
    read = depth >= 50 and row["pathname"].startswith("/b/")
    seen = depth >= 10 and row["pathname"] == "/a" and json.loads(row["props"] or "{}").get("plan") == "pro"
    met = {"Signup": is_signup, "Under b": under_b, "Pro": pro, "Read": read, "Seen": seen}
    return [name for name in met if met[name]]


def rows_of(seed: str) -> list[Row]:
    random = Random(seed)
    rows = random_rows(random, 300, NOW)
    for row in rows:
        row["hostname"] = random.choice([None, "a.example", "b.example"])
        row["props"] = random.choice([None, '{"plan": "pro"}', '{"plan": "free"}', '{"other": 1}'])
        if random.random() < 0.2:
            row["revenue_amount"] = Decimal(random.randrange(-500, 5000)) / 100
            row["revenue_currency"] = "EUR" if random.random() < 0.9 else "USD"
        if row["event_name"] == ENGAGEMENT:
            row |= {
                "scroll_depth": random.choice([None, random.randrange(101)]),
                "engagement_ms": random.randrange(90_000),
            }
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
    yield Stats(engine, NOW), rows
    engine.close()


def run(stats: Stats, metrics: list[str], dimensions: list[str], filters: list[Any], **more: Any) -> Any:
    given = {"site_id": SITE, "date_range": RANGE, "metrics": metrics, "dimensions": dimensions, "filters": filters}
    body = read_body({**given, **more}, NOW, UTC_DAYS)
    return QueryRunner(stats).answer(body.query, body.query.filters)


def metrics_for(dimensions: tuple[str, ...], filters: list[Any]) -> list[str]:
    """All metrics that go with these dimensions."""
    found = [*COUNTED, *MONEY]
    if not any(name in dimensions for name in EVENT_DIMENSIONS[1:]):
        found += [
            name for name in OF_VISITS if name != "views_per_visit" or "event:page" not in str([dimensions, filters])
        ]
    if dimensions == ("visit:exit_page",):
        found.append("exit_rate")
    named = {*dimensions, *re.findall(r"event:[a-z]+|sequence", str(filters))}
    if "event:page" in named and not named & {*EVENT_DIMENSIONS[1:], "event:props", "sequence"}:
        found += OF_PINGS
    if "event:goal" in (*dimensions, *(str(each[1]) for each in filters)):
        found += RATES
    return found


def plain(metric: Any) -> Any:
    return metric["value"] if isinstance(metric, dict) else metric


def check(stats: Stats, rows: list[Row], dimensions: tuple[str, ...], filters: list[Any]) -> None:
    every = metrics_for(dimensions, filters)
    # No visits file has payments and pings.
    for metrics in (every, [name for name in every if name not in (*MONEY, *OF_PINGS)]):
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
        assert (differing, found.keys() ^ expected.keys()) == ({}, set()), (dimensions, filters, answer.counted)


SINGLE = [(), *((name,) for name in (*EVENT_DIMENSIONS, *VISIT_DIMENSIONS, *TIMES))]


@pytest.mark.sampled(5)
@pytest.mark.parametrize("dimensions", SINGLE, ids=" ".join)
def test_query_of_one_dimension_equals_the_reference(
    case: tuple[Stats, list[Row]], dimensions: tuple[str, ...]
) -> None:
    for filters in FILTERS:
        check(*case, dimensions, filters)


SEVERAL = [
    ("visit:source", "time:day"),
    ("visit:source", "visit:country", "visit:browser"),
    ("event:page", "visit:browser"),
    ("event:page", "event:name", "time:day"),
    ("event:goal", "visit:country"),
    ("event:props:plan", "time:hour"),
    ("visit:entry_page_hostname", "visit:exit_page", "time:week"),
    ("time:month", "event:page", "visit:source"),
]


@pytest.mark.sampled(5)
@pytest.mark.parametrize("dimensions", SEVERAL, ids=" ".join)
def test_query_of_several_dimensions_equals_the_reference(
    case: tuple[Stats, list[Row]], dimensions: tuple[str, ...]
) -> None:
    for filters in FILTERS[::2]:
        check(*case, dimensions, filters)


@pytest.mark.heavy
@pytest.mark.parametrize("seed", range(25))
def test_query_of_random_dimensions_equals_the_reference(case: tuple[Stats, list[Row]], seed: int) -> None:
    random = Random(seed)
    names = random.sample((*EVENT_DIMENSIONS, *VISIT_DIMENSIONS), random.randrange(4))
    dimensions = (*names, *random.sample(TIMES, random.randrange(2)))
    check(*case, dimensions, random.choice(FILTERS) + random.choice(FILTERS))


@pytest.mark.parametrize("dimensions", [(), ("visit:source", "time:day"), ("event:goal",)], ids=" ".join)
def test_query_does_not_depend_on_portions(
    case: tuple[Stats, list[Row]], dimensions: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_all_days(monkeypatch)
    check(*case, dimensions, FILTERS[1])


def ordered(expected: dict[Any, list[Any]], place: int, *, descending: bool) -> list[Any]:
    """Keys by a metric, missing ones last, then by themselves."""
    present = sorted(key for key in expected if plain(expected[key][place]) is not None)
    present.sort(key=lambda key: plain(expected[key][place]), reverse=descending)
    return [*present, *sorted(expected.keys() - present)]


@pytest.mark.parametrize("metric", ["visitors", "bounce_rate", "average_revenue", "group_conversion_rate"])
@pytest.mark.parametrize("descending", [True, False])
def test_query_orders_and_pages_rows(case: tuple[Stats, list[Row]], metric: str, descending: bool) -> None:
    dimensions = (
        ["event:goal", "visit:browser"]
        if "rate" in metric and "bounce" not in metric
        else ["visit:entry_page", "time:day"]
    )
    expected = ordered(QueryReference(case[1], START).rows([metric], dimensions, []), 0, descending=descending)
    order = [[metric, "desc" if descending else "asc"]]
    found = []
    for offset in range(0, len(expected) + 3, 3):
        page = run(case[0], [metric], dimensions, [], order_by=order, pagination={"limit": 3, "offset": offset})
        assert page.total_rows == len(expected)
        found += [row.dimensions for row in page.rows]
    assert found == expected


def test_query_orders_by_time_then_by_the_first_metric_by_default(case: tuple[Stats, list[Row]]) -> None:
    days = [row.dimensions[0] for row in run(case[0], ["visitors"], ["time:day"], []).rows]
    assert days == sorted(days)
    views = [row.metrics[0] for row in run(case[0], ["pageviews", "visitors"], ["event:page"], []).rows]
    assert views == sorted(views, reverse=True)


EARLIER = {"mode": "previous_period"}


def compared(stats: Stats, metrics: list[str], dimensions: list[str], days: int, **include: Any) -> Any:
    begin = TODAY - timedelta(days=days - 1)
    more = {"date_range": [begin.isoformat(), TODAY.isoformat()], "include": {"comparisons": {**EARLIER, **include}}}
    return run(stats, metrics, dimensions, [], **more)


def test_comparison_has_the_same_values_of_the_earlier_range(case: tuple[Stats, list[Row]]) -> None:
    stats, rows = case
    answer = compared(stats, ["visitors", "bounce_rate", "total_revenue"], ["visit:source"], 2)
    before = [row for row in rows if TODAY - timedelta(days=4) < row["timestamp"].date() <= TODAY - timedelta(days=2)]
    expected = QueryReference(before, TODAY).rows(["visitors", "bounce_rate", "total_revenue"], ["visit:source"], [])
    for row in answer.rows:
        assert row.before.dimensions == row.dimensions
        assert list(map(plain, row.before.metrics)) == expected.get(row.dimensions, [0, 0, None])
        assert row.changes[1] == round(row.metrics[1] - row.before.metrics[1], 1)


def test_comparison_over_time_has_every_bucket_beside_that_of_the_same_place(case: tuple[Stats, list[Row]]) -> None:
    stats, rows = case
    answer = compared(stats, ["events"], ["time:day"], 3)
    counted = QueryReference(rows, START).rows(["events"], ["time:day"], [])
    days = [TODAY - timedelta(days=number) for number in (2, 1, 0)]
    assert [row.dimensions[0] for row in answer.rows] == [day.isoformat() for day in days]
    for day, row in zip(days, answer.rows, strict=True):
        other = (day - timedelta(days=3)).isoformat()
        assert (row.before.dimensions, list(row.before.metrics)) == ((other,), counted.get((other,), [0]))


def test_query_of_part_of_days_counts_events_of_that_part(case: tuple[Stats, list[Row]]) -> None:
    stats, rows = case
    since, until = NOW - timedelta(hours=30), NOW - timedelta(hours=2)
    given = [each.isoformat(timespec="seconds") for each in (since, until - timedelta(seconds=1))]
    found = run(stats, ["events", "visitors"], ["event:page"], [], date_range=given)
    inside = [row for row in rows if since <= row["timestamp"].replace(tzinfo=UTC) < until]
    expected = QueryReference(inside, START).rows(["events", "visitors"], ["event:page"], [])
    assert {row.dimensions: list(row.metrics) for row in found.rows} == expected
