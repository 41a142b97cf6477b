"""What an instance read of the store and believes for a few seconds: so long a revocation may take to be known."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

KEPT_SECONDS = 5
"""How long an instance may act on what was changed elsewhere: what is revoked is dead within this time everywhere."""

MAX_KEPT = 1000

Value = TypeVar("Value")


class TtlCache(Generic[Value]):
    """Values by name, read again when they are KEPT_SECONDS old. ``clock`` is monotonic seconds."""

    def __init__(self, read: Callable[[str], Value], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._read = read
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, Value]] = {}

    def get(self, name: str) -> Value:
        """The value, at most KEPT_SECONDS behind the store. Raises what reading raises."""
        kept = self._kept.get(name)
        # Its age counts from before the read: what comes back may be as old as the question.
        asked = self._clock()
        if kept is not None and asked - kept[0] < KEPT_SECONDS:
            return kept[1]
        value = self._read(name)
        self._keep(name, asked, value)
        return value

    def put(self, name: str, value: Value) -> None:
        """Keep what was just written here."""
        self._keep(name, self._clock(), value)

    def forget(self, name: str) -> None:
        """Read it anew next time."""
        with self._lock:
            self._kept.pop(name, None)

    def _keep(self, name: str, asked: float, value: Value) -> None:
        with self._lock:
            before = self._kept.pop(name, None)
            # A slow reader does not put back what was replaced while it read.
            self._kept[name] = before if before is not None and before[0] > asked else (asked, value)
            while len(self._kept) > MAX_KEPT:
                self._kept.pop(next(iter(self._kept)))
