"""Durations and failures of queries since the process started."""

from mallard.observability.histogram import Histogram


class QueryCounts:
    """Filled by the middleware that times queries, read by the health endpoints and the metrics."""

    def __init__(self) -> None:
        """Zero."""
        self.durations = Histogram()
        self.failures = 0
