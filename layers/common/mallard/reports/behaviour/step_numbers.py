"""Numbers between the steps of a funnel: dropoff and conversion rates."""

from collections.abc import Sequence
from typing import Any

from mallard.stats.metric_formulas import ratio


def percentage(part: int, whole: int) -> float:
    """Of ``whole``, with up to two decimals; 0 of nothing."""
    return float(ratio(part, whole, 100, 2) or 0)


def step_numbers(visitors: Sequence[int]) -> list[dict[str, Any]]:
    """``visitors``, ``dropoff``, ``dropoff_percentage``, ``conversion_rate`` and ``conversion_rate_step`` of each step.

    Of the first step there is no dropoff and no rate from the step before, so both are 0.
    """
    found = []
    for number, count in enumerate(visitors):
        before = visitors[number - 1] if number else count
        found.append(
            {
                "visitors": count,
                "dropoff": before - count,
                "dropoff_percentage": percentage(before - count, before),
                "conversion_rate": percentage(count, visitors[0]),
                "conversion_rate_step": percentage(count, before) if number else 0.0,
            }
        )
    return found
