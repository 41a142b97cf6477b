"""Goals with a ``scroll_threshold``: engagement pings meet them, in rows, filters and reports."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pytest

from mallard.engine.base import PENDING
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.errors import QueryError
from mallard.event import ENGAGEMENT
from mallard.reports.query_runner import QueryRunner
from mallard.reports.standard_reports import Scope, Stats
from mallard.sites.time_zone import UTC_DAYS
from mallard.stats.date_range import DateRange
from mallard.stats.filters import parse_filters
from mallard.stats.grouping import Grouping, GroupQuery
from mallard.stats.query import Query
from mallard.stats.query_body import read_body
from mallard.store.local import LocalStore
from support.random_events import SITE, random_rows, store_rows
from support.reference import Row

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
DAY = date(2026, 3, 9)
GOALS = [{"name": "Read", "page": "/long/*", "scroll_threshold": 75}, {"name": "Signup", "event": "signup"}]
READ = '[["is", "event:goal", ["Read"]]]'


def row(number: int, visitor: int, name: str, path: str, depth: int | None = None) -> Row:
    moment = datetime(2026, 3, 9, 10, tzinfo=UTC) + timedelta(minutes=number)
    blank = dict.fromkeys(TEMPLATE)
    return {
        **blank,
        "event_id": number,
        "visitor_id": visitor,
        "timestamp": moment.replace(tzinfo=None),
        "event_name": name,
        "pathname": path,
        "scroll_depth": depth,
        "engagement_ms": 5000 if name == ENGAGEMENT else None,
    }


TEMPLATE = random_rows(Random(1), 1, NOW)[0]
ROWS = [
    row(1, 1, "pageview", "/long/a"),
    row(2, 1, ENGAGEMENT, "/long/a", 80),
    row(3, 1, ENGAGEMENT, "/long/a", 90),
    row(4, 2, "pageview", "/long/b"),
    row(5, 2, ENGAGEMENT, "/long/b", 74),
    row(6, 2, "signup", "/long/b"),
    row(7, 3, "pageview", "/short"),
    row(8, 3, ENGAGEMENT, "/short", 100),
    row(9, 4, "pageview", "/long/b"),
    row(10, 4, ENGAGEMENT, "/long/b", 75),
    row(11, 4, "pageview", "/"),
]


@pytest.fixture(scope="module")
def stats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stats]:
    store = LocalStore(tmp_path_factory.mktemp("scroll"))
    store_rows(store, ROWS, seal_rows=100)
    engine = DuckDBEngine(store, lambda _: PENDING.empty_table(), memory_mb=256, threads=1)
    engine.site_settings.change(SITE, {"goals": GOALS}, NOW)
    yield Stats(engine, NOW)
    engine.close()


def ask(
    stats: Stats, metrics: list[str], dimensions: list[str], filters: list[Any]
) -> dict[tuple[str, ...], list[Any]]:
    body = {"site_id": SITE, "date_range": ["2026-03-09"] * 2, "metrics": metrics, "dimensions": dimensions}
    query = read_body({**body, "filters": filters}, NOW, UTC_DAYS).query
    return {each.dimensions: list(each.metrics) for each in QueryRunner(stats).answer(query, query.filters).rows}


def test_scroll_goal_has_a_row_of_visitors_and_no_events(stats: Stats) -> None:
    metrics = ["visitors", "visits", "events", "pageviews", "conversion_rate"]
    assert ask(stats, metrics, ["event:goal"], []) == {("Read",): [2, 2, 0, 0, 50.0], ("Signup",): [1, 1, 1, 0, 25.0]}


def test_filter_by_a_scroll_goal_selects_the_visits_with_such_a_ping(stats: Stats) -> None:
    filters = [["is", "event:goal", ["Read"]]]
    metrics = ["visitors", "visits", "events", "bounce_rate", "conversion_rate"]
    assert ask(stats, metrics, [], filters) == {(): [2, 2, 0, 50, 50.0]}
    assert ask(stats, ["visitors", "visits"], ["event:page"], filters) == {("/long/a",): [1, 1], ("/long/b",): [1, 1]}
    assert ask(stats, ["visitors"], [], [["is", "event:goal", ["Read", "Signup"]]]) == {(): [3]}
    assert ask(stats, ["visitors"], [], [*filters, ["is", "event:page", ["/long/b"]]]) == {(): [1]}


def test_visit_has_done_a_scroll_goal_by_a_ping(stats: Stats) -> None:
    done = ["has_done", ["is", "event:goal", ["Read"]]]
    assert ask(stats, ["visitors", "pageviews"], [], [done]) == {(): [2, 3]}
    assert ask(stats, ["visitors", "pageviews"], [], [["not", done]]) == {(): [2, 2]}
    assert ask(stats, ["pageviews"], ["event:page"], [done, ["is", "event:page", ["/"]]]) == {("/",): [1]}


@pytest.mark.parametrize(
    ("dimensions", "filters", "rows"),
    [
        (("event:goal",), None, [("Read", 1, 0)]),
        ((), READ, [(None, 1, 0)]),
        ((), '[["has_done", ["is", "event:goal", ["Read"]]]]', [(None, 0, 0)]),
    ],
)
def test_ping_of_the_last_minutes_counts_its_visitor_whose_events_are_older(
    stats: Stats, dimensions: tuple[str, ...], filters: str | None, rows: list[tuple[str | None, int, int]]
) -> None:
    since = datetime(2026, 3, 9, 10, 10)  # noqa: DTZ001  # the table's timestamps are naive UTC
    period = DateRange(DAY, DAY + timedelta(days=1), since, since + timedelta(minutes=1))
    grouping = Grouping(dimensions, ("events", "visitors"))
    query = GroupQuery(SITE, period, (grouping,), parse_filters(filters) if filters else None)
    found = stats.engine.group(query).rows[0]
    assert [(each.get("key_0"), each["visitors"], each["events"]) for each in found] == rows


def test_main_report_under_a_scroll_goal_counts_its_visitors(stats: Stats) -> None:
    scope = Scope(SITE, DateRange(DAY, DAY + timedelta(days=1)), parse_filters(READ))
    main = stats.main(scope)
    assert (main["unique_visitors"], main["visits"], main["total_pageviews"], main["events"]) == (2, 2, 0, 0)
    assert [(each["value"], each["visitors"]) for each in stats.breakdown(scope, "pages", 10)] == [
        ("/long/a", 1),
        ("/long/b", 1),
    ]
    assert [(each["value"], each["visitors"]) for each in stats.breakdown(scope, "entry_pages", 10)] == [
        ("/long/a", 1),
        ("/long/b", 1),
    ]


def test_scroll_goal_is_refused_where_single_events_are_needed(stats: Stats) -> None:
    with pytest.raises(QueryError, match="'Read' has a scroll_threshold and cannot be used here"):
        ask(stats, ["visitors"], [], [["sequence", [["is", "event:goal", ["Read"]]]]])
    query = Query(SITE, DateRange(DAY, DAY + timedelta(days=1)), (), filters=parse_filters(READ))
    with pytest.raises(QueryError, match="'Read' has a scroll_threshold and cannot be used here"):
        list(stats.engine.rows(query, lambda _: None))
