"""Salts: 32 random bytes per site and day, agreed on through the store, and deleted when the day is over.

Who has neither the salt nor MALLARD_SECRET can compute no visitor id, and nobody has a salt for long.
"""

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import quote

from mallard.errors import ConflictError, StoreUnavailableError
from mallard.event import local_date
from mallard.store.base import Store

SALT_BYTES = 32
SECRET_KEY = "config/secret.json"  # noqa: S105  # the name of the object, not the secret
KEPT_AFTER_END = timedelta(hours=2)
"""A clock a little behind may still ask for the day's salt."""


def salt_key(site_id: str, day: date) -> str:
    """The key of a site's salt."""
    return f"salts/site_id={quote(site_id, safe='')}/{day.isoformat()}.json"


class Salts:
    """Salts of today, created by whoever needs one first; memory drops them when the date changes."""

    def __init__(self, store: Store, secret: bytes, random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> None:
        """``secret`` is MALLARD_SECRET: without it a copy of the bucket alone recomputes no id of a living day."""
        self._store = store
        self._secret = secret
        self._random_bytes = random_bytes
        self._keys: dict[tuple[str, date], bytes] = {}
        self._today = date.min

    def holds(self, site_id: str, day: date) -> bool:
        """Whether ``key`` answers from memory."""
        return (site_id, day) in self._keys

    def key(self, site_id: str, day: date, now: datetime) -> bytes | None:
        """The HMAC key of a site's day; None for any day but today and tomorrow, whose salt must not be made again.

        Raises StoreUnavailableError where the store fails.
        """
        today = local_date(now)
        if today != self._today:
            self._keys = {known: key for known, key in self._keys.items() if known[1] >= today}
            self._today = today
        if not today <= day <= today + timedelta(days=1):
            return None
        found = self._keys.get((site_id, day))
        if found is None:
            salt = _agreed(self._store, salt_key(site_id, day), "salt", self._random_bytes)
            found = self._keys[site_id, day] = hmac.digest(self._secret, salt, hashlib.sha256)
        return found


def shared_secret(store: Store, configured: str) -> bytes:
    """MALLARD_SECRET, or one made once in ``config/`` so that every instance and restart shares it."""
    return configured.encode() if configured else _agreed(store, SECRET_KEY, "secret", secrets.token_bytes)


def delete_old_salts(store: Store, now: datetime) -> int:
    """Delete every salt whose day ended more than KEPT_AFTER_END ago; how many there were."""
    deleted = 0
    for row in list(store.list("salts/")):
        day = _date_of(row.key)
        if day and datetime.combine(day, time.min, UTC) + timedelta(days=1) + KEPT_AFTER_END < now:
            store.delete(row.key)
            deleted += 1
    if deleted:
        # A versioned bucket would keep each of them readable.
        store.delete_old_versions("salts/")
    return deleted


def _agreed(store: Store, key: str, field: str, random_bytes: Callable[[int], bytes]) -> bytes:
    """The value under a key, created by the first who asks: every later one reads the same."""
    found = store.get(key)
    if found is None:
        mine = random_bytes(SALT_BYTES)
        try:
            store.put_if_absent(key, json.dumps({field: mine.hex()}).encode())
            return mine
        except ConflictError:
            found = store.get(key)
    if found is None:
        raise StoreUnavailableError(f"{key} vanished while it was read.")
    try:
        return bytes.fromhex(json.loads(found.data)[field])
    except (ValueError, KeyError, TypeError) as error:
        raise StoreUnavailableError(f"{key} does not hold what it should.") from error


def _date_of(key: str) -> date | None:
    match = re.fullmatch(r"salts/site_id=[^/]+/(\d{4}-\d{2}-\d{2})\.json", key)
    try:
        return date.fromisoformat(match[1]) if match else None
    except ValueError:
        return None
