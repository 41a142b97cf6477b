"""When a query ends before its end: its seconds are over, its client has gone, or too many wait already."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar

from mallard.errors import QueryBusyError, QueryStoppedError, QueryTooLongError

AT_ONCE = 2
"""Queries that count events at a time: more would share the same memory and cores."""

STRANGERS_AT_ONCE = 1
"""Of those, queries of public sites and shared links: the other place is the owner's."""

MAX_WAITING = 32
WAIT_STEP_SECONDS = 0.1


class Cancellation:
    """Ends what runs in its name; ``stop()`` may come from any thread, once or often."""

    def __init__(self) -> None:
        """Nothing is stopped yet."""
        self._lock = threading.Lock()
        self._running: set[Callable[[], object]] = set()
        self._reason: type[QueryStoppedError] | None = None

    def stop(self, reason: type[QueryStoppedError] = QueryStoppedError) -> None:
        """Interrupt what runs; what is begun later ends at once. The first reason is the one that is told."""
        with self._lock:
            begun = self._reason is not None
            self._reason = self._reason or reason
        if not begun:
            self._interrupt()
            threading.Thread(target=self._insist, name="query-stop", daemon=True).start()

    def _interrupt(self) -> bool:
        with self._lock:
            running = tuple(self._running)
        for interrupt in running:
            interrupt()
        return bool(running)

    def _insist(self) -> None:
        """An interrupt that comes just before a statement begins is forgotten by it."""
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
"""What ends the request that is being answered; None: nothing does."""


IS_STRANGER: ContextVar[bool] = ContextVar("mallard.query.is_stranger", default=False)
"""True where the request that is being answered is of somebody who is not the owner, nor has a key."""


def current_stop() -> Cancellation:
    """That of the request, or one that nobody stops."""
    return CURRENT.get() or Cancellation()


class AdmissionQueue:
    """Lets ``at_once`` in at a time and ``waiting`` wait. QueryBusyError where the line is full."""

    def __init__(self, at_once: int = AT_ONCE, waiting: int = MAX_WAITING) -> None:
        """Everybody waits in the order of the operating system."""
        self._free = threading.Semaphore(at_once)
        self._strangers = threading.Semaphore(min(at_once, STRANGERS_AT_ONCE))
        self._places = threading.Semaphore(at_once + waiting)

    @contextmanager
    def turn(self, stop: Cancellation) -> Iterator[None]:
        """Inside it is this query's turn; who is stopped while waiting leaves the line."""
        if not self._places.acquire(blocking=False):
            raise QueryBusyError("Too many queries wait already; ask again in some seconds.")
        try:
            with _acquired(self._strangers, stop) if IS_STRANGER.get() else nullcontext(), _acquired(self._free, stop):
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
