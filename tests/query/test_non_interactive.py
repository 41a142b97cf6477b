"""Events that the visitor did not cause change no visit; from events and from visits files alike."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mallard.engine.base import PENDING
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.event import PAGEVIEW
from mallard.maintenance.rollup_builder import build_rollups
from mallard.reports.standard_reports import Scope, Stats
from mallard.stats.date_range import read_period
from mallard.stats.filters import parse_filters
from mallard.store.local import LocalStore
from support.random_events import SITE, store_rows

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
NOON = datetime(2026, 3, 9, 12)  # noqa: DTZ001  # the table's timestamps are naive UTC
YESTERDAY = read_period("yesterday", None, None, NOW)
WHOLE = (None, '[["is", "visit:country", ["DE", "US", "(unknown)"]]]')

Event = tuple[float, str, bool, str | None]
"""Minutes after noon, name, whether the visitor caused it, country."""

VIEW, SHOWN = (PAGEVIEW, True, "DE"), ("shown", False, "US")

CASES: dict[str, tuple[list[Event], tuple[int, int, float]]] = {
    "a bounce stays one": ([(0, *VIEW), (5, *SHOWN)], (1, 1, 0)),
    "an interactive event ends a bounce": ([(0, *VIEW), (5, "click", True, "DE")], (1, 0, 300)),
    "a visit lasts until its last interactive event": ([(0, *VIEW), (10, *VIEW), (20, *SHOWN)], (1, 0, 600)),
    "a gap with one ends the visit": ([(0, *VIEW), (20, *SHOWN), (40, *VIEW)], (2, 2, 0)),
    "one long after a visit belongs to it": ([(0, *VIEW), (90, *SHOWN), (170, *VIEW)], (2, 2, 0)),
    "one before the first visit belongs to it": ([(-90, *SHOWN), (0, *VIEW), (1, *VIEW)], (1, 0, 60)),
    "alone they are one visit": ([(0, *SHOWN), (90, *SHOWN)], (1, 0, 0)),
}


def rows_of(events: list[Event]) -> list[dict[str, Any]]:
    return [
        {
            "event_id": number,
            "visitor_id": 7,
            "timestamp": NOON + timedelta(minutes=minutes),
            "event_name": name,
            "pathname": "/",
            "country_code": country,
            "interactive": None if interactive else False,
        }
        for number, (minutes, name, interactive, country) in enumerate(events, 1)
    ]


@pytest.mark.parametrize("name", CASES)
def test_visits_are_made_of_interactive_events(tmp_path: Path, name: str) -> None:
    events, (visits, bounces, seconds) = CASES[name]
    store = LocalStore(tmp_path)
    store_rows(store, rows_of(events), seal_rows=100)
    with closing(DuckDBEngine(store, lambda _: PENDING.empty_table(), memory_mb=256, threads=1)) as engine:
        for is_built in (False, True):
            assert not is_built or build_rollups(store, engine, NOW).days == 1
            for text in WHOLE:
                scope = Scope(SITE, YESTERDAY, parse_filters(text) if text else None)
                overview = Stats(engine, NOW).overview(scope, 10, ("countries", "events"))
                main = overview.main
                assert (main["visits"], main["events"], main["unique_visitors"]) == (visits, len(events), 1)
                assert main["bounce_rate"] * visits == bounces
                assert main["avg_visit_duration_secs"] * visits == seconds


def test_first_event_of_a_visit_is_its_first_interactive_one(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store_rows(store, rows_of([(-5, *SHOWN), (0, *VIEW), (1, *VIEW)]), seal_rows=100)
    with closing(DuckDBEngine(store, lambda _: PENDING.empty_table(), memory_mb=256, threads=1)) as engine:
        for is_built in (False, True):
            assert not is_built or build_rollups(store, engine, NOW).days == 1
            rows = Stats(engine, NOW).breakdown(Scope(SITE, YESTERDAY), "countries", 10)
            assert [(row["value"], row["visitors"], row["pageviews"]) for row in rows] == [("DE", 1, 2)]
