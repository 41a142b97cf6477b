"""Query plans: rollup or events per day, events in portions that fit memory."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import chain

from mallard.engine.duckdb.rollup_reader import RolledCounts
from mallard.store.base import Listed
from mallard.table.reader import Days, in_batches

PORTION_BYTES = 16 * 1024 * 1024
"""Of Parquet, about 900,000 events, for each PORTION_MEMORY_MB of DuckDB's memory: what does not spill to disk."""

PORTION_MEMORY_MB = 1000
PORTION_COLUMNS = 12
"""Of an event, which the dashboard's overview reads; more of them take more memory."""

MAX_PARTS = 32
"""Each part reads all files again, so that more of them would cost more than to spill."""

EVENT_BYTES = 18
"""Of an event in a full segment, for events that are in none."""


ROLLUP_COLUMNS = 24
"""As many as take the memory of a day's rollup: all columns of its events, and of its visits."""


@dataclass(frozen=True, slots=True)
class Portion:
    """The days of one statement: ``days``, or of them the visitors of the part ``number`` (from 0) of ``parts``.

    ``with_waiting``: and the pending events. ``visits`` are days of which visits are read.
    """

    days: Days
    number: int = 0
    parts: int = 1
    with_waiting: bool = False
    visits: tuple[date, ...] = ()

    @property
    def values(self) -> dict[str, int]:
        """The values that a statement binds to be of the part."""
        return {"part": self.number, "parts": self.parts} if self.parts > 1 else {}


def portion_bytes(memory_mb: int, columns: int = PORTION_COLUMNS) -> int:
    """The bytes of Parquet of which a statement may read so many columns without spilling to disk."""
    most = PORTION_BYTES * memory_mb * PORTION_COLUMNS
    return max(1, most // (PORTION_MEMORY_MB * max(columns, PORTION_COLUMNS)))


def rollup_portion_bytes(memory_mb: int) -> int:
    """The bytes of Parquet of a day's rollup, whose events and visits lie in tables."""
    return portion_bytes(memory_mb, ROLLUP_COLUMNS)


VISITS_AT_ONCE = 2
"""Portions of visits files counted together: about six million events."""


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

    def fits(self, most: int) -> bool:
        """True where the segments of ``days`` fit into one portion of so many bytes."""
        return fits(chain(*self.days.values()), most)

    @property
    def counts_events(self) -> bool:
        """True where events have to be read."""
        return bool(self.days or self.waiting)

    @property
    def reads_files(self) -> bool:
        """True where rollups do not answer all."""
        return bool(self.counts_events or self.capped or self.visits)

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
        found = portions(days, VISITS_AT_ONCE * PORTION_BYTES)
        # A file that is larger is read whole all the same.
        yield from (tuple(each.days) for each in found if each.number == 0)

    def fingerprint(self, pending: Iterable[int]) -> str:
        """Another where an answer could be another: by the segments that are read, the rollups, and what waits."""
        parts = [f"{each.key} {each.version}" for segments in self.days.values() for each in segments]
        parts += self.rolled.marks
        parts += [f"{day} gone" for day in sorted(self.gone)]
        digest = hashlib.blake2b("\n".join(parts).encode(), digest_size=16)
        for number in pending:
            digest.update(number.to_bytes(8, "big", signed=True))
        return digest.hexdigest()

    def portions(self, together: Set[date], most: int, waiting_rows: int = 0) -> Iterator[Portion]:
        """The portions to count one after the other, of ``most`` bytes each; with so many pending events.

        Visitors of the dates ``together`` and of those waiting cannot be added up: these are cut by the visitor.
        """
        united = {day: segments for day, segments in self.days.items() if day in together or day in self.waiting}
        if united or self.waiting:
            yield from _cut(Portion(united, with_waiting=True), _size(united) + EVENT_BYTES * waiting_rows, most)
        yield from portions(((day, self.days[day]) for day in self.days if day not in united), most)

    def portions_with_visits(
        self, together: Set[date], most: int, waiting_rows: int, beside: Set[date], spanning: Set[date]
    ) -> Iterator[Portion]:
        """As ``portions``, with the ``visits``, and for days of ``beside`` with their visits beside their events.

        Visits of days that are ``spanning`` are united with all others, and cut by the visitor.
        """
        if spanning & self.visits.keys():
            size = _size(self.days) + EVENT_BYTES * waiting_rows + sum(each.size_bytes for each in self.visits.values())
            yield from _cut(Portion(self.days, with_waiting=True, visits=tuple(self.visits)), size, most)
            return
        alone = replace(self, days={day: segments for day, segments in self.days.items() if day not in beside})
        yield from alone.portions(together, most, waiting_rows)
        for portion in portions(((day, self.days[day]) for day in self.days if day in beside), most):
            yield replace(portion, visits=tuple(portion.days))
        yield from (Portion({}, visits=days) for days in self.visit_portions())


def _size(days: Days) -> int:
    return sum(each.size_bytes for segments in days.values() for each in segments)


def fits(segments: Iterable[Listed], most: int) -> bool:
    """True where the segments fit into one portion of so many bytes."""
    return sum(each.size_bytes for each in segments) <= most


def parts_of(size: int, most: int) -> int:
    """The number of parts of so many bytes, none of which has more than ``most``."""
    return max(1, min(MAX_PARTS, -(-size // most)))


def portions(days: Iterable[tuple[date, tuple[Listed, ...]]], most: int) -> Iterator[Portion]:
    """Days that are independent of one another, ``most`` bytes of them at a time; a larger day is cut."""
    for batch in in_batches(days, most):
        yield from _cut(Portion(batch), _size(batch), most)


def _cut(portion: Portion, size: int, most: int) -> Iterator[Portion]:
    parts = parts_of(size, most)
    return (replace(portion, number=number, parts=parts) for number in range(parts))
