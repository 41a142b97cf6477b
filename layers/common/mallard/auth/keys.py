"""API keys: random, known to the store only by their hash, one object each, so that making and revoking race nobody."""

import hashlib
import json
import re
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from mallard.errors import ApiKeyError, ConflictError, StoreUnavailableError
from mallard.store.base import Store

KEYS = "config/keys/"
PREFIX = "mm_"
KEY_BYTES = 32
KEPT_SECONDS = 5
"""How long an instance may believe what it read of a key: a revoked one dies within this time everywhere."""

MAX_KEPT = 1000
MAX_NAME_LENGTH = 100
SCOPES = ("ReadOnly", "Admin", "Ingest")

_FORM = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{20,100}}")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What the store knows of a key. ``sites`` empty: all. ``created_at`` is RFC 3339."""

    key_hash: str
    name: str
    scope: str
    created_at: str
    sites: tuple[str, ...] = ()
    revoked: bool = False

    def allows(self, *scopes: str) -> bool:
        """Whether the key is alive and of one of these scopes."""
        return not self.revoked and self.scope in scopes

    def reaches(self, site_id: str) -> bool:
        """Whether the key may be used for a site."""
        return not self.sites or site_id in self.sites


class KeyRing:
    """The keys of one store. ``clock`` is monotonic seconds."""

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, ApiKey | None]] = {}

    def create(self, name: str, scope: str, now: datetime, sites: tuple[str, ...] = ()) -> tuple[str, ApiKey]:
        """Make a key: its text, shown this once, and what is stored. ApiKeyError where name or scope is wrong."""
        if not name.strip() or len(name) > MAX_NAME_LENGTH:
            raise ApiKeyError(f"name must be 1 to {MAX_NAME_LENGTH} characters.")
        if scope not in SCOPES:
            raise ApiKeyError(f"scope is {scope[:40]!r}, but must be one of {', '.join(SCOPES)}.")
        text = PREFIX + secrets.token_urlsafe(KEY_BYTES)
        key = ApiKey(_hash(text), name.strip(), scope, now.isoformat(timespec="seconds"), sites)
        self._store.put_if_absent(_object(key.key_hash), _to_json(key))
        return text, key

    def find(self, text: str) -> ApiKey | None:
        """The living key of a text; None where there is none. At most KEPT_SECONDS behind the store."""
        if not _FORM.fullmatch(text):
            return None
        key_hash = _hash(text)
        kept = self._kept.get(key_hash)
        if kept is None or self._clock() - kept[0] >= KEPT_SECONDS:
            found = self._read(key_hash)
            kept = self._keep(key_hash, found[0] if found else None)
        key = kept[1]
        return key if key is not None and not key.revoked else None

    def all(self) -> list[ApiKey]:
        """Every key that was made, the oldest first."""
        hashes = [row.key.removeprefix(KEYS).removesuffix(".json") for row in self._store.list(KEYS)]
        found = [key[0] for key_hash in hashes if (key := self._read(key_hash))]
        return sorted(found, key=lambda key: (key.created_at, key.key_hash))

    def revoke(self, key_hash: str) -> bool:
        """End a key for good; False where there is none of this hash."""
        while re.fullmatch("[0-9a-f]{64}", key_hash) and (found := self._read(key_hash)):
            key, etag = found
            try:
                if not key.revoked:
                    self._store.put_if_match(_object(key_hash), _to_json(replace(key, revoked=True)), etag)
            except ConflictError:
                continue
            self._keep(key_hash, None)
            return True
        return False

    def _read(self, key_hash: str) -> tuple[ApiKey, str] | None:
        stored = self._store.get(_object(key_hash))
        if stored is None:
            return None
        try:
            known: dict[str, Any] = json.loads(stored.data)
            return ApiKey(key_hash, **{**known, "sites": tuple(known["sites"])}), stored.etag
        except (ValueError, KeyError, TypeError) as error:
            raise StoreUnavailableError(f"{_object(key_hash)} does not hold what it should.") from error

    def _keep(self, key_hash: str, key: ApiKey | None) -> tuple[float, ApiKey | None]:
        kept = (self._clock(), key)
        with self._lock:
            self._kept[key_hash] = kept
            while len(self._kept) > MAX_KEPT:
                self._kept.pop(next(iter(self._kept)))
        return kept


def key_in(headers: dict[str, str]) -> str:
    """The text of a key in ``Authorization: Bearer`` or ``X-API-Key`` (names in lower case), empty without one."""
    scheme, _, text = headers.get("authorization", "").partition(" ")
    return text.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "").strip()


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _object(key_hash: str) -> str:
    return f"{KEYS}{key_hash}.json"


def _to_json(key: ApiKey) -> bytes:
    fields = {"name": key.name, "scope": key.scope, "created_at": key.created_at, "sites": list(key.sites)}
    return json.dumps({**fields, "revoked": key.revoked}).encode()
