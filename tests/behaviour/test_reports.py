"""Sessions, funnels and retention equal a plain recomputation, wherever the events lie, and day by day or together."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.errors import QueryError
from mallard.event import ENGAGEMENT
from mallard.maintenance.rollup_builder import build_rollups
from mallard.privacy.rotation import ROTATION_KEY
from mallard.reports.behaviour.funnel import Funnel, count_funnel
from mallard.reports.behaviour.retention import RetentionQuery, count_retention
from mallard.reports.behaviour.sessions import count_sessions, sessions_by
from mallard.reports.behaviour.steps import parse_steps
from mallard.reports.standard_reports import Scope, Stats
from mallard.stats.date_range import read_period
from mallard.stats.filters import parse_filters
from mallard.store.local import LocalStore
from support.behaviour_funnel import Seen, counts_of, reached
from support.portions import cut_all_days
from support.random_events import SITE, pending_rows, random_rows, store_rows, with_rounded_times
from support.reference import Row, Visit, day_of, matched, order_of, seconds_of, touched

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
HOUR_MS = 3_600_000
STEPS = "page:/,page:/a,event:signup"
IS_STEP: list[Callable[[Row], bool]] = [
    lambda row: bool(row["pathname"] == "/"),
    lambda row: bool(row["pathname"] == "/a"),
    lambda row: bool(row["event_name"] == "signup"),
]
FILTERS: list[list[Any]] = [
    [],
    [["is", "visit:country", ["DE"]]],
    [["is_not", "event:page", ["/b"]], ["is_not", "visit:browser", ["Firefox"]]],
]


def spanning(rows: list[Row]) -> list[Row]:
    """The same events of visitors who are known on all days."""
    return [{**row, "visitor_id": row["visitor_id"] and row["visitor_id"] % 100} for row in rows]


PLACES = ("table", "queue", "overlap", "rolled up", "spanning", "spanning overlap", "rounded overlap")


@pytest.fixture(scope="module", params=[*PLACES])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stats, list[Row]]]:
    rows, store = random_rows(Random(request.param), 400, NOW), LocalStore(tmp_path_factory.mktemp("case"))
    spans = request.param.startswith("spanning")
    rows = spanning(rows) if spans else rows
    rows = with_rounded_times(Random(request.param), rows, 0.8) if request.param.startswith("rounded") else rows
    stored = [] if request.param == "queue" else rows[:250] if request.param.endswith("overlap") else rows
    waiting = rows if request.param == "queue" else rows[150:] if request.param.endswith("overlap") else []
    store_rows(store, stored, seal_rows=20, spans_days=spans)
    # A second thread costs a third more time over so few rows: one place has it.
    threads = 2 if request.param == "overlap" else 1
    with closing(DuckDBEngine(store, lambda _: pending_rows(waiting), memory_mb=256, threads=threads)) as engine:
        if request.param == "rolled up":
            assert build_rollups(store, engine, NOW).days == 5
        yield Stats(engine, NOW), [row for row in rows if row["event_name"] != ENGAGEMENT]


def scope(filters: list[Any], period: str = "7d") -> Scope:
    return Scope(SITE, read_period(period, None, None, NOW), parse_filters(json.dumps(filters)))


def visitors_of(pairs: list[tuple[Row, Visit | None]]) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = defaultdict(list)
    for row, _ in pairs:
        if row["visitor_id"] is not None:
            found[row["visitor_id"]].append(row)
    return found


def seen(rows: list[Row]) -> list[Seen]:
    """With microseconds for milliseconds: those within a rounded hour are its events' places."""
    return [
        Seen(
            int(row["timestamp"].replace(tzinfo=UTC).timestamp() * 1_000_000) + (place if row.get("hour_order") else 0),
            row["event_id"],
            frozenset(number for number, is_step in enumerate(IS_STEP) if is_step(row)),
        )
        for place, row in enumerate(sorted(rows, key=order_of), start=1)
    ]


def funnel_of(rows: list[Row], filters: list[Any], window_ms: int, modes: frozenset[str]) -> list[int]:
    visitors = visitors_of(matched(rows, filters)).values()
    return counts_of((reached(seen(events), 3, window_ms * 1000 + 999, modes) for events in visitors), 3)


