"""Erased days of a site, and the moment after which their events count again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

RETENTION_MS = 7 * 86_400_000
"""Retention of the record: messages that wait in a queue for longer meet the mark in the table."""

MAX_ERASED_DAYS = 100


@dataclass(frozen=True, slots=True)
class ErasedDays:
    """Days ``first`` to ``last``, inclusive, whose events accepted before ``before_ms`` are erased."""

    first: date
    last: date
    before_ms: int

    def to_json(self) -> list[Any]:
        """The JSON in the store."""
        return [self.first.isoformat(), self.last.isoformat(), self.before_ms]


def erased_from_json(stored: Mapping[str, Any]) -> tuple[ErasedDays, ...]:
    """The erased days in a site's record. Raises ValueError or TypeError for other JSON."""
    rows = stored.get("erased", [])
    return tuple(ErasedDays(date.fromisoformat(first), date.fromisoformat(last), int(ms)) for first, last, ms in rows)


def add_erased_days(recorded: Iterable[ErasedDays], latest: ErasedDays) -> tuple[ErasedDays, ...]:
    """The erased days with ``latest`` added and expired ones removed."""
    unexpired = [each for each in recorded if each != latest and each.before_ms > latest.before_ms - RETENTION_MS]
    return (*unexpired[-(MAX_ERASED_DAYS - 1) :], latest)


def accepted_ms(erased: Iterable[ErasedDays], day: date, now_ms: int) -> int:
    """The moment at which an event of a day counts as accepted, at ``now_ms`` by the local clock.

    An instance that knows of an erasure accepts events after it even if its clock is behind, so the moment is never
    before the erasure's mark.
    """
    return max([now_ms, *(each.before_ms for each in erased if each.first <= day <= each.last)])
