"""A token bucket per site."""

import math
from collections import OrderedDict

MAX_BUCKETS = 10_000


class RateLimit:
    """Up to ``per_second`` events a second and site, with a burst of one second's worth; 0 is no limit."""

    def __init__(self, per_second: int) -> None:
        self._per_second = per_second
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_seconds(self, site_id: str, now_ms: int) -> int:
        """0 where the event may pass (and is counted), else whole seconds until one may."""
        if not self._per_second:
            return 0
        tokens, then = self._buckets.pop(site_id, (float(self._per_second), now_ms))
        tokens = min(float(self._per_second), tokens + max(0, now_ms - then) * self._per_second / 1000)
        passes = tokens >= 1
        self._buckets[site_id] = (tokens - 1 if passes else tokens, now_ms)
        if len(self._buckets) > MAX_BUCKETS:
            self._buckets.popitem(last=False)
        return 0 if passes else max(1, math.ceil((1 - tokens) / self._per_second))
