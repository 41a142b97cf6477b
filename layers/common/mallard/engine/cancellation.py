"""Cancellation of queries by timeout or disconnect, and their admission queue."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar

from mallard.errors import QueryBusyError, QueryStoppedError, QueryTooLongError

AT_ONCE = 2
"""Queries that count events at a time: more would share the same memory and cores."""

ANONYMOUS_AT_ONCE = 1
"""Of those, queries of anonymous readers; the rest is reserved for the owner."""

MAX_WAITING = 32
WAIT_STEP_SECONDS = 0.1


class Cancellation:
    """Ends what runs in its name; ``stop()`` may come from any thread, once or often."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[Callable[[], object]] = set()
        self._reason: type[QueryStoppedError] | None = None

    def stop(self, reason: type[QueryStoppedError] = QueryStoppedError) -> None:
        """Interrupt running statements; later ones end at once. The first reason is reported."""
        with self._lock:
            was_stopped = self._reason is not None
            self._reason = self._reason or reason
        if not was_stopped:
            self._interrupt()
            threading.Thread(target=self._insist, name="query-stop", daemon=True).start()

    def _interrupt(self) -> bool:
        with self._lock:
            running = tuple(self._running)
        for interrupt in running:
            interrupt()
        return bool(running)

    def _insist(self) -> None:
        """Interrupt again: DuckDB ignores an interrupt just before a statement begins."""
        while self._interrupt():
            time.sleep(WAIT_STEP_SECONDS)

    def check(self) -> None:
        """Raise where this was stopped."""
        if self._reason:
            raise self._reason(_SENTENCES.get(self._reason, "The query was stopped."))

    @contextmanager
    def interrupting(self, interrupt: Callable[[], object]) -> Iterator[None]:
        """Inside, ``stop()`` calls ``interrupt``."""
        with self._lock:
            self._running.add(interrupt)
        try:
            # It may have come in between.
            self.check()
            yield
        finally:
            with self._lock:
                self._running.discard(interrupt)


_SENTENCES: dict[type[QueryStoppedError], str] = {
    QueryTooLongError: "The query takes longer than MALLARD_QUERY_SECONDS; ask for fewer days."
}

CURRENT: ContextVar[Cancellation | None] = ContextVar("mallard.query.stop", default=None)
"""The cancellation of the current request; None without one."""


IS_ANONYMOUS: ContextVar[bool] = ContextVar("mallard.query.is_anonymous", default=False)
"""True where the current request has neither a session nor an API key."""


def current_stop() -> Cancellation:
    """The cancellation of the current request, or one that never stops."""
    return CURRENT.get() or Cancellation()


class AdmissionQueue:
    """Admits ``at_once`` queries at a time and queues ``waiting`` more. QueryBusyError where the queue is full."""

    def __init__(self, at_once: int = AT_ONCE, waiting: int = MAX_WAITING) -> None:
        """Semaphores decide the order, not arrival."""
        self._free = threading.Semaphore(at_once)
        self._anonymous = threading.Semaphore(min(at_once, ANONYMOUS_AT_ONCE))
        self._places = threading.Semaphore(at_once + waiting)

    @contextmanager
    def turn(self, stop: Cancellation) -> Iterator[None]:
        """Wait for a place, and hold it inside; a query stopped while waiting leaves the queue."""
        if not self._places.acquire(blocking=False):
            raise QueryBusyError("Too many queries wait already; ask again in some seconds.")
        try:
            with _acquired(self._anonymous, stop) if IS_ANONYMOUS.get() else nullcontext(), _acquired(self._free, stop):
                yield
        finally:
            self._places.release()


@contextmanager
def _acquired(places: threading.Semaphore, stop: Cancellation) -> Iterator[None]:
    while not places.acquire(timeout=WAIT_STEP_SECONDS):
        stop.check()
    try:
        yield
    finally:
        places.release()
