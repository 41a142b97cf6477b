"""Salts of visitor ids: 32 random bytes per site and rotation, deleted when they expire.

They are agreed on through the store. A visitor id can be computed only with both the salt and the ingest key.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from functools import lru_cache

from mallard.errors import ConflictError, MallardError, StoreUnavailableError
from mallard.privacy.derived_keys import derived
from mallard.privacy.rotation import DAILY, Rotation, last_date
from mallard.sites.settings_store import SiteSettingsStore
from mallard.sites.site_id import folder_name, unescaped
from mallard.sites.time_zone import SiteZones
from mallard.store.base import Store, surely_past
from mallard.store.stored_object import JsonFormat, StoredObject

SALT_BYTES = 32
SALTS = "salts/"
SECRET_KEY = "config/secret.json"  # noqa: S105  # the name of the object, not the secret
INGEST_KEY = f"{SALTS}ingest-key.json"
"""Below the only folder that the ingest function writes; without MALLARD_SECRET and MALLARD_INGEST_KEY."""

_MADE_ONCE = {SECRET_KEY: "secret", INGEST_KEY: "key"}
LAST_ZONE = timezone(timedelta(hours=-12))
KEPT_AFTER_END = timedelta(hours=2)
"""A clock a little behind, or a batch of a few minutes ago, may still ask for the salt of a day that is over."""


@dataclass(frozen=True, slots=True)
class Salt:
    """``name`` is stored with no event, but travels with it; ``key`` (32 bytes) is the HMAC key behind visitor ids."""

    name: str
    key: bytes

    def mac(self, message: bytes) -> bytes:
        """HMAC-SHA256 under ``key``."""
        # 1.8 µs for an address and an agent, where hmac.new(key).copy() takes 2.2; an event takes some 200.
        return hmac.digest(self.key, message, "sha256")


def salt_key(site_id: str, name: str) -> str:
    """The key of a site's salt."""
    return f"{SALTS}{folder_name(site_id)}/{name}.json"


