"""Reports over a change of a site's zone: each event in one day and one hour, and a file read again adds nothing."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from mallard.engine.base import PENDING
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.event import Event, to_ms
from mallard.maintenance.rollup_builder import build_rollups
from mallard.reports.standard_reports import Scope, Stats
from mallard.sites.settings_store import SiteSettingsStore
from mallard.stats.date_range import DateRange, read_period
from mallard.store.local import LocalStore
from mallard.table.append_report import AppendReport
from mallard.table.layout import Partition
from mallard.table.writer import TableWriter
from support.rows import deliveries, event

SITE = "example.com"
DAY = timedelta(days=1)
STEP = timedelta(minutes=30)

ROUND = (
    "UTC",
    "Pacific/Kiritimati",
    "Asia/Kolkata",
    "Pacific/Pago_Pago",
    "Pacific/Auckland",
    "America/St_Johns",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "America/Los_Angeles",
    "UTC",
)


class Site:
    """A site's store, its settings, and reports of it at a moment."""

    def __init__(self, folder: Path, name: str, now: datetime) -> None:
        self.store = LocalStore(folder)
        self.site_settings = SiteSettingsStore(self.store, ttl_seconds=0)
        self.engine = DuckDBEngine(
            self.store, lambda _: PENDING.empty_table(), memory_mb=256, threads=1, site_settings=self.site_settings
        )
        self.site_settings.change(SITE, {"timezone": name}, now)

    def read(self, moments: Iterable[datetime]) -> AppendReport:
        """What an import of events of these moments does; each has an id and a visitor of its own."""
        zones, table, done = self.engine.zones(SITE), TableWriter(self.store), AppendReport()
        by_day: dict[date, list[Event]] = {}
        for moment in moments:
            ms, day = to_ms(moment), zones.local_date(moment)
            seen = event(ms, date=day.isoformat(), timestamp=ms, accepted_ms=ms, visitor_id=ms)
            by_day.setdefault(day, []).append(seen)
        for day, events in by_day.items():
            done += table.append(Partition(SITE, day), deliveries(events))
        return done

    def counted(self, period: DateRange, now: datetime) -> list[tuple[str, int]]:
        """Page views by the label of a bucket."""
        rows = Stats(self.engine, now).timeseries(Scope(SITE, period))
        return [(row["date"], row["pageviews"]) for row in rows]


def every(start: datetime, end: datetime) -> list[datetime]:
    return [start + n * STEP for n in range((end - start) // STEP)]


def check(site: Site, start: date, end: date, now: datetime, count: int) -> None:
    """All events, counted as one, by the day and by the hour, in one range and day by day."""
    assert Stats(site.engine, now).main(Scope(SITE, DateRange(start, end)))["events"] == count
    days = site.counted(DateRange(start, end), now)
    hours = site.counted(DateRange(start, end, hourly=True), now)
    assert sum(views for _, views in days) == sum(views for _, views in hours) == count
    single = [site.counted(DateRange(day, day + DAY, hourly=True), now) for day in map(date.fromisoformat, dict(days))]
    assert [row for rows in single for row in rows] == hours
    assert [sum(views for _, views in rows) for rows in single] == [views for _, views in days]
    zones = site.engine.zones(SITE)
    starts = [moment for moment, _ in zones.hours(start, end)]
    assert all(to_ms(moment) % 60_000 == 0 for moment in starts)
    for (moment, later), (label, views) in zip(pairwise([*starts, zones.day_start(end)]), hours, strict=True):
        expected = [each for each in every(EVENTS_FROM, now) if moment <= each < later]
        assert views == len(expected), label


EVENTS_FROM = datetime(2026, 3, 10, tzinfo=UTC)


@pytest.mark.sampled(8, 2)
@pytest.mark.parametrize(("old", "new"), [*pairwise(ROUND), *pairwise(reversed(ROUND))])
def test_event_is_in_one_day_and_one_hour_across_a_zone_change(tmp_path: Path, old: str, new: str) -> None:
    # Long before the first event, so that only the second change is looked at.
    site = Site(tmp_path, old, datetime(2026, 1, 1, tzinfo=UTC))
    set_at = datetime(2026, 3, 10, 22, 10, tzinfo=UTC)
    before = every(EVENTS_FROM, set_at)
    assert site.read(before).written == len(before)
    site.site_settings.change(SITE, {"timezone": new}, set_at)
    assert site.read(before) == AppendReport(duplicates=len(before))
    today = read_period("today", None, None, set_at, site.engine.zones(SITE))
    passed = [moment for moment in before if moment >= site.engine.zones(SITE).day_start(today.start)]
    assert sum(views for _, views in site.counted(today, set_at)) == len(passed) > 0

    now = datetime(2026, 3, 13, 3, tzinfo=UTC)
    everything = every(EVENTS_FROM, now)
    assert site.read(everything).written == len(everything) - len(before)
    assert site.read(everything) == AppendReport(duplicates=len(everything))
    check(site, date(2026, 3, 9), date(2026, 3, 14), now, len(everything))
    assert build_rollups(site.store, site.engine, now).days
    check(site, date(2026, 3, 9), date(2026, 3, 14), now, len(everything))
    site.engine.close()


@pytest.mark.parametrize(
    ("name", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
        ("America/St_Johns", date(2006, 10, 29), 25),
        ("America/Havana", date(2026, 3, 8), 23),
    ],
)
def test_hours_of_a_day_with_a_clock_change_contain_all_its_events(
    tmp_path: Path, name: str, day: date, hours: float
) -> None:
    site = Site(tmp_path, name, datetime(2000, 1, 1, tzinfo=UTC))
    zones = site.engine.zones(SITE)
    start, end = zones.day_start(day), zones.day_start(day + DAY)
    assert end - start == timedelta(hours=hours)
    moments = every(start - DAY, end + DAY)
    site.read(moments)
    inside = [moment for moment in moments if start <= moment < end]
    found = site.counted(DateRange(day, day + DAY, hourly=True), end + DAY)
    assert sum(views for _, views in found) == len(inside)
    assert {label[:10] for label, _ in found} <= {day.isoformat(), (day - DAY).isoformat()}
    site.engine.close()


def test_event_outside_its_date_counts_in_its_nearest_hour(tmp_path: Path) -> None:
    site = Site(tmp_path, "UTC", datetime(2026, 1, 1, tzinfo=UTC))
    day = date(2026, 3, 10)
    midnight = datetime(2026, 3, 10, tzinfo=UTC)
    for moment in (midnight - timedelta(hours=5), midnight + DAY + timedelta(hours=5)):
        ms = to_ms(moment)
        stray = event(ms, date=day.isoformat(), timestamp=ms, visitor_id=ms)
        TableWriter(site.store).append(Partition(SITE, day), deliveries([stray]))
    for period in (DateRange(day, day + DAY, hourly=True), DateRange(day - DAY, day + 2 * DAY, hourly=True)):
        found = dict(site.counted(period, midnight + 3 * DAY))
        assert {label: views for label, views in found.items() if views} == {
            "2026-03-10 00:00": 1,
            "2026-03-10 23:00": 1,
        }
    site.engine.close()
