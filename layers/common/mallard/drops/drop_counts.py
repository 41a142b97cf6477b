"""Counts of drops, one object a day: ``rejected/date=<date>/counts.json``."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

from mallard.drops.drop_note import DropNote
from mallard.event import utc_date
from mallard.store.base import Store
from mallard.store.stored_object import JsonFormat, StoredObject

REJECTED = "rejected/"
KEPT = timedelta(days=7)
MAX_SITES_PER_DAY = 10_000

log = logging.getLogger("mallard.rejected")

Counts = dict[str, dict[str, dict[str, int]]]
"""By site and reason: ``count``, and the ``first`` and ``last`` moment in milliseconds since 1970."""


@dataclass(frozen=True, slots=True)
class DropCount:
    """The number of a site's events that were dropped for a reason on a date (UTC)."""

    date: date
    reason: str
    count: int
    first_ms: int
    last_ms: int


def add_notes(store: Store, notes: Iterable[DropNote]) -> None:
    """Count notes. A note delivered twice counts twice. Raises StoreError where a day could not be written."""
    days: dict[str, list[DropNote]] = defaultdict(list)
    for note in notes:
        days[note.date].append(note)
    for day, members in days.items():
        _stored(store, date.fromisoformat(day)).change(partial(_added, notes=members))


def rejections(store: Store, site_id: str, start: date, end: date) -> Iterator[DropCount]:
    """A site's drops of ``start <= date < end``, by date, then by count."""
    for row in store.list(REJECTED):
        day = _day_of(row.key)
        if day is None or not start <= day < end:
            continue
        rows = [
            DropCount(day, reason, entry["count"], entry["first"], entry["last"])
            for reason, entry in (_stored(store, day).read() or {}).get(site_id, {}).items()
        ]
        yield from sorted(rows, key=lambda each: (-each.count, each.reason))


def forget_rejections(store: Store, site_id: str, first: date, last: date) -> None:
    """Erase a site's counts of these dates, both included."""
    for row in list(store.list(REJECTED)):
        day = _day_of(row.key)
        if day is not None and first <= day <= last:
            _stored(store, day).change(partial(_without, site_id=site_id))


def delete_old_rejections(store: Store, now: datetime) -> int:
    """Delete days older than KEPT; returns their number."""
    old = [row.key for row in store.list(REJECTED) if (day := _day_of(row.key)) and day < utc_date(now) - KEPT]
    for key in old:
        store.delete(key)
    return len(old)


def _added(stored: Counts | None, notes: Iterable[DropNote]) -> Counts:
    counts = deepcopy(stored or {})
    for note in notes:
        if note.site_id not in counts and len(counts) >= MAX_SITES_PER_DAY:
            continue
        entry = counts.setdefault(note.site_id, {}).setdefault(
            note.rejected, {"count": 0, "first": note.accepted_ms, "last": note.accepted_ms}
        )
        entry["count"] += 1
        entry["first"] = min(entry["first"], note.accepted_ms)
        entry["last"] = max(entry["last"], note.accepted_ms)
    return counts


def _without(stored: Counts | None, site_id: str) -> Counts | None:
    return stored and {site: rows for site, rows in stored.items() if site != site_id}


def _stored(store: Store, day: date) -> StoredObject[Counts]:
    return StoredObject(store, _key(day), _FORMAT)


def _log_damage(key: str) -> None:
    # Counts of drops are worth less than a flush that cannot go on.
    log.error("%s is damaged: its counts of drops begin anew", key)


_FORMAT: JsonFormat[Counts] = JsonFormat(dict, on_damage=_log_damage)


def _key(day: date) -> str:
    return f"{REJECTED}date={day.isoformat()}/counts.json"


def _day_of(key: str) -> date | None:
    try:
        return date.fromisoformat(key.removeprefix(f"{REJECTED}date=").removesuffix("/counts.json"))
    except ValueError:
        return None
