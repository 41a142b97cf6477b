"""Erased days of a site, and the moment from which their events count again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

REMEMBERED_MS = 7 * 86_400_000
"""Retention of the record: messages that wait in a queue for longer meet the mark in the table."""

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
    """The erased days in a site's record. Raises ValueError or TypeError for other JSON."""
    rows = stored.get("erased", [])
    return tuple(ErasedDays(date.fromisoformat(first), date.fromisoformat(last), int(ms)) for first, last, ms in rows)


def remembered(known: Iterable[ErasedDays], latest: ErasedDays) -> tuple[ErasedDays, ...]:
    """The known days and ``latest``, without expired ones."""
    kept = [each for each in known if each != latest and each.before_ms > latest.before_ms - REMEMBERED_MS]
    return (*kept[-(MAX_REMEMBERED - 1) :], latest)


def accepted_ms(erased: Iterable[ErasedDays], day: date, now_ms: int) -> int:
    """The moment from which on an event of a day counts as accepted, at ``now_ms`` by a clock of ours.

    An instance that knows of an erasure accepts events after it, whatever its clock says: so the moment is never before
    the erasure's mark.
    """
    return max([now_ms, *(each.before_ms for each in erased if each.first <= day <= each.last)])
