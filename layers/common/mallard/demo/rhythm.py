"""Demo traffic over time: shape of day and week, growth, and noise between days."""

from collections.abc import Sequence
from datetime import date
from itertools import accumulate

import numpy as np

from mallard.demo.choice import Floats, Ints

DAY_MS = 86_400_000
_HOUR_MS = 3_600_000

# Relative traffic by hour of UTC: readers of Europe by day, of the Americas in its evening.
_HOURS = (
    2.6, 2.2, 1.8, 1.5, 1.4, 1.7, 2.6, 4.0, 5.2, 5.8, 5.7, 5.3,
    5.4, 6.2, 6.8, 6.9, 6.5, 5.7, 5.0, 4.7, 4.6, 4.2, 3.6, 3.0,
)  # fmt: skip
_WEEK = (1.06, 1.1, 1.12, 1.08, 0.96, 0.62, 0.66)
_GROWTH_PER_DAY = 0.003
_NOISE = 0.06

_EDGES_MS = np.arange(25) * _HOUR_MS
_PASSED = np.array([0.0, *accumulate(_HOURS)]) / sum(_HOURS)


def passed_share(ms: int) -> float:
    """The share of a day's traffic that comes in its first ``ms`` milliseconds."""
    return float(np.interp(ms, _EDGES_MS, _PASSED))


def draw_clock(rng: np.random.Generator, count: int, limit_ms: int) -> Floats:
    """``count`` times of day in ms, from midnight up to ``limit_ms``, dense where the day is busy."""
    return np.interp(rng.random(count) * passed_share(limit_ms), _PASSED, _EDGES_MS)


def split_events(rng: np.random.Generator, dates: Sequence[date], events: int, last_ms: int) -> list[int]:
    """The number of ``events`` of each date; of the last date only ``last_ms`` milliseconds have passed.

    Their sum is exactly ``events``: whole parts first, the rest to the largest remainders (Hamilton's method).
    """
    week = np.array([_WEEK[day.weekday()] for day in dates])
    weight = week * np.exp(_GROWTH_PER_DAY * np.arange(len(dates)) + rng.normal(0.0, _NOISE, len(dates)))
    weight[-1] *= max(passed_share(last_ms + 1), 1e-12)
    exact = weight / weight.sum() * events
    counts: Ints = np.floor(exact).astype(np.int64)
    by_remainder = np.argsort(counts - exact, kind="stable")
    counts[by_remainder[: events - int(counts.sum())]] += 1
    return [int(count) for count in counts]