@pytest.mark.sampled(12, 1)
@pytest.mark.parametrize("in_parts", [False, True])
@pytest.mark.parametrize("filters", FILTERS)
@pytest.mark.parametrize("modes", [[], ["strict_order"], ["strict_once", "strict_deduplication"]])
@pytest.mark.parametrize("hours", [1, 40])
def test_a_funnel_equals_the_reference(
    case: tuple[Stats, list[Row]],
    monkeypatch: pytest.MonkeyPatch,
    hours: int,
    modes: list[str],
    filters: list[Any],
    in_parts: bool,
) -> None:
    stats, rows = case
    if in_parts:
        cut_all_days(monkeypatch)
    asked = Funnel(parse_steps(STEPS), hours * HOUR_MS, frozenset(modes))
    expected = funnel_of(rows, filters, hours * HOUR_MS, frozenset(modes))
    assert [row["visitors"] for row in count_funnel(stats, scope(filters), asked)] == expected
    assert expected[0] > 3


@pytest.mark.sampled(5, 1)
@pytest.mark.parametrize(("dimension", "name"), [("countries", "visit:country"), ("events", "event:name")])
def test_funnel_breakdown_row_equals_the_report_filtered_by_its_value(
    case: tuple[Stats, list[Row]], dimension: str, name: str
) -> None:
    stats, _ = case
    steps = parse_steps("page:/,page:/a")
    rows = count_funnel(stats, scope([]), Funnel(steps, HOUR_MS, breakdown=dimension))
    assert len(rows) > 1
    assert rows == sorted(rows, key=lambda row: (-row["steps"][0]["visitors"], row["value"]))
    cohorts = count_retention(stats, scope([]), RetentionQuery("day", 3, dimension))
    for row in rows:
        under = scope([["is", name, [row["value"]]]])
        assert row["steps"] == count_funnel(stats, under, Funnel(steps, HOUR_MS))
    for row in cohorts:
        assert row["cohorts"] == count_retention(stats, scope([["is", name, [row["value"]]]]), RetentionQuery("day", 3))


@pytest.mark.sampled(3, 1)
def test_breakdown_limit_takes_the_first_values(case: tuple[Stats, list[Row]]) -> None:
    stats, _ = case
    steps = parse_steps("page:/")
    rows = count_funnel(stats, scope([]), Funnel(steps, HOUR_MS, breakdown="countries"))
    assert count_funnel(stats, scope([]), Funnel(steps, HOUR_MS, breakdown="countries", limit=1)) == rows[:1]


@pytest.mark.sampled(6, 1)
@pytest.mark.parametrize("filters", FILTERS)
@pytest.mark.parametrize("period", ["7d", "yesterday"])
def test_sessions_equal_the_reference(case: tuple[Stats, list[Row]], filters: list[Any], period: str) -> None:
    stats, rows = case
    asked = scope(filters, period)
    inside = [row for row in rows if asked.period.start <= day_of(row) < asked.period.end]
    visits = touched(matched(inside, filters))
    assert count_sessions(stats, asked) == {
        "total_sessions": len(visits),
        "avg_session_duration_secs": sum(map(seconds_of, visits)) / len(visits),
        "avg_pages_per_session": sum(row["event_name"] == "pageview" for visit in visits for row in visit)
        / len(visits),
    }


@pytest.mark.sampled(6, 1)
def test_sessions_break_down_by_visit_dimensions(case: tuple[Stats, list[Row]]) -> None:
    stats, _ = case
    for row in sessions_by(stats, scope([]), "countries", 10):
        assert row == {"value": row["value"], **count_sessions(stats, scope([["is", "visit:country", [row["value"]]]]))}
    with pytest.raises(QueryError, match="breakdown is 'pages', but sessions have one of sources, browsers"):
        sessions_by(stats, scope([]), "pages", 10)


def interval_of(day: date, interval: str) -> date:
    return (
        day - timedelta(days=day.weekday())
        if interval == "week"
        else day.replace(day=1)
        if interval == "month"
        else day
    )


