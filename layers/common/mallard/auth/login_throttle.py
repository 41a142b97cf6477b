"""Login throttle: counts of wrong passwords by network, stored under HMACs.

An address is counted under its HMAC, whose key is made anew each day (UTC) and deleted with the day's counts, and so
are the networks around it, each with a higher limit: an owner of many addresses has few networks. The number of counts
is bounded, so that no client can fill the store.
"""

import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from ipaddress import ip_network
from math import ceil
from typing import TypeVar

from mallard.errors import ConflictError, DamagedObjectError
from mallard.http.addresses import read_address
from mallard.store.base import Store
from mallard.store.stored_object import JsonFormat, StoredObject

ATTEMPTS = "config/attempts/"
SHARDS = 64
MAX_COUNTS = 200
"""Counts of one shard: with 64 shards, some 12,800 networks and one megabyte a day."""

IPV4_BYTES = 4
IPV6_NETWORKS = ((64, 1), (56, 4), (48, 8), (32, 32))
IPV4_NETWORKS = ((32, 1), (24, 8), (16, 64))
"""Lengths of the prefixes that are counted, finest first, and how many times the failures of one address each may have.

A client with one IPv6 address mostly has its /64, and can have a /48 for nothing.
"""

CLOSED_SECONDS = 5
"""Seconds that a blocked login is cached, so that a flood of attempts does not read the store each time."""
MAX_CLOSED = 1000

MAX_AHEAD_SECONDS = 60
"""The most that the clocks of two instances may be apart."""

_Counts = dict[str, tuple[int, float]]
"""By network: the failures, and the time of the last one in seconds since 1970."""

# Damaged counts must not lock all clients out for good.
_COUNTS: JsonFormat[_Counts] = JsonFormat.of(_Counts, on_damage=lambda _: None)
_KEY: JsonFormat[bytes] = JsonFormat(
    lambda stored: bytes.fromhex(stored["key"]), lambda key: {"key": key.hex()}, on_damage=lambda _: None
)

_NONE = (0, 0.0)
_OPEN = (0.0, 0.0)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """``wait_seconds`` 0: it is counted and may be made. ``is_first``: no recent failure in its widest network."""

    wait_seconds: int
    is_first: bool = False


@dataclass(frozen=True, slots=True)
class _Place:
    """The names of an address and the networks around it, finest first, with the failures that each may have."""

    names: tuple[str, ...]
    most: tuple[int, ...]

    def object_of(self, day: date) -> str:
        """The object that counts all networks of one client, by the widest: one swap counts them all."""
        return _object(day, self.names[-1])


