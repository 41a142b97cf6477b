"""Token bucket of wrong passwords over all addresses of a process."""

import threading
from math import ceil

BURST = 60
PER_SECOND = 1.0


class GuessThrottle:
    """BURST failures at once, then PER_SECOND. Times are seconds since 1970."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tokens = float(BURST)
        self._then = 0.0

    def wait_seconds(self, now: float) -> int:
        """0 where an attempt may be made, else the whole seconds until one may."""
        with self._lock:
            self._fill(now)
            return 0 if self._tokens >= 1 else max(1, ceil((1 - self._tokens) / PER_SECOND))

    def fail(self, now: float) -> None:
        """Count a wrong password."""
        with self._lock:
            self._fill(now)
            self._tokens = max(0.0, self._tokens - 1)

    def _fill(self, now: float) -> None:
        # A clock that is set back gives nothing, and takes nothing away for long.
        self._tokens = min(float(BURST), self._tokens + max(0.0, now - self._then) * PER_SECOND)
        self._then = now
