"""Buckets of time dimensions over a range, with their labels in the site's zone."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from mallard.errors import QueryError
from mallard.sites.time_zone import SiteZones
from mallard.stats.date_range import DateRange
from mallard.stats.grouping import DAY, HOUR, MINUTE, MONTH, WEEK

MAX_BUCKETS = 10_000

_KEY = "%Y-%m-%d %H:%M"


def time_buckets(period: DateRange, dimension: str, zones: SiteZones) -> list[tuple[str, str]]:
    """The value of each bucket of a range, as rows have it, and its label. QueryError over MAX_BUCKETS."""
    found = []
    for bucket in _buckets(period, dimension, zones):
        found.append(bucket)
        if len(found) > MAX_BUCKETS:
            raise QueryError(f"The range has over {MAX_BUCKETS:,} buckets of {dimension}; ask for fewer days.")
    return found


def label_of(key: str, dimension: str, zones: SiteZones) -> str:
    """The label of a bucket's value: a local date, or ``YYYY-MM-DD HH:MM:00`` in the site's zone."""
    if dimension not in (HOUR, MINUTE):
        return key
    moment = datetime.strptime(key, _KEY).replace(tzinfo=UTC)
    local = moment.astimezone(zones.zone_at(moment))
    return f"{local:%Y-%m-%d %H}:00:00" if dimension == HOUR else f"{local:%Y-%m-%d %H:%M}:00"


def _buckets(period: DateRange, dimension: str, zones: SiteZones) -> Iterator[tuple[str, str]]:
    if dimension in (HOUR, MINUTE):
        step = timedelta(hours=1) if dimension == HOUR else timedelta(minutes=1)
        for moment in _moments(period, dimension, zones):
            key = f"{moment:{_KEY}}"
            ends = moment + step
            if (period.since is None or ends > period.since) and (period.until is None or moment < period.until):
                yield key, label_of(key, dimension, zones)
        return
    day = period.start
    while day < period.end:
        yield day.isoformat(), day.isoformat()
        day = _next(day, dimension)
        if dimension == MONTH and day.day != 1:
            day = day.replace(day=1)


def _moments(period: DateRange, dimension: str, zones: SiteZones) -> Iterator[datetime]:
    """Naive UTC."""
    if dimension == HOUR:
        yield from (moment.replace(tzinfo=None) for moment, _ in zones.hours(period.start, period.end))
        return
    moment, end = (zones.day_start(each).replace(tzinfo=None) for each in (period.start, period.end))
    if period.since is not None:
        moment = max(moment, period.since.replace(second=0, microsecond=0))
    while moment < end:
        yield moment
        moment += timedelta(minutes=1)


def _next(day: date, dimension: str) -> date:
    if dimension == DAY:
        return day + timedelta(days=1)
    if dimension == WEEK:
        return day + timedelta(days=7 - day.weekday())
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