class LoginThrottle:
    """The attempts on one store's passwords: ``most`` failures lock for ``lockout_seconds``, a day at most."""

    def __init__(
        self,
        store: Store,
        secret: bytes,
        *,
        most: int,
        lockout_seconds: int,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        """``secret`` is a key outside the store: a copy of the bucket alone reveals no address."""
        self._store = store
        self._secret = secret
        self._most = most
        self._lockout_seconds = lockout_seconds
        self._random_bytes = random_bytes
        self._keys: dict[date, bytes] = {}
        # Until when logins are blocked, and when that was read, by the names of an address under the day's key.
        self._closed: dict[tuple[str, bool], tuple[float, float]] = {}
        self._locks = [threading.Lock() for _ in range(SHARDS)]

    def begin(self, target: str, address: str, now: datetime, *, is_known: bool = False) -> LoginAttempt:
        """Count an attempt before it is made, so that parallel attempts do not evade the limit.

        ``target`` names what is tried, such as one shared link. The networks around an address lock it too, unless it
        ``is_known``: neighbours do not lock out a client that logged in before. Raises StoreUnavailableError.
        """
        moment, now = now.timestamp(), now.astimezone(UTC)
        place = self._place(target, address, self._key(now.date(), now))
        closed = (place.names[0], is_known)
        opens, found_at = self._closed.get(closed, _OPEN)
        if 0 <= moment - found_at < CLOSED_SECONDS and moment < opens:
            return LoginAttempt(ceil(opens - moment))
        earlier = self._before_midnight(target, address, now)

        def counted(counts: _Counts) -> tuple[LoginAttempt, _Counts | None]:
            network_counts = [counts.get(name, before) for name, before in zip(place.names, earlier, strict=True)]
            closing = network_counts[:1] if is_known else network_counts
            waits = [
                min(self._lockout_seconds, max(1, ceil(last + self._lockout_seconds - moment)))
                for (failures, last), most in zip(closing, place.most, strict=False)
                if failures >= most
            ]
            if waits:
                return LoginAttempt(max(waits)), None
            more = {
                name: (failures + 1, moment) for name, (failures, _) in zip(place.names, network_counts, strict=True)
            }
            return LoginAttempt(0, is_first=not any(failures for failures, _ in network_counts)), {**counts, **more}

        attempt = self._swap(place, now, counted)
        if attempt.wait_seconds:
            self._remember_closed(closed, moment, attempt.wait_seconds)
        return attempt

    def forgive(self, target: str, address: str, now: datetime) -> None:
        """Forget the failures of an address after a right password. Raises StoreUnavailableError."""
        self._closed = {}
        moment, now = now.timestamp(), now.astimezone(UTC)
        place = self._place(target, address, self._key(now.date(), now))

        # Not removed: counts from before midnight would come back.
        def forgiven(counts: _Counts) -> tuple[None, _Counts]:
            return None, {**_fewer(counts, place.names[1:]), place.names[0]: (0, moment)}

        self._swap(place, now, forgiven)

    def take_back(self, target: str, address: str, now: datetime) -> None:
        """Uncount an attempt that a busy server could not make. Raises StoreUnavailableError."""
        self._closed = {}
        now = now.astimezone(UTC)
        place = self._place(target, address, self._key(now.date(), now))
        self._swap(place, now, lambda counts: (None, _fewer(counts, place.names)))

    def _remember_closed(self, closed: tuple[str, bool], moment: float, wait_seconds: int) -> None:
        if len(self._closed) >= MAX_CLOSED:
            self._closed = {}
        self._closed[closed] = (moment + wait_seconds, moment)

    def _swap(self, place: _Place, now: datetime, change: Callable[[_Counts], tuple[T, _Counts | None]]) -> T:
        def changed(stored: _Counts | None) -> tuple[T, _Counts | None]:
            before = self._living(stored, now)
            outcome, counts = change(before)
            same = counts is None or counts == before
            return outcome, None if same else _bounded(counts or {}, place.names)

        # One at a time within a process: only instances meet in the store.
        with self._locks[_shard(place.names[-1])]:
            return StoredObject(self._store, place.object_of(now.date()), _COUNTS).change_with_result(changed)

    def _before_midnight(self, target: str, address: str, now: datetime) -> list[tuple[int, float]]:
        """The counts of yesterday that still live, of an address and the networks around it."""
        yesterday = now.date() - timedelta(days=1)
        day_start = datetime.combine(now.date(), time(), UTC)
        is_over = now - day_start >= timedelta(seconds=self._lockout_seconds)
        key = None if is_over else self._keys.get(yesterday) or self._stored_key(yesterday)
        if key is None:
            return [_NONE] * len(_networks(address))
        place = self._place(target, address, key)
        living = self._living(StoredObject(self._store, place.object_of(yesterday), _COUNTS).read(), now)
        return [living.get(name, _NONE) for name in place.names]

    def _living(self, stored: _Counts | None, now: datetime) -> _Counts:
        oldest, latest = now.timestamp() - self._lockout_seconds, now.timestamp() + MAX_AHEAD_SECONDS
        # A count by a clock that was ahead would lock a client out for as long as it was ahead.
        return {name: count for name, count in (stored or {}).items() if oldest < count[1] <= latest}

    def _place(self, target: str, address: str, key: bytes) -> _Place:
        networks = _networks(address)
        names = (hmac.digest(key, f"{target}|{network}".encode(), hashlib.sha256).hex()[:32] for network, _ in networks)
        return _Place(tuple(names), tuple(self._most * times for _, times in networks))

    def _key(self, day: date, now: datetime) -> bytes:
        """The key behind the names of a day, agreed on through the store; its creator deletes old days."""
        if day not in self._keys:
            try:
                StoredObject(self._store, _key_object(day), _KEY).create(self._random_bytes(32))
                delete_old_attempts(self._store, now)
            except ConflictError:
                pass
            key = self._stored_key(day)
            if key is None:
                raise DamagedObjectError(_key_object(day))
            self._keys = {other: key for other, key in self._keys.items() if other >= day - timedelta(days=1)}
            self._keys[day] = key
        return self._keys[day]

    def _stored_key(self, day: date) -> bytes | None:
        random = StoredObject(self._store, _key_object(day), _KEY).read()
        return hmac.digest(self._secret, random, hashlib.sha256) if random else None


def delete_old_attempts(store: Store, now: datetime) -> int:
    """Delete the counts, and the keys behind their names, of days before yesterday (UTC); how many objects."""
    first_kept = f"{ATTEMPTS}date={now.astimezone(UTC).date() - timedelta(days=1)}/"
    old = [row.key for row in store.list(ATTEMPTS) if row.key < first_kept]
    for key in old:
        store.delete(key)
    return len(old)


def _fewer(counts: _Counts, names: tuple[str, ...]) -> _Counts:
    """The counts with one failure less under some names."""
    return {name: (max(0, failures - (name in names)), last) for name, (failures, last) in counts.items()}


def _bounded(counts: _Counts, names: tuple[str, ...]) -> _Counts:
    """At most MAX_COUNTS: those with the fewest failures go first, then the oldest, never those just counted."""
    others = sorted((count, other) for other, count in counts.items() if other not in names)
    remaining = others[max(0, len(others) + len(names) - MAX_COUNTS) :]
    return {**{other: count for count, other in remaining}, **{name: counts[name] for name in names if name in counts}}


def widest_network(address: str) -> str:
    """The widest network of an address that is counted."""
    return _networks(address)[-1][0]


def finest_network(address: str) -> str:
    """The network that counts as one client: an IPv4 address, or the /64 of IPv6."""
    return _networks(address)[0][0]


def _networks(address: str) -> list[tuple[str, int]]:
    """The networks around an address, finest first, and how many times the failures of one client each may have."""
    address_parts = read_address(address)
    if address_parts is None:
        return [(address, 1)]
    _, packed = address_parts
    lengths = IPV4_NETWORKS if len(packed) == IPV4_BYTES else IPV6_NETWORKS
    return [(str(ip_network((packed, length), strict=False)), times) for length, times in lengths]


def _shard(name: str) -> int:
    return int(name[:4], 16) % SHARDS


def _object(day: date, name: str) -> str:
    return f"{ATTEMPTS}date={day}/{_shard(name):02d}.json"


def _key_object(day: date) -> str:
    return f"{ATTEMPTS}date={day}/key.json"
