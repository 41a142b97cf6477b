"""Days of a site that were erased, and from when on an event of them counts again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

KEPT_MS = 7 * 86_400_000
"""So long it is remembered: what waits in a queue for longer is met by the mark in the table."""

MAX_REMEMBERED = 100


@dataclass(frozen=True, slots=True)
class ErasedDays:
    """Of the days ``first`` to ``last``, both included, nothing counts that was accepted before ``before_ms``."""

    first: date
    last: date
    before_ms: int

    def to_json(self) -> list[Any]:
        """As it stands in the store."""
        return [self.first.isoformat(), self.last.isoformat(), self.before_ms]


def erased_from_json(stored: Mapping[str, Any]) -> tuple[ErasedDays, ...]:
    """Those of a site's record; ValueError or TypeError where it holds something else."""
    rows = stored.get("erased", [])
    return tuple(ErasedDays(date.fromisoformat(first), date.fromisoformat(last), int(ms)) for first, last, ms in rows)


def remembered(known: Iterable[ErasedDays], latest: ErasedDays) -> tuple[ErasedDays, ...]:
    """With one more, and without those that are over."""
    kept = [each for each in known if each != latest and each.before_ms > latest.before_ms - KEPT_MS]
    return (*kept[-(MAX_REMEMBERED - 1) :], latest)


def accepted_ms(erased: Iterable[ErasedDays], day: date, now_ms: int) -> int:
    """The moment from which on an event of a day counts as accepted, at ``now_ms`` by a clock of ours.

    Whoever knows of an erasure comes after it, whatever the clocks say: so it is never before the erasure's mark.
    """
    return max([now_ms, *(each.before_ms for each in erased if each.first <= day <= each.last)])
