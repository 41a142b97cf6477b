"""The table of a site's local hours, for a lookup by whole numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from math import gcd

import pyarrow as pa

from mallard.engine.sql.texts import sql_file
from mallard.sites.time_zone import HOUR, SiteZones

BEFORE = timedelta(days=2)
AFTER = timedelta(days=3)
"""The hours of a date lie between this much before and after its midnight in UTC, in every zone and change of zone."""

_DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class LocalHours:
    """The table ``hours``: for each ``slot`` the ``minute`` (since 1970) at which its hour begins.

    A date has as many slots as another, of equal length, from BEFORE its midnight in UTC until AFTER it. ``values``
    are what the statement binds to find the slot of an event.
    """

    table: pa.Table
    values: Mapping[str, object]


def local_hours(zones: SiteZones, start: date, end: date) -> LocalHours:
    """The local hours of ``start <= date < end``.

    An event's date was decided when it was taken. One that lies outside of it by the zones of today (its time was
    rounded, or the zone changed where its instance did not know of it yet) counts in the nearest hour of its date.
    """
    hours = {
        day: [moment for moment, _ in zones.hours(day, day + _DAY)]
        for day in (start + timedelta(days=each) for each in range((end - start).days))
    }
    # An hour in every zone of today, where offsets are whole hours; else the part of one that all hours begin at.
    seconds = gcd(int(HOUR.total_seconds()), *(_seconds(moment) for of_day in hours.values() for moment in of_day))
    in_a_date = int((BEFORE + AFTER).total_seconds()) // seconds
    slots: list[int] = []
    minutes: list[int] = []
    for number, (day, of_day) in enumerate(hours.items()):
        if not of_day:
            # A date that the zone skipped.
            continue
        first = _seconds(datetime.combine(day, time.min, UTC) - BEFORE)
        # The first hour takes what lies before it too, the last what lies behind it.
        bounds = [0, *((_seconds(moment) - first) // seconds for moment in of_day[1:]), in_a_date]
        slots += range(number * in_a_date, (number + 1) * in_a_date)
        for moment, (begin, until) in zip(of_day, pairwise(bounds), strict=True):
            minutes += [_seconds(moment) // 60] * (until - begin)
    table = pa.table({"slot": pa.array(slots, pa.int32()), "minute": pa.array(minutes, pa.int32())})
    return LocalHours(table, {"first_date": start, "slot_ms": 1000 * seconds, "last_slot": in_a_date - 1})


def _seconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(seconds=1)


def hours_lookup(row: str) -> str:
    """The JOIN of an event ``row`` with its hour ``hours.minute``; it binds the values of LocalHours."""
    return sql_file("hours_lookup").format(row=row, before_ms=int(BEFORE.total_seconds() * 1000))


MOMENT_OF_HOUR = "TIMESTAMP '1970-01-01' + to_minutes(hours.minute)"
"""The begin of an event's hour, in UTC."""
