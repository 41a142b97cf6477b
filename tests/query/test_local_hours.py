"""The lookup of an event's local hour equals a search among the beginnings of its date's hours."""

from bisect import bisect_right
from datetime import date, timedelta
from random import Random

import duckdb
import pyarrow as pa
import pytest

from mallard.engine.sql.count_select import count_select
from mallard.engine.sql.local_hours import local_hours
from mallard.sites.time_zone import SiteZones
from mallard.stats.metrics import MEASURES
from mallard.stats.query import HOUR

DAY = timedelta(days=1)


def zones(*names: str, since: date = date.min) -> SiteZones:
    return SiteZones(tuple(zip([date.min, since], names, strict=False)))


CASES = {
    "UTC": (zones("UTC"), date(2026, 3, 1)),
    "half an hour": (zones("Asia/Kolkata"), date(2026, 3, 1)),
    "45 minutes": (zones("Asia/Kathmandu"), date(2026, 3, 1)),
    "half a minute": (zones("Africa/Monrovia"), date(1971, 3, 1)),
    "before 1970": (zones("Pacific/Kiritimati"), date(1970, 1, 1)),
    "missing hour": (zones("Europe/Berlin"), date(2026, 3, 28)),
    "repeated hour": (zones("Europe/Berlin"), date(2026, 10, 24)),
    "repeated half hour": (zones("Australia/Lord_Howe"), date(2026, 4, 4)),
    "clock changed at 00:01": (zones("America/St_Johns"), date(2006, 10, 28)),
    "skipped date": (zones("Pacific/Apia"), date(2011, 12, 29)),
    "zone changed to the west": (
        zones("Pacific/Kiritimati", "Pacific/Pago_Pago", since=date(2026, 3, 3)),
        date(2026, 3, 1),
    ),
    "zone changed to the east": (zones("America/St_Johns", "Asia/Kathmandu", since=date(2026, 3, 3)), date(2026, 3, 1)),
}


@pytest.mark.parametrize("name", CASES)
def test_hour_of_any_event_is_the_last_that_began_before_it(name: str) -> None:
    site, start = CASES[name]
    days = [start + number * DAY for number in range(4)]
    starts = {day: [moment for moment, _ in site.hours(day, day + DAY)] for day in days}
    random, expected, rows = Random(name), dict[str, int](), []
    for number in range(4000):
        day = random.choice(days)
        if not starts[day]:
            continue
        # Mostly within the date, at times at the very beginning of an hour, at times far outside.
        moment = random.choice(
            [
                site.day_start(day) + random.random() * DAY,
                random.choice(starts[day]) - random.randint(0, 1) * timedelta(milliseconds=1),
                site.day_start(day) + (random.random() - 0.5) * 20 * DAY,
            ]
        )
        moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
        begun = starts[day][max(0, bisect_right(starts[day], moment) - 1)]
        label = f"{begun.replace(tzinfo=None):%Y-%m-%d %H:%M}"
        expected[label] = expected.get(label, 0) + 1
        rows.append({"date": day, "timestamp": moment.replace(tzinfo=None), "visitor_id": number})
    hours = local_hours(site, start, start + 4 * DAY)
    with duckdb.connect() as connection:
        moments = pa.schema([("date", pa.date32()), ("timestamp", pa.timestamp("ms")), ("visitor_id", pa.int64())])
        connection.register("matched", pa.Table.from_pylist(rows, moments))
        connection.register("hours", hours.table)
        found = connection.execute(count_select(HOUR, [MEASURES["events"]]), hours.values).fetchall()
    assert {value: events for _, value, events in found} == expected


def test_slots_are_hours_where_all_offsets_are_whole_hours() -> None:
    assert local_hours(zones("Europe/Berlin"), date(2026, 3, 28), date(2026, 3, 31)).table.num_rows == 3 * 120


def test_every_zone_begins_its_hours_within_the_table() -> None:
    far = zones("Etc/GMT-14", "Etc/GMT+12", since=date(2026, 3, 2))
    for first in (far, zones("Etc/GMT+12", "Etc/GMT-14", since=date(2026, 3, 2))):
        hours = local_hours(first, date(2026, 2, 28), date(2026, 3, 5))
        known = {int(moment.timestamp()) // 60 for moment, _ in first.hours(date(2026, 2, 28), date(2026, 3, 5))}
        assert set(hours.table["minute"].to_pylist()) == known
