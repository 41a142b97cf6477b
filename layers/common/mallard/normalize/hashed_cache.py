"""Function caches with hashed keys, bounded in bytes and cleared together."""

import hashlib
import secrets
import sys
import threading
from collections.abc import Callable, Hashable
from functools import wraps
from typing import Any, ParamSpec, Protocol, TypeVar, cast
from weakref import WeakSet

Given = ParamSpec("Given")
Value = TypeVar("Value")

ENTRY_BYTES = 160
"""Of a key and its place in a dictionary that has just grown."""

_ABSENT = object()
_KEY = secrets.token_bytes(32)


def keyed_digest(given: tuple[Hashable, ...]) -> Hashable:
    """64 bits of BLAKE2b with a key of this process, used where Python's hash is not randomized (PYTHONHASHSEED=0)."""
    return hashlib.blake2b(repr(given).encode(errors="surrogatepass"), key=_KEY, digest_size=8).digest()


# SipHash with a random key of each process, in a tenth of BLAKE2b's time. Texts that collide in 64 bits would share
# a value; without the key a collision cannot be constructed.
_digest: Callable[[tuple[Hashable, ...]], Hashable] = hash if sys.flags.hash_randomization else keyed_digest


class _Cache:
    """Values by hash in two generations: used values stay in the young one, the old one is dropped whole."""

    __slots__ = ("__weakref__", "_lock", "_young_bytes", "most_bytes", "old", "young")

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        self.young: dict[Hashable, Any] = {}
        self.old: dict[Hashable, Any] = {}
        self._young_bytes = 0

    def add(self, key: Hashable, value: Any) -> None:
        size = ENTRY_BYTES + size_bytes(value)
        if size > self.most_bytes // 2:
            return
        with self._lock:
            if self._young_bytes + size > self.most_bytes // 2:
                self.old, self.young, self._young_bytes = self.young, {}, 0
            self.young[key] = value
            self._young_bytes += size


class Cached(Protocol[Given, Value]):
    """A function whose values are cached in ``cache``."""

    __wrapped__: Callable[Given, Value]
    cache: _Cache

    def __call__(self, *given: Given.args, **named: Given.kwargs) -> Value:
        """The value for these positional arguments."""
        ...


_caches: WeakSet[_Cache] = WeakSet()


def hashed_cache(*, most_bytes: int) -> Callable[[Callable[Given, Value]], Cached[Given, Value]]:
    """Cache a function's values by a hash of its positional arguments, in ``most_bytes`` at most.

    Arguments are not stored, so values must not hold private ones. Threads may compute a value twice.
    """

    def decorate(function: Callable[Given, Value]) -> Cached[Given, Value]:
        cache, compute = _Cache(most_bytes), cast("Callable[..., Any]", function)
        _caches.add(cache)

        @wraps(function)
        def call_cached(*given: Any) -> Any:
            key = _digest(given)
            value = cache.young.get(key, _ABSENT)
            if value is _ABSENT:
                value = cache.old.pop(key, _ABSENT)
                if value is _ABSENT:
                    value = compute(*given)
                cache.add(key, value)
            return value

        call_cached.cache = cache  # type: ignore[attr-defined]
        return cast("Cached[Given, Value]", call_cached)

    return decorate


def forget_all() -> None:
    """Empty every cache of this process."""
    for cache in list(_caches):
        cache.forget()


def size_bytes(value: Any) -> int:
    """Memory of a value: texts, numbers, mappings, sequences and objects of slots."""
    own = sys.getsizeof(value)
    if isinstance(value, str | int | float | None):
        return own
    if isinstance(value, dict):
        return own + sum(size_bytes(each) for each in value.values())
    if isinstance(value, tuple | list):
        return own + sum(map(size_bytes, value))
    slots: tuple[str, ...] = getattr(value, "__slots__", ())
    return own + sum(size_bytes(getattr(value, name)) for name in slots)
