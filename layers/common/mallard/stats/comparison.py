"""Comparison with an earlier range, and the change of each metric."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from mallard.errors import QueryError
from mallard.stats.date_range import DateRange
from mallard.stats.metrics import METRICS

COMPARISONS = ("previous_period", "year_over_year")


def earlier(period: DateRange, comparison: str) -> DateRange:
    """The range as long as ``period`` just before it, or from the same date a year ago. QueryError: there is none."""
    if period.since is not None or period.open_start:
        raise QueryError("compare needs a range with a first and a last day: not period realtime or all.")
    length = period.end - period.start
    start = period.start - length if comparison == "previous_period" else _year_before(period.start)
    return replace(period, start=start, end=start + length)


def change(before: Mapping[str, float], now: Mapping[str, float]) -> dict[str, float]:
    """Per metric: whole percent (0 to something is 100), for rates percentage points with one decimal.

    The names are those of METRICS, or of numbers that are no rates.
    """
    return {
        name: _points(before[name], now[name]) if _is_rate(name) else percent_change(before[name], now[name])
        for name in now
    }


def _is_rate(name: str) -> bool:
    return name in METRICS and METRICS[name].is_rate


def percent_change(before: float, now: float) -> int:
    """Whole percent; 100 from 0 to something."""
    if not before:
        return 100 if now else 0
    return round(100 * (now - before) / before)


def _points(before: float, now: float) -> float:
    return round(100 * (now - before), 1)


def _year_before(day: date) -> date:
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        # The 29th of February has none.
        return day.replace(year=day.year - 1, day=28)
