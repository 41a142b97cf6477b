"""Networks that logged in lately, under HMACs: a storm of guesses does not slow them."""

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from mallard.auth.login_throttle import finest_network
from mallard.auth.ttl_cache import TtlCache
from mallard.store.base import Store
from mallard.store.compare_and_swap import swap

KNOWN_NETWORKS_KEY = "config/known-networks.json"
KEPT_FOR = timedelta(days=30)
MAX_NETWORKS = 200
"""The latest; one owner logs in from few."""

_Days = dict[str, date]
"""Of each name the UTC date of its last login."""


class KnownNetworks:
    """The networks of one store. ``key`` names them, ``clock`` is monotonic seconds."""

    def __init__(self, store: Store, key: bytes, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._key = key
        self._kept: TtlCache[_Days] = TtlCache(self._read, clock=clock)

    def has(self, address: str, now: datetime) -> bool:
        """True where somebody logged in from the address's network within KEPT_FOR. StoreUnavailableError."""
        last = self._kept.get(KNOWN_NETWORKS_KEY).get(self._name(address))
        return last is not None and last > now.astimezone(UTC).date() - KEPT_FOR

    def remember(self, address: str, now: datetime) -> None:
        """Note a login, once a day. StoreUnavailableError."""
        name, today = self._name(address), now.astimezone(UTC).date()
        if self._kept.get(KNOWN_NETWORKS_KEY).get(name) == today:
            return

        def noted(data: bytes | None) -> tuple[_Days, bytes]:
            living = {each: last for each, last in _decoded(data).items() if last > today - KEPT_FOR and each != name}
            days = dict(sorted(living.items(), key=lambda row: row[1])[-(MAX_NETWORKS - 1) :]) | {name: today}
            return days, json.dumps({each: last.isoformat() for each, last in days.items()}).encode()

        self._kept.put(KNOWN_NETWORKS_KEY, swap(self._store, KNOWN_NETWORKS_KEY, noted))

    def _read(self, key: str) -> _Days:
        stored = self._store.get(key)
        return _decoded(stored.data if stored else None)

    def _name(self, address: str) -> str:
        return hmac.digest(self._key, finest_network(address).encode(), hashlib.sha256).hex()[:32]


def _decoded(data: bytes | None) -> _Days:
    try:
        return {str(name): date.fromisoformat(last) for name, last in json.loads(data or b"{}").items()}
    except (ValueError, TypeError, AttributeError):
        # A damaged object makes strangers of all, and closes nothing.
        return {}
