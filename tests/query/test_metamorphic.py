"""Numbers that must not change when something changes that they are not about, and those that must change with it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from mallard.engine.base import PENDING
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.maintenance.rollup_builder import build_rollups
from mallard.reports.standard_reports import BREAKDOWNS, Scope, Stats
from mallard.stats.date_range import read_period
from mallard.stats.filters import parse_filters
from mallard.store.local import LocalStore
from support.portions import cut_all_days
from support.random_events import SITE, random_rows, store_rows
from support.reference import Row
from support.rollups import roll_up

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
FILTERS: list[list[Any]] = [
    [],
    [["is", "visit:country", ["DE"]]],
    [["is", "event:page", ["/a"]], ["is_not", "visit:browser", ["Firefox"]]],
    [["or", [["is", "event:name", ["signup"]], ["is", "visit:source", ["Google"]]]]],
]


@contextmanager
def stats_over(folder: Path) -> Iterator[Stats]:
    engine = DuckDBEngine(LocalStore(folder), lambda _: PENDING.empty_table(), memory_mb=128, threads=1)
    yield Stats(engine, NOW)
    engine.close()


def everything(stats: Stats, site_id: str = SITE) -> list[Any]:
    """All reports under all filters."""
    period = read_period("7d", None, None, NOW)
    found = [
        stats.overview(Scope(site_id, period, parse_filters(json.dumps(each))), 1000, BREAKDOWNS) for each in FILTERS
    ]
    return [(each.main, each.timeseries, each.breakdowns) for each in found]


def rows_of(seed: int) -> list[Row]:
    return random_rows(Random(seed), 300, NOW)


def test_numbers_do_not_depend_on_event_order_or_segments(tmp_path: Path) -> None:
    rows = rows_of(1)
    store_rows(LocalStore(tmp_path / "a"), rows, seal_rows=1000)
    store_rows(LocalStore(tmp_path / "b"), Random(2).sample(rows, len(rows)), seal_rows=9)
    with stats_over(tmp_path / "a") as one, stats_over(tmp_path / "b") as other:
        assert everything(one) == everything(other)


def test_numbers_do_not_change_with_events_of_other_sites(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store_rows(store, rows_of(1), seal_rows=50)
    with stats_over(tmp_path) as stats:
        before = everything(stats)
        for other in ("example.co", "example.com.au", "sub.example.com"):
            store_rows(store, rows_of(3), seal_rows=50, site_id=other)
        assert everything(stats) == before
        assert everything(stats, "example.co") != before


def test_numbers_do_not_depend_on_portions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store_rows(LocalStore(tmp_path), rows_of(1), seal_rows=50)
    with stats_over(tmp_path) as stats:
        before = everything(stats)
        cut_all_days(monkeypatch)
        assert everything(stats) == before


def test_spanning_visitors_are_counted_once_in_any_portions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = rows_of(1)
    spanning = [{**row, "visitor_id": row["visitor_id"] and row["visitor_id"] % 100} for row in rows]
    store = LocalStore(tmp_path)
    store_rows(store, spanning, seal_rows=50, spans_days=True)
    distinct = {row["visitor_id"] for row in spanning if row["event_name"] != "engagement"} - {None}
    with stats_over(tmp_path) as stats:
        scope = Scope(SITE, read_period("7d", None, None, NOW))
        assert stats.main(scope)["unique_visitors"] == len(distinct)
        before = everything(stats)
        cut_all_days(monkeypatch)
        assert everything(stats) == before
        assert roll_up(stats, NOW) == 5
        assert everything(stats) == before


def test_duplicated_events_double_the_events_but_not_the_visitors(tmp_path: Path) -> None:
    rows = [row for row in rows_of(1) if row["event_name"] != "engagement"]
    twice = rows + [{**row, "event_id": row["event_id"] + 1000} for row in rows]
    store_rows(LocalStore(tmp_path / "once"), rows, seal_rows=50)
    store_rows(LocalStore(tmp_path / "twice"), twice, seal_rows=50)
    scope = Scope(SITE, read_period("7d", None, None, NOW))
    with stats_over(tmp_path / "once") as once, stats_over(tmp_path / "twice") as doubled:
        one, two = once.main(scope), doubled.main(scope)
    assert {name: two[name] for name in ("events", "total_pageviews")} == {
        name: 2 * one[name] for name in ("events", "total_pageviews")
    }
    for same in ("unique_visitors", "visits", "avg_visit_duration_secs"):
        assert two[same] == one[same]
    assert two["bounce_rate"] == 0


def test_cached_result_is_used_until_the_data_changes(tmp_path: Path) -> None:
    store, rows = LocalStore(tmp_path), rows_of(1)
    store_rows(store, rows[:200], seal_rows=50)
    engine = DuckDBEngine(store, lambda _: PENDING.empty_table(), memory_mb=128, threads=1, cache_seconds=60)
    stats, scope = Stats(engine, NOW), Scope(SITE, read_period("7d", None, None, NOW))
    first = stats.breakdown(scope, "pages", 1000)
    assert (stats.breakdown(scope, "pages", 1000), engine.cache.hits) == (first, 1)
    assert build_rollups(store, engine, NOW).days == 5
    assert stats.breakdown(scope, "pages", 1000) == first
    store_rows(store, rows[200:], seal_rows=50)
    fresh = stats.breakdown(scope, "pages", 1000)
    assert sum(row["pageviews"] for row in fresh) > sum(row["pageviews"] for row in first)
    assert stats.breakdown(replace(scope, period=read_period("today", None, None, NOW)), "pages", 1000) != fresh
    engine.close()


def test_missing_source_and_source_named_direct_are_one(tmp_path: Path) -> None:
    first = random_rows(Random(1), 1, NOW)[0] | {"visitor_id": 7, "event_name": "pageview", "referrer_source": None}
    moment = NOW.replace(tzinfo=None)
    rows = [
        {**first, "event_id": 1, "timestamp": moment - timedelta(hours=3)},
        {**first, "event_id": 2, "timestamp": moment - timedelta(hours=1), "referrer_source": "Direct"},
    ]
    store = LocalStore(tmp_path)
    store_rows(store, rows, seal_rows=50)
    with stats_over(tmp_path) as stats:
        scope = Scope(SITE, read_period("today", None, None, NOW))
        expected = [{"value": "Direct", "visitors": 1, "pageviews": 2}]
        assert stats.breakdown(scope, "sources", 10) == expected
        tomorrow = NOW + timedelta(days=1)
        assert roll_up(stats, tomorrow) == 1
        assert Stats(stats.engine, tomorrow).breakdown(scope, "sources", 10) == expected
