"""Networks of recent logins, stored as HMACs and exempt from the global guess throttle."""

import hashlib
import hmac
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from mallard.auth.login_throttle import finest_network
from mallard.store.base import Store
from mallard.store.stored_object import JsonFormat, StoredObject

KNOWN_NETWORKS_KEY = "config/known-networks.json"
KEPT_FOR = timedelta(days=30)
MAX_NETWORKS = 200
"""The latest; one owner logs in from few."""

_Days = dict[str, date]
"""By name, the UTC date of the last login."""

# A damaged object makes every network unknown, and locks no client out.
_FORMAT: JsonFormat[_Days] = JsonFormat.of(_Days, on_damage=lambda _: None)


class KnownNetworks:
    """The networks of one store. ``key`` names them, ``clock`` is monotonic seconds."""

    def __init__(self, store: Store, key: bytes, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._key = key
        self._object = StoredObject.cached(store, KNOWN_NETWORKS_KEY, _FORMAT, clock=clock)

    def has(self, address: str, now: datetime) -> bool:
        """True after a login from the address's network within KEPT_FOR. Raises StoreUnavailableError."""
        last = self._days().get(self._name(address))
        return last is not None and last > now.astimezone(UTC).date() - KEPT_FOR

    def remember(self, address: str, now: datetime) -> None:
        """Note a login, once a day. Raises StoreUnavailableError."""
        name, today = self._name(address), now.astimezone(UTC).date()
        if self._days().get(name) == today:
            return

        def noted(days: _Days | None) -> _Days:
            recent = {each: last for each, last in (days or {}).items() if last > today - KEPT_FOR and each != name}
            return dict(sorted(recent.items(), key=lambda row: row[1])[-(MAX_NETWORKS - 1) :]) | {name: today}

        self._object.change(noted)

    def _days(self) -> _Days:
        return self._object.get() or {}

    def _name(self, address: str) -> str:
        return hmac.digest(self._key, finest_network(address).encode(), hashlib.sha256).hex()[:32]