@pytest.mark.sampled(6, 1)
@pytest.mark.parametrize("filters", FILTERS)
@pytest.mark.parametrize("interval", ["day", "week", "month"])
def test_retention_equals_the_reference(case: tuple[Stats, list[Row]], interval: str, filters: list[Any]) -> None:
    stats, rows = case
    cohorts: dict[date, list[set[date]]] = defaultdict(list)
    for events in visitors_of(matched(rows, filters)).values():
        intervals = {interval_of(day_of(row), interval) for row in events}
        cohorts[min(intervals)].append(intervals)
    found = count_retention(stats, scope(filters), RetentionQuery(interval, 4))
    assert {row["cohort_date"]: row["cohort_size"] for row in found if row["cohort_size"]} == {
        start: len(members) for start, members in cohorts.items()
    }
    starts = [row["cohort_date"] for row in found]
    for row in found:
        later = starts[starts.index(row["cohort_date"]) :][:4]
        members = cohorts[row["cohort_date"]]
        assert row["visitors"] == [sum(start in each for each in members) for start in later]
        assert row["retained"] == [each > 0 for each in row["visitors"]]
        assert row["percentages"] == [round(100 * each / max(len(members), 1), 1) for each in row["visitors"]]


@pytest.mark.sampled(3, 1)
def test_a_day_in_the_middle_of_a_year_of_days_is_retained(case: tuple[Stats, list[Row]]) -> None:
    stats, _ = case
    year = Scope(SITE, read_period(None, "2025-10-01", "2026-03-11", NOW))
    week = [
        row for row in count_retention(stats, year, RetentionQuery("day", 4)) if row["cohort_date"] >= date(2026, 3, 4)
    ]
    assert week == count_retention(stats, scope([]), RetentionQuery("day", 4))


@pytest.mark.sampled(4, 1)
def test_a_range_of_too_many_intervals_is_refused(case: tuple[Stats, list[Row]]) -> None:
    ages = Scope(SITE, read_period(None, "2020-01-01", "2026-03-11", NOW))
    with pytest.raises(QueryError, match="interval is day, of which the range has over 800; ask for a longer one"):
        count_retention(case[0], ages, RetentionQuery("day", 4))


@pytest.mark.parametrize(
    ("rotation", "interval", "note"),
    [
        (
            "day",
            "day",
            "Visitor ids last a day and end before the next day, so no visitor is recognized again: MALLARD_VISITOR_",
        ),
        ("day", "week", "so no visitor is recognized again: MALLARD_VISITOR_ROTATION=month lets them last."),
        ("week", "week", "Visitor ids last a week and end before the next week"),
        (
            "month",
            "month",
            "Visitor ids last a month and end before the next month, so no visitor is recognized again: ask for a",
        ),
    ],
)
def test_retention_note_explains_cohorts_that_cannot_return(
    tmp_path: Path, rotation: str, interval: str, note: str
) -> None:
    store = LocalStore(tmp_path)
    store.put_if_absent(ROTATION_KEY, json.dumps([["0001-01-01", rotation]]).encode())
    store_rows(store, random_rows(Random(1), 50, NOW), seal_rows=20)
    with closing(DuckDBEngine(store, lambda _: pending_rows([]), memory_mb=256, threads=1)) as engine:
        rows = count_retention(Stats(engine, NOW), scope([]), RetentionQuery(interval, 2))
    assert all(note in row["note"] for row in rows)


@pytest.mark.parametrize(("rotation", "interval"), [("week", "day"), ("month", "week")])
def test_retention_has_no_note_when_visitors_can_return(tmp_path: Path, rotation: str, interval: str) -> None:
    store = LocalStore(tmp_path)
    store.put_if_absent(ROTATION_KEY, json.dumps([["0001-01-01", rotation]]).encode())
    with closing(DuckDBEngine(store, lambda _: pending_rows([]), memory_mb=256, threads=1)) as engine:
        period = read_period(None, "2026-03-02", "2026-03-06", NOW)
        rows = count_retention(Stats(engine, NOW), Scope(SITE, period), RetentionQuery(interval, 2))
    assert rows
    assert not any("note" in row for row in rows)
