"""How long a visitor id lasts: a day, a week or a month, and the name of the salt behind a day's ids."""

import json
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from mallard.errors import ConflictError, StoreUnavailableError
from mallard.store.base import Store

ROTATION_KEY = "config/rotation.json"
CHANGE_AFTER = timedelta(days=2)
"""The day after tomorrow, UTC, has begun nowhere on earth: no id of a day that began changes its life."""

SWAP_ATTEMPTS = 6


@dataclass(frozen=True, slots=True)
class Rotation:
    """From each date on, the rotation that stands beside it; the first entry is for all time before."""

    entries: tuple[tuple[date, str], ...] = ((date.min, "day"),)

    def salt_name(self, day: date) -> str:
        """The name of a date's salt: the last date it serves, and a word where that is not the only one."""
        rotation = next(name for first, name in reversed(self.entries) if first <= day)
        if rotation == "week":
            return f"{day + timedelta(days=6 - day.weekday())}.week"
        if rotation == "month":
            return f"{day.replace(day=monthrange(day.year, day.month)[1])}.month"
        return day.isoformat()


DAILY = Rotation()


def outlives_its_day(salt: str) -> bool:
    """Whether ids made with a salt of this name live longer than a day."""
    return "." in salt


def last_date(salt: str) -> date:
    """The last date a salt serves. ValueError where it is no salt's name."""
    return date.fromisoformat(salt.partition(".")[0])


def agreed_rotation(store: Store, wanted: str, now: datetime) -> Rotation:
    """The rotation all instances follow. A new wish is written down for the day after tomorrow.

    Where nobody has made a salt yet it holds from the beginning. Raises StoreUnavailableError where the store fails.
    """
    for _ in range(SWAP_ATTEMPTS):
        stored = store.get(ROTATION_KEY)
        if stored is None and wanted == "day":
            return DAILY
        try:
            if stored is None:
                first = Rotation(tuple(_beginning(store, wanted, now)))
                store.put_if_absent(ROTATION_KEY, _to_json(first))
                return first
            known = _from_json(stored.data)
            if known.entries[-1][1] == wanted:
                return known
            begun = tuple(entry for entry in known.entries if entry[0] <= now.astimezone(UTC).date())
            changed = Rotation((*begun, (_ahead(now), wanted)) if begun[-1][1] != wanted else begun)
            store.put_if_match(ROTATION_KEY, _to_json(changed), stored.etag)
            return changed
        except ConflictError:
            continue
    raise StoreUnavailableError(f"{ROTATION_KEY} was replaced by others again and again.")


def _beginning(store: Store, wanted: str, now: datetime) -> Iterator[tuple[date, str]]:
    if next(iter(store.list("salts/")), None) is None:
        yield date.min, wanted
    else:
        yield date.min, "day"
        yield _ahead(now), wanted


def _ahead(now: datetime) -> date:
    return now.astimezone(UTC).date() + CHANGE_AFTER


def _to_json(rotation: Rotation) -> bytes:
    return json.dumps([[first.isoformat(), name] for first, name in rotation.entries]).encode()


def _from_json(data: bytes) -> Rotation:
    try:
        return Rotation(tuple((date.fromisoformat(first), str(name)) for first, name in json.loads(data)))
    except (ValueError, TypeError) as error:
        raise StoreUnavailableError(f"{ROTATION_KEY} does not hold what it should.") from error
