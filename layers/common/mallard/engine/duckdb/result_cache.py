"""Cache of query results by queries and versions of their files."""

import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, TypeVar

from mallard.engine.cancellation import IS_ANONYMOUS, WAIT_STEP_SECONDS, current_stop
from mallard.errors import QueryBusyError, QueryStoppedError

MAX_BYTES = 32 * 1024 * 1024
MAX_ENTRIES = 1000
BYTES_OF_AN_ENTRY = 1000
MAX_WAITING = 16
"""The most requests that wait for a result which another request is counting."""


T = TypeVar("T")


class ResultCache:
    """Results for ``ttl_seconds``, the latest up to MAX_BYTES and MAX_ENTRIES; 0 disables the cache.

    Concurrent equal queries are computed once, and each request waits no longer than it lives. The owner's queries
    never wait for an anonymous one, which takes longer. QueryBusyError where too many wait.
    """

    def __init__(
        self, ttl_seconds: float, *, max_bytes: int = MAX_BYTES, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """``clock`` gives seconds."""
        self._ttl_seconds = ttl_seconds
        self._max_bytes = max_bytes
        self._places = threading.Semaphore(MAX_WAITING)
        self._clock = clock
        self._lock = threading.Lock()
        self._size = 0
        self._entries: dict[Hashable, tuple[float, Any, int]] = {}
        self._flights: dict[tuple[bool, Hashable], Future[Any]] = {}
        self.hits = 0
        self.misses = 0

    def __len__(self) -> int:
        """The number of cached results."""
        with self._lock:
            self._drop_old()
            return len(self._entries)

    def get(self, key: Hashable, make: Callable[[], T], size: Callable[[T], int]) -> T:
        """The cached result of ``key``, else that of ``make``, which has ``size`` bytes."""
        while True:
            with self._lock:
                self._drop_old()
                if found := self._entries.get(key):
                    self.hits += 1
                    return found[1]  # type: ignore[no-any-return]
                is_anonymous = IS_ANONYMOUS.get()
                flight = self._flights.get((False, key)) or (is_anonymous and self._flights.get((True, key))) or None
                if flight is None:
                    mine = self._flights[is_anonymous, key] = Future()
                    self.misses += 1
                    break
            try:
                answer: T = self._wait_for(flight)
            except QueryStoppedError:
                # Its client went away; ours may be there still.
                current_stop().check()
                continue
            with self._lock:
                self.hits += 1
            return answer
        return self._make((is_anonymous, key), mine, make, size)

    def clear(self) -> None:
        """Empty the cache."""
        with self._lock:
            self._entries.clear()
            self._size = 0

    def _wait_for(self, flight: "Future[Any]") -> Any:
        if not self._places.acquire(blocking=False):
            raise QueryBusyError("Too many wait for the same answer already; ask again in some seconds.")
        try:
            while True:
                current_stop().check()
                try:
                    return flight.result(WAIT_STEP_SECONDS)
                except TimeoutError:
                    if flight.done():
                        raise
        finally:
            self._places.release()

    def _make(
        self, flight: tuple[bool, Hashable], mine: "Future[Any]", make: Callable[[], T], size: Callable[[T], int]
    ) -> T:
        try:
            answer = make()
        except BaseException as error:
            with self._lock:
                del self._flights[flight]
            mine.set_exception(error)
            raise
        with self._lock:
            del self._flights[flight]
            self._keep(flight[1], answer, BYTES_OF_AN_ENTRY + size(answer))
        mine.set_result(answer)
        return answer

    def _keep(self, key: Hashable, answer: object, size: int) -> None:
        if self._ttl_seconds <= 0 or size > self._max_bytes:
            return
        if key in self._entries:
            self._size -= self._entries.pop(key)[2]
        self._entries[key] = (self._clock() + self._ttl_seconds, answer, size)
        self._size += size
        while self._size > self._max_bytes or len(self._entries) > MAX_ENTRIES:
            self._drop_oldest()

    def _drop_old(self) -> None:
        now = self._clock()
        # The oldest stand first: all live equally long.
        while self._entries and next(iter(self._entries.values()))[0] <= now:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        self._size -= self._entries.pop(next(iter(self._entries)))[2]
