"""Local dates of a site, whose zone may change only from a future midnight."""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

UTC_NAME = "UTC"
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SHORTEST_DAY = timedelta(hours=2)
"""A change to the east shortens its first day; one that would leave less of it goes by way of UTC, for one day."""

SPAN_SECONDS = 30
"""No midnight since 1970 is within a span: until 1972 Liberia was 44 minutes and 30 seconds behind UTC."""

CACHED_SPANS = 512


@dataclass(frozen=True, slots=True)
class SiteZones:
    """The zones of a site with the date each holds from; the first entry also holds before its date.

    A zone holds from the midnight at which the one before it begins that date. Days are without gaps and in order:
    the first one under another zone is shorter to the east and longer to the west.
    """

    entries: tuple[tuple[date, str], ...] = ((date.min, UTC_NAME),)
    _date_of_span: Callable[[int], date] = field(init=False, repr=False, compare=False)
    """By spans of SPAN_SECONDS since 1970, cached: events of a busy moment ask for the same one."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "entries", _without_short_dates(self.entries))
        cached = lru_cache(CACHED_SPANS)(lambda span: self._date_of(datetime.fromtimestamp(span * SPAN_SECONDS, UTC)))
        object.__setattr__(self, "_date_of_span", cached)

    def local_date(self, moment: datetime) -> date:
        """The local date of an aware moment."""
        return self._date_of_span(int(moment.timestamp() // SPAN_SECONDS))

    def name_on(self, day: date) -> str:
        """The name of the zone in force on a date."""
        return next(name for first, name in reversed(self.entries) if first <= day)

    def zone_at(self, moment: datetime) -> ZoneInfo:
        """The zone in force on the local date of an aware moment."""
        return _zone(self.name_on(self.local_date(moment)))

    def day_start(self, day: date) -> datetime:
        """The first moment of a date, in UTC: midnight by the clock of the day that ends then."""
        before = next((name for first, name in reversed(self.entries) if first < day), self.entries[0][1])
        return _midnight(day, before)

    def hours(self, start: date, end: date) -> Iterator[tuple[datetime, str]]:
        """The local hours of ``start <= date < end``: the moment each begins (UTC), and its label ``YYYY-MM-DD HH:00``.

        When the clock goes back, two hours have one label; when it goes forward, an hour is missing.
        """
        moment, last = self.day_start(start), self.day_start(end)
        while moment < last:
            local = moment.astimezone(self.zone_at(moment))
            yield moment, f"{local:%Y-%m-%d %H}:00"
            past = timedelta(minutes=local.minute, seconds=local.second)
            # Hours restart each day: another zone may begin them at other minutes.
            moment = min(moment - past + HOUR, self.day_start(self.local_date(moment) + DAY))

    def hour_start(self, moment: datetime) -> datetime:
        """The moment (UTC) at which the local hour of an aware moment begins, as ``hours`` has it; of the same date."""
        starts = _hour_starts(self, self.local_date(moment))
        return starts[bisect_right(starts, moment) - 1]

    def _date_of(self, moment: datetime) -> date:
        # No zone is a day ahead of UTC. A zone's own date may fall back past midnight; this one never does.
        day = moment.date() + DAY
        while self.day_start(day) > moment:
            day -= DAY
        return day

    def with_zone_after(self, name: str, today: date) -> "SiteZones":
        """A copy with another zone from the end of ``today`` on; an earlier future change is dropped."""
        if self.entries[-1][1] == name:
            return self
        begun = tuple(entry for entry in self.entries if entry[0] <= today)
        if begun[-1][1] == name:
            return SiteZones(begun)
        return SiteZones((*begun, (today + DAY, name)))


def _without_short_dates(entries: tuple[tuple[date, str], ...]) -> tuple[tuple[date, str], ...]:
    """The entries, with a day of UTC before each that would make a date shorter than SHORTEST_DAY."""
    steps = [entries[0]]
    for first, name in entries[1:]:
        if steps[-1][0] == first:
            steps.pop()
        if _midnight(first + DAY, name) - _midnight(first, steps[-1][1]) < SHORTEST_DAY:
            steps.append((first, UTC_NAME))
            first += DAY
        steps.append((first, name))
    return tuple(steps)


def _midnight(day: date, name: str) -> datetime:
    return datetime.combine(day, time.min, _zone(name)).astimezone(UTC)


@lru_cache(maxsize=1024)
def _hour_starts(zones: SiteZones, day: date) -> tuple[datetime, ...]:
    return tuple(moment for moment, _ in zones.hours(day, day + timedelta(days=1)))


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


UTC_DAYS = SiteZones()
