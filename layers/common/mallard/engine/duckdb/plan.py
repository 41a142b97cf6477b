"""Query plans: rollup or events per day, events in portions that fit memory."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import chain

from mallard.engine.duckdb.rollup_reader import RolledCounts
from mallard.store.base import Listed
from mallard.table.reader import Days

PORTION_BYTES = 24 * 1024 * 1024
"""Of Parquet: about 1.4 million events."""

VISITS_AT_ONCE = 4
"""Portions of visits files counted together: about ten million events."""


@dataclass(frozen=True, slots=True)
class Plan:
    """``rolled`` answers its dates, the events of ``days`` the others; ``waiting`` are dates with pending events.

    ``gone`` are dates of which the counts alone were kept: rollups answer them, or nothing does. ``capped`` are days
    that ``rolled`` answers but for some dimensions, of which it lacks values: their events are counted for those.
    ``visits`` are files that answer further days.
    """

    rolled: RolledCounts
    days: Days
    waiting: Set[date] = frozenset()
    gone: Set[date] = frozenset()
    capped: Mapping[frozenset[str], Days] = field(default_factory=dict)
    visits: Mapping[date, Listed] = field(default_factory=dict)

    @property
    def events_from(self) -> date | None:
        """The first date from which on all events are there; None where those of no date of the range are gone."""
        return max(self.gone) + timedelta(days=1) if self.gone else None

    @property
    def read_days(self) -> Days:
        """All days of which segments are read."""
        return dict(chain(self.days.items(), *(days.items() for days in self.capped.values())))

    @property
    def fits(self) -> bool:
        """True where the segments of ``days`` fit into one portion."""
        return fits(chain(*self.days.values()))

    @property
    def counts_events(self) -> bool:
        """True where events have to be read."""
        return bool(self.days or self.waiting)

    def explain(self) -> dict[str, int]:
        """Which way the days go, in numbers."""
        return {
            "rollup_days": len(self.rolled.dates),
            "visit_days": len(self.visits),
            "event_days": len({*self.days, *self.waiting}),
            "capped_days": len(self.rolled.capped),
            "files": sum(len(segments) for segments in self.read_days.values()) + len(self.visits),
            "bytes": _size(self.read_days) + sum(each.size_bytes for each in self.visits.values()),
        }

    def ways(self) -> dict[str, tuple[date, ...]]:
        """The dates by the way they are counted; those of which nothing is known are in none."""
        events = {*self.days, *self.waiting}
        gone = self.gone - self.rolled.dates
        found = {"rollup": self.rolled.dates, "visits": self.visits.keys(), "events": events, "gone": gone}
        return {way: tuple(sorted(dates)) for way, dates in found.items() if dates}

    def with_visits(self, visits: Mapping[date, Listed]) -> "Plan":
        """The plan where these files answer their days."""
        days = {day: segments for day, segments in self.days.items() if day not in visits}
        return replace(self, days=days, visits=visits)

    def visit_portions(self) -> Iterator[tuple[date, ...]]:
        """The days of ``visits`` to count at a time: of a file less is held than of segments of its size."""
        days = ((day, (row,)) for day, row in self.visits.items())
        yield from map(tuple, portions(days, VISITS_AT_ONCE))

    def fingerprint(self, pending: Iterable[int]) -> str:
        """Another where an answer could be another: by the segments that are read, the rollups, and what waits."""
        parts = [f"{each.key} {each.version}" for segments in self.days.values() for each in segments]
        parts += self.rolled.marks
        parts += [f"{day} gone" for day in sorted(self.gone)]
        digest = hashlib.blake2b("\n".join(parts).encode(), digest_size=16)
        for number in pending:
            digest.update(number.to_bytes(8, "big", signed=True))
        return digest.hexdigest()

    def portions(self, together: Set[date], times: int = 1) -> Iterator[Days]:
        """The days to count at a time, ``times`` PORTION_BYTES of them.

        Visitors of the dates ``together`` and of those waiting cannot be added up.
        """
        united = {day: segments for day, segments in self.days.items() if day in together or day in self.waiting}
        if united or self.waiting:
            yield united
        yield from portions(((day, self.days[day]) for day in self.days if day not in united), times)


def _size(days: Days) -> int:
    return sum(each.size_bytes for segments in days.values() for each in segments)


def fits(segments: Iterable[Listed]) -> bool:
    """True where the segments fit into one portion."""
    return sum(each.size_bytes for each in segments) <= PORTION_BYTES


def portions(days: Iterable[tuple[date, tuple[Listed, ...]]], times: int = 1) -> Iterator[Days]:
    """Days that are independent of one another, ``times`` PORTION_BYTES of them at a time."""
    portion: dict[date, tuple[Listed, ...]] = {}
    size = 0
    for day, segments in days:
        more = sum(each.size_bytes for each in segments)
        if portion and size + more > times * PORTION_BYTES:
            yield portion
            portion, size = {}, 0
        portion[day] = segments
        size += more
    if portion:
        yield portion
