"""A part of the process that is built at its first use."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

_building = threading.RLock()
"""One for all parts: two threads that import packages with circular imports could meet half-initialised modules."""


class LatePart(Generic[T]):
    """Builds a part once, in the thread that needs it first; others wait. What ``build`` raises passes through.

    ``build`` imports its modules itself: a process that never needs the part never loads them.
    """

    def __init__(self, build: Callable[[], T]) -> None:
        self._build = build
        self._part: T | None = None

    def __call__(self) -> T:
        """The part. After an error the next call tries again."""
        if self._part is None:
            with _building:
                if self._part is None:
                    self._part = self._build()
        return self._part

    @property
    def built(self) -> T | None:
        """The part, None where it has not been needed yet."""
        return self._part
