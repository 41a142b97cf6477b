"""Age of the oldest message in the local queue."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime

LOOKED_AT = 20
"""Of the oldest messages: a whole row that cannot be read would be set aside by the next flush."""


def age_seconds(oldest: Iterable[bytes], now: datetime) -> float:
    """Seconds that the first readable message has waited at ``now``; 0 without one."""
    for body in oldest:
        try:
            accepted = datetime.fromtimestamp(int(json.loads(body)["accepted_ms"]) / 1000, UTC)
        except (ValueError, TypeError, KeyError, OverflowError, OSError):
            continue
        return max(0.0, (now - accepted).total_seconds())
    return 0.0
