"""Every report equals a plain recomputation in Python, wherever the events lie: queue, table, or both."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import boto3
import pyarrow as pa
import pytest

from mallard.event import ENGAGEMENT, PAGEVIEW
from mallard.keeping.rollups import build_rollups
from mallard.query.engine import PENDING, Engine
from mallard.query.period import read_period
from mallard.query.stats import Scope, Stats
from mallard.store.base import Store
from mallard.store.local import LocalStore
from mallard.store.s3 import connect
from mallard.table.deliveries import delivered
from mallard.table.layout import Partition
from mallard.table.schema import EVENTS
from mallard.table.write import TableWriter
from support.moto import moto_server

SITE = "example.com"
NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
Row = dict[str, Any]


def random_rows(random: Random, count: int) -> list[Row]:
    """Few visitors and pages over five days and their midnights, so that everything meets everything."""
    rows = []
    for event_id in range(1, count + 1):
        moment = NOW - timedelta(seconds=random.randrange(5 * 86_400))
        day = moment.date().toordinal()
        visitor = None if random.random() < 0.1 else day * 100 + random.randrange(8)
        name = random.choice([PAGEVIEW, PAGEVIEW, PAGEVIEW, "signup", ENGAGEMENT])
        rows.append(
            {
                "event_id": event_id,
                "visitor_id": visitor,
                # Whole minutes, so that gaps of exactly 30 minutes and equal moments occur.
                "timestamp": moment.replace(tzinfo=None, second=0, microsecond=0),
                "event_name": name,
                "pathname": random.choice(["/", "/a", "/b", "/b/c"]),
                "browser": random.choice(["Firefox", "Chrome", None]),
                "referrer_source": random.choice([None, "Google"]),
                "country_code": random.choice(["DE", "US", None]),
            }
        )
    return rows


def arrow(rows: list[Row]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=EVENTS)


def day_of(row: Row) -> date:
    moment: datetime = row["timestamp"]
    return moment.date()


def store_rows(store: Store, rows: list[Row], seal_rows: int) -> None:
    table = TableWriter(store, seal_rows=seal_rows)
    by_day: dict[date, list[Row]] = defaultdict(list)
    for row in rows:
        by_day[day_of(row)].append(row)
    for day, part in by_day.items():
        for start in range(0, len(part), 7):
            table.append(Partition(SITE, day), delivered(arrow(part[start : start + 7])))


def pending_rows(rows: list[Row]) -> pa.Table:
    dates = pa.array([day_of(row) for row in rows], pa.date32())
    return arrow(rows).add_column(0, PENDING.field("date"), dates)


def visits_of(rows: list[Row]) -> list[list[Row]]:
    visits: list[list[Row]] = []
    last: dict[tuple[date, int], list[Row]] = {}
    for row in sorted(rows, key=lambda row: (row["timestamp"], row["event_id"])):
        if row["visitor_id"] is None:
            continue
        key = (day_of(row), row["visitor_id"])
        visit = last.get(key)
        if visit is None or row["timestamp"] - visit[-1]["timestamp"] > timedelta(minutes=30):
            visit = last[key] = []
            visits.append(visit)
        visit.append(row)
    return visits


def pageviews_of(rows: list[Row]) -> int:
    return sum(row["event_name"] == PAGEVIEW for row in rows)


def visitors_of(rows: list[Row]) -> int:
    return len({row["visitor_id"] for row in rows} - {None})


def expected_main(rows: list[Row]) -> dict[str, float]:
    visits = visits_of(rows)
    bounces = sum(len(visit) == 1 and pageviews_of(visit) == 1 for visit in visits)
    seconds = sum((visit[-1]["timestamp"] - visit[0]["timestamp"]).total_seconds() for visit in visits)
    visitors, pageviews = visitors_of(rows), pageviews_of(rows)
    return {
        "unique_visitors": visitors,
        "total_pageviews": pageviews,
        "bounce_rate": bounces / len(visits) if visits else 0.0,
        "avg_visit_duration_secs": seconds / len(visits) if visits else 0.0,
        "pages_per_visit": pageviews / visitors if visitors else 0.0,
        "visits": len(visits),
        "views_per_visit": sum(map(pageviews_of, visits)) / len(visits) if visits else 0.0,
        "events": len(rows),
    }


def expected_pages(rows: list[Row]) -> list[Row]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["pathname"]].append(row)
    return ranked({value: (visitors_of(part), pageviews_of(part)) for value, part in groups.items()})


def expected_entry_pages(rows: list[Row]) -> list[Row]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for visit in visits_of(rows):
        viewed = [row["pathname"] for row in visit if row["event_name"] == PAGEVIEW]
        groups[viewed[0] if viewed else "(unknown)"] += visit
    return ranked({value: (visitors_of(part), pageviews_of(part)) for value, part in groups.items()})


def expected_visit_dimension(rows: list[Row], column: str, blank: str) -> list[Row]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for visit in visits_of(rows):
        groups[visit[0][column] or blank] += visit
    for row in rows:
        if row["visitor_id"] is None:
            groups[row[column] or blank].append(row)
    return ranked({value: (visitors_of(part), pageviews_of(part)) for value, part in groups.items()})


def ranked(counts: dict[str, tuple[int, int]]) -> list[Row]:
    order = sorted(counts.items(), key=lambda item: (-item[1][0], item[0]))
    return [{"value": value, "visitors": visitors, "pageviews": views} for value, (visitors, views) in order]


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with moto_server() as endpoint:
        boto3.client("s3", endpoint_url=endpoint).create_bucket(Bucket="numbers")
        yield endpoint


@pytest.fixture(params=["table", "rolled up", "s3", "s3 rolled up", "queue", "both", "overlap", "overlap rolled up"])
def case(request: pytest.FixtureRequest, s3: str, tmp_path: Path) -> Iterator[tuple[Stats, list[Row]]]:
    """300 random events, and where they lie; `overlap` is the moment between a write and its acknowledgement."""
    rows = random_rows(Random(request.param), 300)
    place, _, rolled_up = request.param.partition(" ")
    stored = {"queue": [], "both": rows[:200], "overlap": rows[:200]}.get(place, rows)
    waiting = {"queue": rows, "both": rows[200:], "overlap": rows[100:]}.get(place, [])
    in_bucket = place == "s3"
    store = connect(f"s3://numbers/{tmp_path.name}", endpoint=s3) if in_bucket else LocalStore(tmp_path)
    store_rows(store, stored, seal_rows=20)
    engine = Engine(store, lambda site_id: pending_rows(waiting if site_id == SITE else []), memory_mb=256, threads=2)
    if rolled_up:
        assert build_rollups(store, engine, NOW).days == 5
    yield Stats(engine, NOW), [row for row in rows if row["event_name"] != ENGAGEMENT]
    engine.close()


PERIODS = ["today", "yesterday", "7d", "30d", "all"]


def within(rows: list[Row], name: str) -> list[Row]:
    period = read_period(name, None, None, NOW)
    return [row for row in rows if period.start <= day_of(row) < period.end]


@pytest.mark.parametrize("period", PERIODS)
def test_the_headline_equals_the_reference(case: tuple[Stats, list[Row]], period: str) -> None:
    stats, rows = case
    found = stats.main(Scope(SITE, read_period(period, None, None, NOW)))
    recent = [row for row in rows if row["timestamp"] >= NOW.replace(tzinfo=None) - timedelta(minutes=5)]
    assert found == expected_main(within(rows, period)) | {"current_visitors": visitors_of(recent)}


@pytest.mark.parametrize("period", PERIODS)
def test_the_series_equals_the_reference_and_has_every_bucket(case: tuple[Stats, list[Row]], period: str) -> None:
    stats, rows = case
    span = read_period(period, None, None, NOW)
    form = "%Y-%m-%d %H:00" if span.hourly else "%Y-%m-%d"
    found = stats.timeseries(Scope(SITE, span))
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in within(rows, period):
        groups[row["timestamp"].strftime(form)].append(row)
    counted = {b["date"]: (b["visitors"], b["pageviews"]) for b in found if b["visitors"] or b["pageviews"]}
    assert counted == {
        label: (visitors_of(part), pageviews_of(part))
        for label, part in groups.items()
        if visitors_of(part) or pageviews_of(part)
    }
    assert [each["date"] for each in found] == sorted({each["date"] for each in found})
    days = {"today": 24, "yesterday": 1, "7d": 7, "30d": 30}
    assert len(found) == days.get(period, (NOW.date() - min(map(day_of, rows))).days + 1)


@pytest.mark.parametrize("period", PERIODS)
def test_breakdowns_equal_the_reference(case: tuple[Stats, list[Row]], period: str) -> None:
    stats, rows = case
    rows, span = within(rows, period), read_period(period, None, None, NOW)
    assert stats.breakdown(Scope(SITE, span), "pages", 1000) == expected_pages(rows)
    assert stats.breakdown(Scope(SITE, span), "entry_pages", 1000) == expected_entry_pages(rows)
    for name, column, blank in (
        ("browsers", "browser", "(unknown)"),
        ("sources", "referrer_source", "Direct"),
        ("countries", "country_code", "(unknown)"),
    ):
        assert stats.breakdown(Scope(SITE, span), name, 1000) == expected_visit_dimension(rows, column, blank)


def test_a_limit_takes_the_first_rows(case: tuple[Stats, list[Row]]) -> None:
    stats, rows = case
    span = read_period("30d", None, None, NOW)
    assert stats.breakdown(Scope(SITE, span), "pages", 2) == expected_pages(rows)[:2]


def test_another_site_sees_nothing(case: tuple[Stats, list[Row]]) -> None:
    stats, _ = case
    assert stats.main(Scope("example.co", read_period("all", None, None, NOW)))["events"] == 0


def test_days_add_up_to_their_range(case: tuple[Stats, list[Row]]) -> None:
    stats, _ = case

    def main(first: int, end: int) -> Row:
        return stats.main(Scope(SITE, read_period(None, f"2026-03-{first:02d}", f"2026-03-{end:02d}", NOW)))

    whole, days = main(1, 11), [main(day, day + 1) for day in range(1, 11)]
    for metric in ("unique_visitors", "total_pageviews", "visits", "events"):
        assert sum(day[metric] for day in days) == whole[metric]
