"""Rotation of visitor ids, by day, week or month, and the names of salts."""

import logging
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from mallard.errors import MallardError
from mallard.store.base import Store
from mallard.store.stored_object import JsonFormat, StoredObject

ROTATION_KEY = "config/rotation.json"
CHANGE_AFTER = timedelta(days=2)
"""The day after tomorrow, UTC, has begun nowhere on earth: no id of a day that began changes its life."""

log = logging.getLogger("mallard.privacy.rotation")


@dataclass(frozen=True, slots=True)
class Rotation:
    """From each date on, the rotation that stands beside it; the first entry is for all time before."""

    entries: tuple[tuple[date, str], ...] = ((date.min, "day"),)

    def name_on(self, day: date) -> str:
        """The rotation in force on a date: day, week or month."""
        return next(name for first, name in reversed(self.entries) if first <= day)

    def salt_name(self, day: date) -> str:
        """The name of a date's salt: the last date it serves, and a word where that is not the only one."""
        rotation = self.name_on(day)
        if rotation == "week":
            return f"{day + timedelta(days=6 - day.weekday())}.week"
        if rotation == "month":
            return f"{day.replace(day=monthrange(day.year, day.month)[1])}.month"
        return day.isoformat()


DAILY = Rotation()


def outlives_its_day(salt: str) -> bool:
    """True where visitor ids of this salt's name last longer than a day."""
    return "." in salt


def last_date(salt: str) -> date:
    """The last date that a salt serves. Raises ValueError for another name."""
    return date.fromisoformat(salt.partition(".")[0])


def known_rotation(store: Store) -> Rotation:
    """The stored rotation, which all instances follow. Raises StoreUnavailableError where the store fails."""
    return _stored(store).read() or DAILY


def agree_on_rotation(store: Store, requested: str, now: datetime) -> None:
    """Store the wanted rotation for functions that only read it, as ingest on AWS. A failure is logged."""
    try:
        agreed_rotation(store, requested, now)
    except MallardError as error:
        log.error("rotation of visitor ids: %s", error)


def agreed_rotation(store: Store, requested: str, now: datetime) -> Rotation:
    """The rotation all instances follow. A new one holds from the day after tomorrow on.

    Before the first salt it holds from the beginning. Raises StoreUnavailableError where the store fails.
    """

    def agreed(stored: Rotation | None) -> Rotation | None:
        if stored is None:
            return None if requested == "day" else Rotation(tuple(_beginning(store, requested, now)))
        if stored.entries[-1][1] == requested:
            return stored
        started = tuple(entry for entry in stored.entries if entry[0] <= now.astimezone(UTC).date())
        return Rotation((*started, (_ahead(now), requested)) if started[-1][1] != requested else started)

    return _stored(store).change(agreed) or DAILY


def _beginning(store: Store, requested: str, now: datetime) -> Iterator[tuple[date, str]]:
    if next(iter(store.list("salts/site_id=")), None) is None:
        yield date.min, requested
    else:
        yield date.min, "day"
        yield _ahead(now), requested


def _ahead(now: datetime) -> date:
    return now.astimezone(UTC).date() + CHANGE_AFTER


def _stored(store: Store) -> StoredObject[Rotation]:
    return StoredObject(store, ROTATION_KEY, _FORMAT)


def _from_json(stored: Any) -> Rotation:
    entries = tuple((date.fromisoformat(first), str(name)) for first, name in stored)
    if not entries:
        raise ValueError("there is no entry")
    return Rotation(entries)


_FORMAT = JsonFormat(_from_json, lambda rotation: [[first.isoformat(), name] for first, name in rotation.entries])
