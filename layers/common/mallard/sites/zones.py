"""Local dates of a site, whose zone may change from a future date on, never for a date that has begun."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

UTC_NAME = "UTC"
HOUR = timedelta(hours=1)
REMEMBERED_MINUTES = 512


@dataclass(frozen=True, slots=True)
class Zones:
    """The zones of a site: from each date on, the zone that stands beside it; the first entry is for all time before.

    Days are without gaps and in order: where a change moves the clock, its first day is shorter or longer.
    """

    entries: tuple[tuple[date, str], ...] = ((date.min, UTC_NAME),)
    _dates: dict[int, date] = field(default_factory=dict, init=False, repr=False, compare=False)
    """By minutes since 1970: all events of a busy minute ask for the same. No midnight is within one."""

    def local_date(self, moment: datetime) -> date:
        """The date that an aware moment belongs to."""
        minute = int(moment.timestamp() // 60)
        return self._dates.get(minute) or self._remember(minute)

    def name_on(self, day: date) -> str:
        """The name of the zone in force on a date."""
        return next(name for first, name in reversed(self.entries) if first <= day)

    def day_start(self, day: date) -> datetime:
        """The first moment of a date, in UTC."""
        names = {self.name_on(day)}
        if any(first == day for first, _ in self.entries[1:]):
            names.add(self.name_on(day - timedelta(days=1)))
        return min(datetime.combine(day, time.min, _zone(name)).astimezone(UTC) for name in names)

    def hours(self, start: date, end: date) -> Iterator[tuple[datetime, str]]:
        """The local hours of ``start <= date < end``: the moment each begins (UTC), and its label ``YYYY-MM-DD HH:00``.

        Where the clock goes back an hour comes twice with one label; where it goes forward one is missing.
        """
        moment, last = self.day_start(start), self.day_start(end)
        while moment < last:
            local = moment.astimezone(_zone(self.name_on(self.local_date(moment))))
            yield moment, f"{local:%Y-%m-%d %H}:00"
            past = timedelta(minutes=local.minute, seconds=local.second)
            # Each day begins its hours anew: another zone may begin them at other minutes.
            moment = min(moment - past + HOUR, self.day_start(self.local_date(moment) + timedelta(days=1)))

    def hour_start(self, moment: datetime) -> datetime:
        """The moment (UTC) at which the local hour of an aware moment begins, as ``hours`` has it; of the same date."""
        starts = _hour_starts(self, self.local_date(moment))
        return starts[bisect_right(starts, moment) - 1]

    def _remember(self, minute: int) -> date:
        if len(self._dates) >= REMEMBERED_MINUTES:
            self._dates.clear()
        day = self._dates[minute] = self._date_of(datetime.fromtimestamp(minute * 60, UTC))
        return day

    def _date_of(self, moment: datetime) -> date:
        for first, name in reversed(self.entries[1:]):
            day = moment.astimezone(_zone(name)).date()
            if day >= first:
                return day
        return moment.astimezone(_zone(self.entries[0][1])).date()

    def changed(self, name: str, today: date) -> "Zones":
        """The same with another zone from tomorrow on; a change that was ahead is dropped."""
        if self.entries[-1][1] == name:
            return self
        begun = tuple(entry for entry in self.entries if entry[0] <= today)
        if begun[-1][1] == name:
            return Zones(begun)
        return Zones((*begun, (today + timedelta(days=1), name)))


UTC_DAYS = Zones()


@lru_cache(maxsize=1024)
def _hour_starts(zones: Zones, day: date) -> tuple[datetime, ...]:
    return tuple(moment for moment, _ in zones.hours(day, day + timedelta(days=1)))


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
