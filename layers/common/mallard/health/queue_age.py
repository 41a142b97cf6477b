"""How old what waits in the local queue is: what is older than a few flushes says that they do not get through."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime

LOOKED_AT = 20
"""Of the oldest messages: a whole row that cannot be read would be set aside by the next flush."""


def age_seconds(oldest: Iterable[bytes], now: datetime) -> float:
    """How long the first readable one of these messages waits at ``now``; 0 where there is none."""
    for body in oldest:
        try:
            accepted = datetime.fromtimestamp(int(json.loads(body)["accepted_ms"]) / 1000, UTC)
        except (ValueError, TypeError, KeyError, OverflowError, OSError):
            continue
        return max(0.0, (now - accepted).total_seconds())
    return 0.0
