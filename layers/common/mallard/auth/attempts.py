"""Who guesses passwords: counts in the store, over all instances and restarts, that know no address.

An address is counted under its HMAC, whose key is made anew each day (UTC) and deleted with the day's counts. A count
closes the door to its own address only, so nobody can lock out anybody else; there is room for so many counts and no
more, so nobody can fill the store.
"""

import hashlib
import hmac
import json
import secrets
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil

from mallard.errors import ConflictError, StoreUnavailableError
from mallard.store.base import Store
from mallard.store.swap import swap

ATTEMPTS = "config/attempts/"
SHARDS = 64
MAX_COUNTS = 200
"""Counts of one shard: with 64 shards, some 12,800 addresses and one megabyte a day."""

IPV6_PREFIX = 64
"""Who has one IPv6 address mostly has this network."""

_Counts = dict[str, tuple[int, float]]
"""Of each address the failures, and when the last one was, in seconds since 1970."""

_NONE = (0, 0.0)


class Attempts:
    """The attempts on one store's passwords: ``most`` failures close a door for ``lockout_seconds``, a day at most."""

    def __init__(
        self,
        store: Store,
        secret: bytes,
        *,
        most: int,
        lockout_seconds: int,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        """``secret`` is MALLARD_SECRET: without it a copy of the bucket alone tells no address."""
        self._store = store
        self._secret = secret
        self._most = most
        self._lockout_seconds = lockout_seconds
        self._random_bytes = random_bytes
        self._keys: dict[date, bytes] = {}
        self._locks = [threading.Lock() for _ in range(SHARDS)]

    def begin(self, door: str, address: str, now: datetime) -> int:
        """Count an attempt before it is made, so that many at once are no way around; 0, or the seconds to wait.

        ``door`` names what is tried, such as one shared link. Raises StoreUnavailableError.
        """
        moment, now = now.timestamp(), now.astimezone(UTC)
        name = self._name(door, address, self._key(now.date(), now))
        earlier = self._before_midnight(door, address, now)

        def counted(counts: _Counts) -> tuple[int, _Counts | None]:
            failures, last = counts.get(name, earlier)
            if failures >= self._most:
                return min(self._lockout_seconds, max(1, ceil(last + self._lockout_seconds - moment))), None
            return 0, {**counts, name: (failures + 1, moment)}

        return self._swap(name, now, counted)

    def forgive(self, door: str, address: str, now: datetime) -> None:
        """Forget the failures of who knew the password after all. Raises StoreUnavailableError."""
        moment, now = now.timestamp(), now.astimezone(UTC)
        name = self._name(door, address, self._key(now.date(), now))
        # Not taken out: what was counted before midnight would come back.
        self._swap(name, now, lambda counts: (0, {**counts, name: (0, moment)}))

    def take_back(self, door: str, address: str, now: datetime) -> None:
        """Uncount an attempt that could not be made: a busy server locks nobody out. Raises StoreUnavailableError."""
        now = now.astimezone(UTC)
        name = self._name(door, address, self._key(now.date(), now))

        def fewer(counts: _Counts) -> tuple[int, _Counts | None]:
            failures, last = counts.get(name, _NONE)
            return 0, {**counts, name: (failures - 1, last)} if failures else None

        self._swap(name, now, fewer)

    def _swap(self, name: str, now: datetime, change: Callable[[_Counts], tuple[int, _Counts | None]]) -> int:
        def changed(data: bytes | None) -> tuple[int, bytes | None]:
            outcome, counts = change(self._living(data, now))
            return outcome, None if counts is None else json.dumps(_bounded(counts, name)).encode()

        # One at a time within a process: only instances meet in the store.
        with self._locks[_shard(name)]:
            return swap(self._store, _object(now.date(), name), changed)

    def _before_midnight(self, door: str, address: str, now: datetime) -> tuple[int, float]:
        """The count of yesterday that still lives."""
        yesterday = now.date() - timedelta(days=1)
        begun = datetime.combine(now.date(), time(), UTC)
        key = self._keys.get(yesterday) or self._stored_key(yesterday)
        if now - begun >= timedelta(seconds=self._lockout_seconds) or key is None:
            return _NONE
        name = self._name(door, address, key)
        stored = self._store.get(_object(yesterday, name))
        return self._living(stored.data if stored else None, now).get(name, _NONE)

    def _living(self, data: bytes | None, now: datetime) -> _Counts:
        try:
            rows = json.loads(data or b"{}").items()
            found = {str(name): (int(failures), float(last)) for name, (failures, last) in rows}
        except (ValueError, TypeError, AttributeError):
            # A damaged object must not close the door for good.
            return {}
        oldest = now.timestamp() - self._lockout_seconds
        return {name: count for name, count in found.items() if count[1] > oldest}

    def _name(self, door: str, address: str, key: bytes) -> str:
        return hmac.digest(key, f"{door}|{_network(address)}".encode(), hashlib.sha256).hex()[:32]

    def _key(self, day: date, now: datetime) -> bytes:
        """The key behind the names of a day, agreed on through the store; who makes it deletes what is over."""
        if day not in self._keys:
            made = self._random_bytes(32)
            try:
                self._store.put_if_absent(_key_object(day), json.dumps({"key": made.hex()}).encode())
                delete_old_attempts(self._store, now)
            except ConflictError:
                pass
            key = self._stored_key(day)
            if key is None:
                raise StoreUnavailableError(f"{_key_object(day)} does not hold what it should.")
            self._keys = {known: kept for known, kept in self._keys.items() if known >= day - timedelta(days=1)}
            self._keys[day] = key
        return self._keys[day]

    def _stored_key(self, day: date) -> bytes | None:
        stored = self._store.get(_key_object(day))
        try:
            random = bytes.fromhex(json.loads(stored.data)["key"]) if stored else b""
        except (ValueError, KeyError, TypeError):
            return None
        return hmac.digest(self._secret, random, hashlib.sha256) if random else None


def delete_old_attempts(store: Store, now: datetime) -> int:
    """Delete the counts, and the keys behind their names, of days before yesterday (UTC); how many objects."""
    first_kept = f"{ATTEMPTS}date={now.astimezone(UTC).date() - timedelta(days=1)}/"
    old = [row.key for row in store.list(ATTEMPTS) if row.key < first_kept]
    for key in old:
        store.delete(key)
    return len(old)


def _bounded(counts: _Counts, name: str) -> _Counts:
    """At most MAX_COUNTS: those with the fewest failures go first, then the oldest, never the one just counted."""
    others = sorted((count, other) for other, count in counts.items() if other != name)
    return {**{other: count for count, other in others[-(MAX_COUNTS - 1) :]}, name: counts[name]}


def _network(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or ip_network((int(parsed), IPV6_PREFIX), strict=False))


def _shard(name: str) -> int:
    return int(name[:4], 16) % SHARDS


def _object(day: date, name: str) -> str:
    return f"{ATTEMPTS}date={day}/{_shard(name):02d}.json"


def _key_object(day: date) -> str:
    return f"{ATTEMPTS}date={day}/key.json"
