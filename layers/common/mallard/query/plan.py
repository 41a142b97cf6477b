"""How a question is answered: per day from a rollup or from events, and the events in portions that fit into memory."""

import hashlib
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from datetime import date, timedelta

from mallard.query.rollups import Rolled
from mallard.store.base import Listed
from mallard.table.read import Days

PORTION_BYTES = 24 * 1024 * 1024
"""Of Parquet: about 1.4 million events."""


@dataclass(frozen=True, slots=True)
class Plan:
    """``rolled`` answers its dates, the events of ``days`` the others; ``waiting`` are dates with pending events.

    ``gone`` are dates of which the counts alone were kept: rollups answer them, or nothing does.
    """

    rolled: Rolled
    days: Days
    waiting: Set[date] = frozenset()
    gone: Set[date] = frozenset()

    @property
    def events_from(self) -> date | None:
        """The first date from which on all events are there; None where those of no date of the range are gone."""
        return max(self.gone) + timedelta(days=1) if self.gone else None

    @property
    def size_bytes(self) -> int:
        """Of the segments that are read."""
        return sum(each.size_bytes for segments in self.days.values() for each in segments)

    @property
    def files(self) -> int:
        """How many segments are read."""
        return sum(len(segments) for segments in self.days.values())

    @property
    def counts_events(self) -> bool:
        """Whether events must be looked at."""
        return bool(self.days or self.waiting)

    def explain(self) -> dict[str, int]:
        """Which way the days go, in numbers."""
        return {
            "rollup_days": len(self.rolled.dates),
            "event_days": len({*self.days, *self.waiting}),
            "files": self.files,
            "bytes": self.size_bytes,
        }

    def fingerprint(self, pending: Iterable[int]) -> str:
        """Another where an answer could be another: by the segments that are read, the rollups, and what waits."""
        parts = [f"{each.key} {each.version}" for segments in self.days.values() for each in segments]
        parts += [f"{day} {mark}" for day, mark in sorted(self.rolled.marks())]
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
        yield from _portions(((day, self.days[day]) for day in self.days if day not in united), times * PORTION_BYTES)


def _portions(days: Iterable[tuple[date, tuple[Listed, ...]]], portion_bytes: int) -> Iterator[Days]:
    portion: dict[date, tuple[Listed, ...]] = {}
    size = 0
    for day, segments in days:
        more = sum(each.size_bytes for each in segments)
        if portion and size + more > portion_bytes:
            yield portion
            portion, size = {}, 0
        portion[day] = segments
        size += more
    if portion:
        yield portion
