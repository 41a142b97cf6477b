"""The same question over visits files, events, pending events and any mixture of them gives the same rows."""

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from mallard.engine.base import PENDING
from mallard.engine.duckdb import plan
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.engine.visitor_query import VisitorQuery
from mallard.maintenance.rollup_builder import build_rollups
from mallard.reports.behaviour.funnel import Funnel, count_funnel
from mallard.reports.behaviour.retention import RetentionQuery, count_retention
from mallard.reports.behaviour.steps import parse_steps
from mallard.reports.preset_counts import count_presets
from mallard.reports.standard_reports import Scope, Stats
from mallard.stats.date_range import read_period
from mallard.stats.dimensions import DIMENSIONS, TOTAL
from mallard.stats.filters import Filter, parse_filters
from mallard.stats.metrics import METRICS
from mallard.stats.query import DAY, HOUR, Query
from mallard.store.local import LocalStore
from mallard.table.visits_file import VISITS
from support.portions import cut_all_days
from support.random_conditions import random_condition
from support.random_events import SITE, pending_rows, random_rows, store_rows, with_rounded_times
from support.reference import Row, day_of
from support.visits import delete_visits

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
WEEK = read_period("7d", None, None, NOW)
EVERYTHING = tuple(METRICS)


def answers(store: LocalStore, pending: list[Row], tree: Filter) -> tuple[list[list[dict[str, Any]]], dict[str, int]]:
    """The rows of every dimension and metric, and the ways in which the days were counted."""
    with closing(DuckDBEngine(store, lambda _: pending_rows(pending), memory_mb=256, threads=1)) as engine:
        names = (TOTAL, DAY, HOUR, *DIMENSIONS)
        found = count_presets(engine, [Query(SITE, WEEK, EVERYTHING, name, tree) for name in names])
    return list(found.rows), found.counted


def behaviour(engine: DuckDBEngine, tree: Filter | None) -> list[Any]:
    """Reports on visitors: by nothing, by a value of visits, and by one of events."""
    stats, scope = Stats(engine, NOW), Scope(SITE, WEEK, tree)
    steps = parse_steps("page:/,page:/a")
    return [
        *(count_retention(stats, scope, RetentionQuery("day", 3, name)) for name in (None, "sources", "pages")),
        *(count_funnel(stats, scope, Funnel(steps, 3_600_000, breakdown=name)) for name in (None, "entry_pages")),
    ]


def _conditions(random: Random) -> Filter:
    tree = parse_filters(json.dumps([random_condition(random, 3) for _ in range(random.randint(1, 3))]))
    assert tree is not None
    return tree


@pytest.mark.sampled(6, 1)
@pytest.mark.parametrize("seed", range(12))
def test_mixtures_of_visits_and_events_give_the_rows_of_events(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    random, store = Random(seed), LocalStore(tmp_path)
    rows = random_rows(random, 200, NOW)
    if seed % 3 == 0:
        rows = with_rounded_times(random, rows, share=random.choice([0.5, 1.0]))
    late, waiting = rows[150:175], rows[175:]
    store_rows(store, rows[:150], seal_rows=20)
    with closing(DuckDBEngine(store, lambda _: PENDING.empty_table(), memory_mb=256, threads=1)) as engine:
        assert build_rollups(store, engine, NOW).days == 5
    # Two days have late events, one has pending ones, and one has lost its visits.
    days = random.sample(sorted({day_of(row) for row in rows if day_of(row) < NOW.date()}), 4)
    store_rows(store, [row for row in late if day_of(row) in days[:2]], seal_rows=20)
    pending = [row for row in waiting if day_of(row) in (days[2], NOW.date())]
    (lost,) = (row.key for row in store.list(VISITS) if f"date={days[3]}" in row.key)
    store.delete(lost)
    if seed % 2:
        monkeypatch.setattr(plan, "PORTION_BYTES", 1)
    trees = [_conditions(random) for _ in range(2)]
    found = [answers(store, pending, tree) for tree in trees]
    # By chance no event of the third day waits.
    assert {each["visit_days"] for _, each in found} <= {1, 2}
    for row in list(store.list(VISITS)):
        store.delete(row.key)
    for tree, (given, _) in zip(trees, found, strict=True):
        expected, counted = answers(store, pending, tree)
        assert counted["visit_days"] == 0
        assert given == expected, tree


@pytest.mark.parametrize(("seed", "spans_days", "parts"), [(0, False, 1), (2, True, 1), (3, True, 2), (4, False, 2)])
def test_reports_on_visitors_take_visits_from_their_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, spans_days: bool, parts: int
) -> None:
    store, random = LocalStore(tmp_path), Random(seed)
    rows = with_rounded_times(random, random_rows(random, 200, NOW), share=0.5)
    if spans_days:
        rows = [row | {"visitor_id": row["visitor_id"] and row["visitor_id"] % 100} for row in rows]
    late = {NOW.date() - timedelta(days=2)}
    store_rows(store, [row for row in rows[:180] if day_of(row) not in late], seal_rows=20, spans_days=spans_days)
    if parts > 1:
        cut_all_days(monkeypatch, parts)
    waiting = pending_rows([row for row in rows[180:] if day_of(row) == NOW.date()])
    trees = [_conditions(random), *([None] if parts == 1 else [])]
    sql = "SELECT visitor_id % 100 AS visitor, count(DISTINCT date) AS days FROM visitor_events GROUP BY ALL"
    query = VisitorQuery(Query(SITE, WEEK, ("visitors",)), sql, keys=("visitor",), of_days=True)
    with closing(DuckDBEngine(store, lambda _: waiting, memory_mb=256, threads=1)) as engine:
        assert build_rollups(store, engine, NOW).days == 4
        store_rows(store, [row for row in rows[:180] if day_of(row) in late], seal_rows=20, spans_days=spans_days)
        found = [behaviour(engine, tree) for tree in trees]
        days = engine.visitor_query(query)
        assert days.counted["visit_days"] == 4
        assert delete_visits(store) == 4
        for tree, given in zip(trees, found, strict=True):
            assert behaviour(engine, tree) == given, tree
        assert engine.visitor_query(query).rows == days.rows
