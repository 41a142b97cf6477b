"""Histogram of durations in fixed buckets."""

import threading
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
"""Upper bounds that suit a query of milliseconds and a flush of a minute alike."""


@dataclass(frozen=True, slots=True)
class HistogramCounts:
    """``at_most`` counts for each bound what was no longer, so the counts never fall; ``count`` counts all."""

    bounds: tuple[float, ...]
    at_most: tuple[int, ...]
    count: int
    sum_seconds: float


class Histogram:
    """Counts durations since the start of the process, from any thread."""

    def __init__(self, bounds: Sequence[float] = SECONDS) -> None:
        """``bounds`` ascend, in seconds."""
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum_seconds = 0.0
        self._lock = threading.Lock()

    def note(self, seconds: float) -> None:
        """One more."""
        with self._lock:
            self._counts[bisect_left(self._bounds, seconds)] += 1
            self._sum_seconds += seconds

    def counted(self) -> HistogramCounts:
        """All that was noted, at one moment."""
        with self._lock:
            counts, sum_seconds = tuple(self._counts), self._sum_seconds
        at_most = tuple(accumulate(counts))
        return HistogramCounts(self._bounds, at_most[:-1], at_most[-1], sum_seconds)