class Salts:
    """The salts in force, each created by the first process that needs it; expired ones leave the memory."""

    def __init__(
        self,
        store: Store,
        secret: bytes,
        rotation: Rotation = DAILY,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        """``secret`` is the key of visitor ids: without it a copy of the bucket recomputes no id of a living day."""
        self._store = store
        self._secret = secret
        # Called for every event.
        self._name = lru_cache(maxsize=64)(rotation.salt_name)
        self._random_bytes = random_bytes
        self._salts: dict[tuple[str, str], Salt] = {}
        self._tidy_before = self._tidied = date.min + timedelta(days=1)

    def holds(self, site_id: str, day: date) -> bool:
        """True where ``find`` answers from memory."""
        return (site_id, self._name(day)) in self._salts

    def lives(self, zones: SiteZones, day: date, now: datetime) -> bool:
        """True where a date's salt exists: from the day before until KEPT_AFTER_END past its end."""
        today = zones.local_date(now)
        if day > today:
            return day == today + timedelta(days=1)
        return now < zones.day_start(self._end(day)) + KEPT_AFTER_END

    def find(self, site_id: str, zones: SiteZones, day: date, now: datetime) -> Salt | None:
        """The salt of a site's date; None for one that has expired or is far ahead, which must not be created.

        Raises StoreUnavailableError where the store fails.
        """
        today = zones.local_date(now)
        # Zones differ by a day at most; more is a clock that was ahead, and must not stop this until its date comes.
        if today > self._tidied or today < self._tidy_before:
            self._tidy(today)
        name = self._name(day)
        if day != today and not self.lives(zones, day, now):
            return None
        salt = self._salts.get((site_id, name))
        if salt is None:
            # Only a salt that serves today or tomorrow is made; one that is just over is read, if it is still there.
            may_make = today <= day or self._name(today) == name
            value = _agreed(self._store, salt_key(site_id, name), "salt", self._random_bytes if may_make else None)
            if value is not None:
                salt = self._salts[site_id, name] = Salt(name, hmac.digest(self._secret, value, hashlib.sha256))
        return salt

    def _end(self, day: date) -> date:
        return last_date(self._name(day)) + timedelta(days=1)

    def _tidy(self, today: date) -> None:
        oldest = today - timedelta(days=1)
        # Over a copy of the keys, and in place: another thread may add the salt of another site meanwhile.
        for site_and_name in list(self._salts):
            if last_date(site_and_name[1]) < oldest:
                self._salts.pop(site_and_name, None)
        self._tidied, self._tidy_before = today, oldest


def shared_secret(store: Store, configured: str) -> bytes:
    """MALLARD_SECRET, or one made once in ``config/`` so that every instance and restart shares it."""
    if configured:
        return configured.encode()
    secret = _agreed(store, SECRET_KEY, "secret", secrets.token_bytes)
    assert secret is not None
    return secret


def ingest_key(store: Store, configured: str, secret: str) -> bytes:
    """The key behind visitor and event ids, the only secret of the ingest function.

    ``configured`` is MALLARD_INGEST_KEY, ``secret`` MALLARD_SECRET; without both it is made once in ``salts/``.
    """
    if configured:
        return configured.encode()
    if secret:
        return derived(secret.encode(), "ingest").hex().encode()
    key = _agreed(store, INGEST_KEY, "key", secrets.token_bytes)
    assert key is not None
    return key


def visitor_key(ingest: bytes) -> bytes:
    """The part of the ingest key that is mixed into salts."""
    return derived(ingest, "visitor ids")


def delete_old_salts(store: Store, site_settings: SiteSettingsStore, now: datetime) -> int:
    """Delete every salt whose last day ended more than KEPT_AFTER_END ago; returns their number."""
    salts = [(row.key, *parsed) for row in store.list(SALTS) if (parsed := _parse(row.key))]
    over = {key: _end(site_settings, site_id, last) + KEPT_AFTER_END for key, site_id, last in salts}
    over = {key: end for key, end in over.items() if end < now}
    if not over:
        return 0
    moment = surely_past(store, now)
    old = [key for key, end in over.items() if end < moment]
    for key in old:
        store.delete(key)
    if old:
        # A versioned bucket would keep each of them readable.
        store.delete_old_versions(SALTS)
    return len(old)


def check_salt(store: Store, key: str) -> None:
    """Read a salt, the secret or the ingest key, without creating one. Raises DamagedObjectError."""
    salt = store.get(key)
    if salt is not None and (key in _MADE_ONCE or _parse(key)):
        _format(_MADE_ONCE.get(key, "salt")).read(key, salt.data)


def _end(site_settings: SiteSettingsStore, site_id: str, last: date) -> datetime:
    """The end of a site's date; without readable settings the end of the date in the last zone on earth."""
    try:
        return site_settings.get(site_id).zones.day_start(last + timedelta(days=1))
    except MallardError:
        return datetime.combine(last + timedelta(days=1), time.min, LAST_ZONE)


def _agreed(store: Store, key: str, field: str, random_bytes: Callable[[int], bytes] | None) -> bytes | None:
    """The bytes under a key, created by the first caller: every later one reads the same. None: may not be created."""
    stored = StoredObject(store, key, _format(field))
    value = stored.read()
    if value is not None or random_bytes is None:
        return value
    new_bytes = random_bytes(SALT_BYTES)
    try:
        stored.create(new_bytes)
        return new_bytes
    except ConflictError:
        value = stored.read()
    if value is None:
        raise StoreUnavailableError(f"{key} vanished while it was read.")
    return value


def _format(field: str) -> JsonFormat[bytes]:
    return JsonFormat(lambda stored: bytes.fromhex(stored[field]), lambda value: {field: value.hex()})


def _parse(key: str) -> tuple[str, date] | None:
    match = re.fullmatch(r"salts/site_id=([^/]+)/(\d{4}-\d{2}-\d{2}(?:\.\w+)?)\.json", key)
    try:
        return (unescaped(match[1]), last_date(match[2])) if match else None
    except ValueError:
        return None
