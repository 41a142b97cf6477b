"""Cache of values read from the store, with a time-to-live."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from cachetools import FIFOCache

from mallard.errors import StoreUnavailableError

TTL_SECONDS = 5
"""Longest use of a cached value after a change by another instance: revocations take effect within it."""

MAX_VALUES = 1000
MAX_ABSENT = 1000

Value = TypeVar("Value")


class TtlCache(Generic[Value]):
    """Values by name, read again after ``ttl_seconds``. Safe between threads.

    None is cached for absent names, in a cache of their own, so that invented names
    evict no value.
    """

    def __init__(
        self,
        read: Callable[[str], Value | None],
        *,
        ttl_seconds: float = TTL_SECONDS,
        max_values: int = MAX_VALUES,
        max_absent: int = MAX_ABSENT,
        serves_stale: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``clock`` is monotonic seconds. ``serves_stale``: an old value is returned while the store is unavailable."""
        self._read = read
        self._ttl_seconds = ttl_seconds
        self._serves_stale = serves_stale
        self._clock = clock
        self._lock = threading.Lock()
        # First in, first out: a hit changes nothing, so it needs no lock, and each refresh moves a value to the end.
        self._values: FIFOCache[str, tuple[float, Value]] = FIFOCache(max_values)
        self._absent: FIFOCache[str, tuple[float, None]] = FIFOCache(max_absent)
        self._pending: dict[str, set[object]] = {}
        """Reads and writes under way, which a write that ends before them outdates."""

    def holds(self, name: str) -> bool:
        """True where ``get`` answers from memory."""
        entry = self._entry(name)
        return entry is not None and self._is_fresh(entry)

    def get(self, name: str) -> Value | None:
        """The value, at most ``ttl_seconds`` behind the store. Raises the errors of reading."""
        entry = self._entry(name)
        if entry is not None and self._is_fresh(entry):
            return entry[1]
        # The age counts from before the read, which may return the state of that moment.
        started, token = self._clock(), self._begin(name)
        try:
            value = self._read(name)
        except BaseException as error:
            if entry is None or not (self._serves_stale and isinstance(error, StoreUnavailableError)):
                with self._lock:
                    self._end(name, token)
                raise
            value = entry[1]
        with self._lock:
            # A slow reader does not put back a value that was replaced while it read.
            if self._end(name, token) and not self._is_newer(name, started):
                self._keep(name, started, value)
        return value

    def put(self, name: str, value: Value | None) -> None:
        """Cache a value that this process has just written."""
        with self._lock:
            self._pending.pop(name, None)
            self._keep(name, self._clock(), value)

    def update(self, name: str, change: Callable[[Value], Value]) -> None:
        """Replace a cached value, keeping its age; no effect on an uncached name."""
        with self._lock:
            self._pending.pop(name, None)
            if name in self._values:
                moment, value = self._values[name]
                self._values[name] = (moment, change(value))

    @contextmanager
    def writing(self, name: str) -> Iterator[Callable[[Value | None], None]]:
        """Around a write to the store: yields a function that caches the written value.

        Of two writes at once either may be the later one in the store, so the second to end caches nothing.
        """
        token = self._begin(name)

        def settle(value: Value | None) -> None:
            with self._lock:
                if self._end(name, token):
                    self._keep(name, self._clock(), value)
                else:
                    self._drop(name)
                self._pending.pop(name, None)

        try:
            yield settle
        finally:
            with self._lock:
                self._end(name, token)

    def forget(self, name: str) -> None:
        """Read the value again next time."""
        with self._lock:
            self._pending.pop(name, None)
            self._drop(name)

    def _entry(self, name: str) -> tuple[float, Value | None] | None:
        # Not `get` with its two lookups: another thread may evict the name in between.
        try:
            return self._values[name]
        except KeyError:
            pass
        try:
            return self._absent[name]
        except KeyError:
            return None

    def _is_fresh(self, entry: tuple[float, Value | None]) -> bool:
        return self._clock() - entry[0] < self._ttl_seconds

    def _is_newer(self, name: str, started: float) -> bool:
        entry = self._entry(name)
        return entry is not None and entry[0] > started

    def _begin(self, name: str) -> object:
        token = object()
        with self._lock:
            self._pending.setdefault(name, set()).add(token)
        return token

    def _end(self, name: str, token: object) -> bool:
        """True where a read or write is still valid: no other write or ``forget`` of the name ended before it."""
        tokens = self._pending.get(name, set())
        if token not in tokens:
            return False
        tokens.remove(token)
        if not tokens:
            del self._pending[name]
        return True

    def _keep(self, name: str, moment: float, value: Value | None) -> None:
        if value is None:
            self._absent[name] = (moment, None)
            self._values.pop(name, None)
        else:
            self._values[name] = (moment, value)
            self._absent.pop(name, None)

    def _drop(self, name: str) -> None:
        self._values.pop(name, None)
        self._absent.pop(name, None)
