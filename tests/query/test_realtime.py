"""What counts as now: events of the last five minutes, and none that a wrong clock put hours ahead."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from mallard.engine.base import PENDING
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.event import Event, to_ms
from mallard.reports.standard_reports import Scope, Stats
from mallard.stats.date_range import read_period
from mallard.stats.filters import parse_filters
from mallard.stats.query import Query
from mallard.store.local import LocalStore
from mallard.table.layout import Partition
from mallard.table.writer import TableWriter
from support.rows import deliveries, event

NOW = datetime(2026, 3, 10, 15, 30, 3, tzinfo=UTC)
SITE = "example.com"
NEAR = {
    "six minutes ago": timedelta(minutes=-6),
    "a minute ago": timedelta(minutes=-1),
    "a clock a little ahead": timedelta(seconds=30),
    "a batch's row of soon": timedelta(minutes=4),
    "hours ahead": timedelta(hours=3),
}
COUNTED = ["a minute ago", "a clock a little ahead"]
FILTERS = [[], [["is", "visit:browser", ["Firefox"]]], [["contains", "event:page", ["a"]]]]


def moments() -> list[Event]:
    """An event of a visitor of its own at each of them; its path is the name."""
    return [
        event(
            number,
            site_id=SITE,
            date=NOW.date().isoformat(),
            timestamp=to_ms(NOW + ahead),
            visitor_id=number,
            pathname=f"/{name}",
            browser="Firefox",
        )
        for number, (name, ahead) in enumerate(NEAR.items(), 1)
    ]


def pending(given: list[Event]) -> pa.Table:
    rows = deliveries(given)
    dates = pa.array([NOW.date()] * rows.num_rows, pa.date32())
    return rows.add_column(0, "date", dates).select(PENDING.names)


@pytest.fixture(scope="module", params=["table", "queue", "both"])
def stats(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stats]:
    store = LocalStore(tmp_path_factory.mktemp("realtime"))
    given = moments()
    stored = {"table": given, "queue": [], "both": given[::2]}[request.param]
    waiting = {"table": [], "queue": given, "both": given}[request.param]
    if stored:
        TableWriter(store).append(Partition(SITE, NOW.date()), deliveries(stored))
    engine = DuckDBEngine(store, lambda _: pending(waiting), memory_mb=256, threads=1)
    yield Stats(engine, NOW)
    engine.close()


def scope(filters: list[object]) -> Scope:
    return Scope(SITE, read_period("realtime", None, None, NOW), parse_filters(json.dumps(filters)))


@pytest.mark.parametrize("filters", FILTERS, ids=["all", "of visits", "of events"])
def test_current_visitors_exclude_future_events(stats: Stats, filters: list[object]) -> None:
    assert stats.current_visitors(SITE, scope(filters).filters) == len(COUNTED)


@pytest.mark.parametrize("filters", FILTERS, ids=["all", "of visits", "of events"])
def test_realtime_reports_exclude_future_events(stats: Stats, filters: list[object]) -> None:
    found = stats.overview(scope(filters), names=["pages", "browsers"])
    assert (found.main["unique_visitors"], found.main["events"], found.main["visits"]) == (2, 2, 2)
    assert sorted(row["value"] for row in found.breakdowns["pages"]) == sorted(f"/{name}" for name in COUNTED)
    assert found.breakdowns["browsers"] == [{"value": "Firefox", "visitors": 2, "pageviews": 2}]
    assert sum(row["visitors"] for row in found.timeseries) == 2


@pytest.mark.parametrize("filters", FILTERS, ids=["all", "of visits", "of events"])
def test_exported_realtime_rows_exclude_future_events(stats: Stats, filters: list[object]) -> None:
    asked, rows = scope(filters), []
    query = Query(SITE, asked.period, (), filters=asked.filters)
    for _ in stats.engine.rows(query, lambda batch: rows.extend(batch.to_pylist())):
        pass
    assert [row["pathname"] for row in rows] == [f"/{name}" for name in COUNTED]


def test_today_includes_future_events(stats: Stats) -> None:
    today = Scope(SITE, read_period("today", None, None, NOW))
    assert stats.main(today)["unique_visitors"] == len(NEAR)
