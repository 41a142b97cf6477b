"""Filter that limits repeated log lines per minute and counts the rest."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

MOST_LINES = 20
"""Of one kind, in a window."""

WINDOW_SECONDS = 60
MOST_KINDS = 1000


class LogFloodFilter(logging.Filter):
    """Lets MOST_LINES lines of a kind pass in a window, from warnings up; the first of the next says how many did not.

    A kind is a logger and a text before values are put in: requests and their ids do not matter.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._lock = threading.Lock()
        self._kinds: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        """False where a line is one too many."""
        if record.levelno < logging.WARNING:
            return True
        with self._lock:
            seen, suppressed = self._count((record.name, str(record.msg)))
        if suppressed:
            record.msg, record.args = f"{record.getMessage()} (and {suppressed} more like it before)", ()
        return seen <= MOST_LINES

    def _count(self, kind: tuple[str, str]) -> tuple[int, int]:
        """Lines of a kind in this window, and at its first one those that the window before it kept back."""
        now = self._clock()
        began, seen = self._kinds.pop(kind, (now, 0))
        suppressed = 0
        if now - began >= WINDOW_SECONDS:
            began, seen, suppressed = now, 0, max(0, seen - MOST_LINES)
        self._kinds[kind] = began, seen + 1
        if len(self._kinds) > MOST_KINDS:
            self._kinds.popitem(last=False)
        return seen + 1, suppressed
