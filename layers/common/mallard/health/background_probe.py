"""Runs a probe in a background thread and returns its latest result within a timeout."""

import logging
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from mallard.errors import MallardError
from mallard.observability.fault_description import kind_and_place

log = logging.getLogger("mallard.health")

T = TypeVar("T")


class BackgroundProbe(Generic[T]):
    """Runs ``find`` in a thread; ``otherwise`` stands for an error, and for a result that is not there yet."""

    def __init__(self, find: Callable[[], T], otherwise: T) -> None:
        self._find = find
        self._otherwise = otherwise
        self._result = otherwise
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def begin(self) -> None:
        """Start a probe, unless one is running."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="health", daemon=True)
                self._thread.start()

    def found(self, seconds: float) -> T:
        """The latest result, waited for at most so many seconds."""
        # Another request may be starting it, and what has not begun cannot be waited for.
        with self._lock:
            thread = self._thread
        if thread is None:
            return self._otherwise
        thread.join(max(0.0, seconds))
        return self._otherwise if thread.is_alive() else self._result

    def _run(self) -> None:
        try:
            self._result = self._find()
        except MallardError as error:
            log.warning("not ready: %s", error)
            self._result = self._otherwise
        except Exception as error:  # the end of this thread would go unnoticed
            log.warning("not ready: %s", kind_and_place(error))
            self._result = self._otherwise
