"""API keys: random, stored as hashes, one object each against races."""

import hashlib
import logging
import re
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from mallard.errors import ApiKeyError, DamagedObjectError, StoreError
from mallard.http.request_headers import bearer_in
from mallard.store.base import Store
from mallard.store.stored_object import JsonFormat, StoredObject
from mallard.store.ttl_cache import TtlCache

KEYS = "config/keys/"
PREFIX = "mm_"
KEY_BYTES = 32
MAX_NAME_LENGTH = 100
MAX_SITES = 1000
SCOPES = ("ReadOnly", "Admin", "Ingest")

log = logging.getLogger("mallard.auth")

_FORM = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{20,100}}")
_HASH = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A stored key. ``sites`` empty: all. ``created_at`` and ``expires_at`` are RFC 3339.

    ``expires_at`` empty: never. ``last_used`` is a date (UTC), empty before its first use; no finer moment is kept.
    """

    key_hash: str
    name: str
    scope: str
    created_at: str
    sites: tuple[str, ...] = ()
    revoked: bool = False
    expires_at: str = ""
    last_used: str = ""

    def allows(self, *scopes: str) -> bool:
        """True where the key is not revoked and has one of these scopes."""
        return not self.revoked and self.scope in scopes

    def reaches(self, site_id: str) -> bool:
        """True where the key may be used for a site."""
        return not self.sites or site_id in self.sites

    def lives(self, now: datetime) -> bool:
        """True where the key is neither revoked nor expired."""
        return not self.revoked and (not self.expires_at or now < datetime.fromisoformat(self.expires_at))


class ApiKeys:
    """The keys of one store. ``clock`` is monotonic seconds, ``now`` an aware moment.

    ``marks_use`` False: keys may be read only, so the day of a key's last use is not written.
    """

    def __init__(
        self,
        store: Store,
        *,
        marks_use: bool = True,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._marks_use = marks_use
        self._now = now
        self._cache: TtlCache[ApiKey] = TtlCache(self.read, clock=clock)
        self._marked: dict[str, str] = {}

    def create(
        self, name: str, scope: str, now: datetime, sites: tuple[str, ...] = (), *, expires: str = ""
    ) -> tuple[str, ApiKey]:
        """Make a key: its text, shown this once, and the stored key. Raises ApiKeyError for a wrong argument.

        ``sites`` are valid site ids; ``expires`` is a moment or a date, whose end is meant (UTC); empty: never.
        """
        if not name.strip() or len(name) > MAX_NAME_LENGTH:
            raise ApiKeyError(f"name must be 1 to {MAX_NAME_LENGTH} characters.")
        if scope not in SCOPES:
            raise ApiKeyError(f"scope is {scope[:40]!r}, but must be one of {', '.join(SCOPES)}.")
        if len(sites) > MAX_SITES:
            raise ApiKeyError(f"sites may be at most {MAX_SITES}.")
        until = _read_expiry(expires, now) if expires else ""
        text = PREFIX + secrets.token_urlsafe(KEY_BYTES)
        key = ApiKey(_hash(text), name.strip(), scope, now.isoformat(timespec="seconds"), sites, expires_at=until)
        self._object(key.key_hash).create(key)
        return text, key

    def find(self, text: str) -> ApiKey | None:
        """The living key of a text; None where there is none. At most TTL_SECONDS behind the store."""
        if not _FORM.fullmatch(text):
            return None
        now = self._now()
        key = self._cache.get(_hash(text))
        if key is None or not key.lives(now):
            return None
        if self._marks_use:
            self._mark_used(key, now.astimezone(UTC).date())
        return key

    def all(self) -> list[ApiKey]:
        """Every key, also revoked ones, the oldest first. Damaged keys, which open nothing, are logged and left out."""
        hashes = [row.key.removeprefix(KEYS).removesuffix(".json") for row in self._store.list(KEYS)]
        keys = []
        for key_hash in hashes:
            try:
                keys.append(self.read(key_hash))
            except DamagedObjectError as error:
                log.error("%s", error)
        return sorted((key for key in keys if key), key=lambda key: (key.created_at, key.key_hash))

    def revoke(self, key_hash: str) -> bool:
        """Revoke a key for good; False where there is none of this hash."""
        if not _HASH.fullmatch(key_hash):
            return False
        return self._object(key_hash).change(lambda key: key and replace(key, revoked=True)) is not None

    def _mark_used(self, key: ApiKey, day: date) -> None:
        """Write the day of its last use: once a day and instance; a failure does not refuse the use itself."""
        today = day.isoformat()
        if max(key.last_used, self._marked.get(key.key_hash, "")) >= today:
            return
        self._marked[key.key_hash] = today
        with suppress(StoreError):
            self._object(key.key_hash).change(
                lambda stored: stored and replace(stored, last_used=max(stored.last_used, today))
            )

    def read(self, key_hash: str) -> ApiKey | None:
        """The stored key, past the cache. Raises DamagedObjectError."""
        return self._object(key_hash).read()

    def _object(self, key_hash: str) -> StoredObject[ApiKey]:
        return StoredObject(self._store, _key(key_hash), _format(key_hash), cache=self._cache, name=key_hash)


KEY_HEADERS = ("authorization", "x-api-key")
"""The headers that may have a key, in small letters."""


def key_in(headers: Mapping[str, str]) -> str:
    """The text of a key in ``Authorization: Bearer`` or ``X-API-Key`` (names in lower case), empty without one."""
    return bearer_in(headers) or headers.get("x-api-key", "").strip()


def _read_expiry(text: str, now: datetime) -> str:
    try:
        moment = _moment(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ApiKeyError(f"expires_at is {text[:40]!r}, but must be a date or a moment as in RFC 3339.") from None
    if moment <= now:
        raise ApiKeyError(f"expires_at is {text[:40]!r}, but must be in the future.")
    return moment.isoformat(timespec="seconds")


def _moment(text: str) -> datetime:
    """An aware moment; of a date its end, and UTC where no offset is said. ValueError or OverflowError."""
    with suppress(ValueError):
        return datetime.combine(date.fromisoformat(text) + timedelta(days=1), datetime.min.time(), UTC)
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _key(key_hash: str) -> str:
    return f"{KEYS}{key_hash}.json"


def _format(key_hash: str) -> JsonFormat[ApiKey]:
    """The JSON of a key, whose hash stands in the object's name alone."""

    def decode(fields: dict[str, Any]) -> ApiKey:
        key = msgspec.convert({**fields, "key_hash": key_hash}, ApiKey)
        return replace(key, expires_at=key.expires_at and _moment(key.expires_at).isoformat())

    return JsonFormat(decode, lambda key: {name: value for name, value in asdict(key).items() if name != "key_hash"})
