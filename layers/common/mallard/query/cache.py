"""Answers that were counted already, under a key that says of what: an old one is never given for newer data."""

import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, TypeVar

from mallard.errors import QueryStoppedError

MAX_ROWS = 200_000
"""Rows of all answers that are kept: some 60 MB."""


T = TypeVar("T")


class Cache:
    """Keeps answers for ``ttl_seconds``, the latest up to MAX_ROWS rows; 0 keeps none. Safe between threads.

    Equal questions at one time are one flight: the first counts, the others wait for it.
    """

    def __init__(
        self, ttl_seconds: float, *, max_rows: int = MAX_ROWS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """``clock`` gives seconds."""
        self._ttl_seconds = ttl_seconds
        self._max_rows = max_rows
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[Hashable, tuple[float, Any, int]] = {}
        self._flights: dict[Hashable, Future[Any]] = {}
        self.hits = 0
        self.misses = 0

    def __len__(self) -> int:
        """How many answers are kept."""
        with self._lock:
            self._drop_old()
            return len(self._kept)

    def get(self, key: Hashable, make: Callable[[], T], rows: Callable[[T], int]) -> T:
        """What is kept under ``key``, else what ``make`` makes; ``rows`` is its size."""
        while True:
            with self._lock:
                self._drop_old()
                if found := self._kept.get(key):
                    self.hits += 1
                    return found[1]  # type: ignore[no-any-return]
                flight = self._flights.get(key)
                if flight is None:
                    mine = self._flights[key] = Future()
                    self.misses += 1
                    break
            try:
                answer: T = flight.result()
            except QueryStoppedError:
                # Its client went away, not ours.
                continue
            with self._lock:
                self.hits += 1
            return answer
        return self._make(key, mine, make, rows)

    def _make(self, key: Hashable, mine: "Future[Any]", make: Callable[[], T], rows: Callable[[T], int]) -> T:
        try:
            answer = make()
        except BaseException as error:
            with self._lock:
                del self._flights[key]
            mine.set_exception(error)
            raise
        with self._lock:
            del self._flights[key]
            self._keep(key, answer, rows(answer))
        mine.set_result(answer)
        return answer

    def _keep(self, key: Hashable, answer: object, size: int) -> None:
        if self._ttl_seconds <= 0 or size > self._max_rows:
            return
        self._kept[key] = (self._clock() + self._ttl_seconds, answer, size)
        while sum(kept[2] for kept in self._kept.values()) > self._max_rows:
            self._kept.pop(next(iter(self._kept)))

    def _drop_old(self) -> None:
        now = self._clock()
        # The oldest stand first: all live equally long.
        while self._kept and next(iter(self._kept.values()))[0] <= now:
            self._kept.pop(next(iter(self._kept)))
