"""Every report equals a plain recomputation in Python, wherever the events lie: queue, table, or both."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import boto3
import pytest

from mallard.engine.duckdb.day_counts import RollupBounds
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.event import ENGAGEMENT
from mallard.maintenance.rollup_builder import build_rollups
from mallard.reports.standard_reports import Scope, Stats
from mallard.stats.comparison import earlier
from mallard.stats.date_range import read_period
from mallard.stats.filters import parse_filters
from mallard.store.local import LocalStore
from mallard.store.s3 import connect
from support.moto import moto_server
from support.portions import cut_all_days
from support.random_conditions import random_condition
from support.random_events import SITE, pending_rows, random_rows, store_rows, with_rounded_times
from support.reference import (
    Row,
    day_of,
    end_pages,
    headline,
    matched,
    own_values,
    series,
    visit_values,
    visitors_of,
)

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
COMBINED = [pytest.mark.heavy, pytest.mark.divided]
"""Of places whose parts are quick by themselves: a bucket, an overlap, rounded times and rollups."""


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with moto_server() as endpoint:
        boto3.client("s3", endpoint_url=endpoint).create_bucket(Bucket="numbers")
        yield endpoint


@pytest.fixture(
    scope="module",
    params=[
        "table",
        "rolled up",
        "s3",
        pytest.param("s3 rolled up", marks=COMBINED),
        "queue",
        "both",
        "overlap",
        pytest.param("overlap rolled up", marks=COMBINED),
        "overlap of rounded times",
        pytest.param("rolled up of mixed times", marks=COMBINED),
        "capped rolled up",
    ],
)
def case(
    request: pytest.FixtureRequest, s3: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Stats, list[Row]]]:
    """300 random events, and where they lie; `overlap` is the moment between a write and its acknowledgement."""
    lies, _, times = request.param.partition(" of ")
    rows = random_rows(Random(lies), 300, NOW)
    if times:
        rows = with_rounded_times(Random(lies), rows, share=0.5 if times == "mixed times" else 1.0)
    place, _, rolled_up = lies.partition(" ")
    folder = tmp_path_factory.mktemp("case")
    stored = {"queue": [], "both": rows[:200], "overlap": rows[:200]}.get(place, rows)
    waiting = {"queue": rows, "both": rows[200:], "overlap": rows[100:]}.get(place, [])
    in_bucket = place == "s3"
    store = connect(f"s3://numbers/{folder.name}", endpoint=s3) if in_bucket else LocalStore(folder)
    store_rows(store, stored, seal_rows=20)
    # Of four pages, three browsers and three countries two are kept.
    bounds = RollupBounds(values=2) if place == "capped" else RollupBounds()
    engine = DuckDBEngine(
        store,
        lambda site_id: pending_rows(waiting if site_id == SITE else []),
        memory_mb=256,
        # A second thread costs a third more time over so few rows: one place has it.
        threads=2 if place == "overlap" else 1,
        bounds=bounds,
    )
    if rolled_up:
        assert build_rollups(store, engine, NOW).days == 5
    yield Stats(engine, NOW), [row for row in rows if row["event_name"] != ENGAGEMENT]
    engine.close()


RECENT = ["since", NOW.replace(tzinfo=None) - timedelta(minutes=5)]
PERIODS = ["today", "yesterday", "7d", "30d", "all"]
FILTERS: list[list[Any]] = [[], [["is", "visit:browser", ["Firefox"]]], [["is", "event:page", ["/a"]]]]


def within(rows: list[Row], name: str) -> list[Row]:
    period = read_period(name, None, None, NOW)
    return [row for row in rows if period.start <= day_of(row) < period.end]


def scope(period: str, filters: list[Any] | None = None) -> Scope:
    return Scope(SITE, read_period(period, None, None, NOW), parse_filters(json.dumps(filters or [])))


def overview(stats: Stats, asked: Scope) -> dict[str, Any]:
    """All reports from one count, the lists whole."""
    found = stats.overview(asked, 1000, BREAKDOWNS)
    return {"main": found.main, "timeseries": found.timeseries, **found.breakdowns}


def each_alone(stats: Stats, asked: Scope) -> dict[str, Any]:
    """The same by a count for each report."""
    lists = {name: stats.breakdown(asked, name, 1000) for name in BREAKDOWNS}
    return {"main": stats.main(asked), "timeseries": stats.timeseries(asked), **lists}


def recomputed(rows: list[Row], filters: list[Any]) -> dict[str, list[Row]]:
    return {
        "pages": own_values(rows, filters, "pathname"),
        "events": own_values(rows, filters, "event_name"),
        "entry_pages": end_pages(rows, filters, first=True),
        "exit_pages": end_pages(rows, filters, first=False),
        "browsers": visit_values(rows, filters, "browser", "(unknown)"),
        "sources": visit_values(rows, filters, "referrer_source", "Direct"),
        "countries": visit_values(rows, filters, "country_code", "(unknown)"),
    }


BREAKDOWNS = tuple(recomputed([], []))


def check(stats: Stats, rows: list[Row], period: str, filters: list[Any]) -> None:
    """Every report over a period and filter equals the reference."""
    asked, form = scope(period, filters), "%Y-%m-%d %H:00" if period == "today" else "%Y-%m-%d"
    found, inside = overview(stats, asked), within(rows, period)
    current = visitors_of(row for row, _ in matched(rows, [*filters, RECENT]))
    assert found["main"] == headline(inside, filters) | {"current_visitors": current}
    shown = {each["date"]: (each["visitors"], each["pageviews"]) for each in found["timeseries"]}
    assert {label: step for label, step in shown.items() if any(step)} == {
        label: step for label, step in series(inside, filters, form).items() if any(step)
    }
    assert {name: found[name] for name in BREAKDOWNS} == recomputed(inside, filters)


@pytest.mark.sampled(10, 1)
@pytest.mark.parametrize("period", PERIODS)
def test_every_report_equals_the_reference(case: tuple[Stats, list[Row]], period: str) -> None:
    check(*case, period, [])


@pytest.mark.sampled(12, 1)
@pytest.mark.parametrize("seed", range(12))
def test_every_report_equals_the_reference_under_a_random_filter(case: tuple[Stats, list[Row]], seed: int) -> None:
    random = Random(seed)
    filters = [random_condition(random, 3) for _ in range(random.randint(1, 3))]
    check(*case, random.choice(PERIODS), filters)


@pytest.mark.sampled(8, 1)
@pytest.mark.parametrize("seed", range(6))
def test_every_report_equals_the_reference_where_days_are_cut_by_the_visitor(
    case: tuple[Stats, list[Row]], monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    cut_all_days(monkeypatch)
    random = Random(f"parts {seed}")
    filters = [random_condition(random, 2)] if seed % 3 else []
    check(*case, random.choice(PERIODS), filters)


@pytest.mark.sampled(5, 1)
@pytest.mark.parametrize("seed", range(5))
def test_realtime_report_counts_whole_visits(case: tuple[Stats, list[Row]], seed: int) -> None:
    stats, rows = case
    filters = [random_condition(Random(seed), 2)] if seed else []
    found = overview(stats, scope("realtime", filters))
    assert found["main"] == {
        **headline(rows, [*filters, RECENT]),
        "current_visitors": visitors_of(row for row, _ in matched(rows, [*filters, RECENT])),
    }
    assert {name: found[name] for name in BREAKDOWNS} == recomputed(rows, [*filters, RECENT])


@pytest.mark.sampled(5, 1)
@pytest.mark.parametrize("period", PERIODS)
def test_time_series_has_every_bucket_once_in_order(case: tuple[Stats, list[Row]], period: str) -> None:
    stats, rows = case
    found = [each["date"] for each in stats.timeseries(scope(period))]
    assert found == sorted(set(found))
    days = {"today": 24, "yesterday": 1, "7d": 7, "30d": 30}
    assert len(found) == days.get(period, (NOW.date() - min(map(day_of, rows))).days + 1)


@pytest.mark.sampled(12, 1)
@pytest.mark.parametrize("filters", FILTERS)
def test_overview_equals_its_reports_computed_separately(case: tuple[Stats, list[Row]], filters: list[Any]) -> None:
    stats, _ = case
    assert overview(stats, scope("7d", filters)) == each_alone(stats, scope("7d", filters))


@pytest.mark.sampled(8, 1)
def test_filter_that_matches_all_events_changes_no_number(case: tuple[Stats, list[Row]]) -> None:
    stats, _ = case
    plain = overview(stats, scope("7d"))
    for everything in (
        [["contains", "event:page", ["/"]]],
        [["is_not", "visit:country", ["XX"]]],
        [["or", [["is", "visit:browser", ["Firefox"]], ["is_not", "visit:browser", ["Firefox"]]]]],
        [["has_done", ["contains", "event:page", ["/"]]]],
    ):
        found = overview(stats, scope("7d", everything))
        # The bounce rate of pages is that of the visits that entered there, and some never viewed a page.
        if everything[0][1] == "event:page":
            found["main"]["bounce_rate"] = plain["main"]["bounce_rate"]
        assert found == plain


@pytest.mark.sampled(4, 1)
def test_breakdown_limit_takes_the_first_rows(case: tuple[Stats, list[Row]]) -> None:
    stats, rows = case
    assert stats.breakdown(scope("30d"), "pages", 2) == own_values(within(rows, "30d"), [], "pathname")[:2]


@pytest.mark.sampled(4, 1)
def test_report_of_another_site_is_empty(case: tuple[Stats, list[Row]]) -> None:
    stats, _ = case
    assert stats.main(Scope("example.co", read_period("all", None, None, NOW)))["events"] == 0


@pytest.mark.sampled(12, 1)
@pytest.mark.parametrize("filters", FILTERS)
def test_numbers_of_days_add_up_to_their_range(case: tuple[Stats, list[Row]], filters: list[Any]) -> None:
    stats, _ = case

    def main(first: int, end: int) -> Row:
        period = read_period(None, f"2026-03-{first:02d}", f"2026-03-{end:02d}", NOW)
        return stats.main(Scope(SITE, period, parse_filters(json.dumps(filters))))

    whole, days = main(1, 11), [main(day, day + 1) for day in range(1, 11)]
    for metric in ("unique_visitors", "total_pageviews", "visits", "events"):
        assert sum(day[metric] for day in days) == whole[metric]


@pytest.mark.sampled(6, 1)
def test_overview_includes_the_earlier_range(case: tuple[Stats, list[Row]]) -> None:
    stats, rows = case
    asked = scope("yesterday")
    before = earlier(asked.period, "previous_period")
    found = stats.overview(replace(asked, before=before), 1000, ("pages",))
    earlier_rows = [row for row in rows if day_of(row) == NOW.date() - timedelta(days=2)]
    assert found.main["comparison"] == headline(earlier_rows, [])
    assert found.timeseries[0]["previous"]["pageviews"] == headline(earlier_rows, [])["total_pageviews"]
    pages = {row["value"]: row for row in own_values(earlier_rows, [], "pathname")}
    for row in found.breakdowns["pages"]:
        assert row["previous"]["visitors"] == pages[row["value"]]["visitors"]
