"""The metrics: what each is made of, one definition for every report."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

MEASURES = (
    "visitors",
    "visits",
    "bounces",
    "landings",
    "duration_ms",
    "visit_pageviews",
    "pageviews",
    "events",
)
"""What is counted, in events and rollups alike; over days all of it adds up.

``visits`` are those with an event that the filter lets pass, ``visit_pageviews`` all of theirs, ``duration_ms`` theirs.
``landings`` are the visits that ``bounces`` are a part of: all, but under a filter on pages those that entered there.
"""

Counts = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Metric:
    """``value`` makes a number of a row's measures; 0 where there is nothing to divide by."""

    value: Callable[[Counts], float]
    of_visits: bool


def _measure(name: str, *, of_visits: bool = False) -> Metric:
    return Metric(lambda counts: counts[name], of_visits)


def _ratio(part: str, whole: str, scale: int = 1) -> Callable[[Counts], float]:
    return lambda counts: counts[part] / (counts[whole] * scale) if counts[whole] else 0.0


METRICS = {
    "visitors": _measure("visitors"),
    "pageviews": _measure("pageviews"),
    "events": _measure("events"),
    "visits": _measure("visits", of_visits=True),
    # A fraction of visits.
    "bounce_rate": Metric(_ratio("bounces", "landings"), of_visits=True),
    # Seconds.
    "visit_duration": Metric(_ratio("duration_ms", "visits", 1000), of_visits=True),
    "views_per_visit": Metric(_ratio("visit_pageviews", "visits"), of_visits=True),
    "pages_per_visitor": Metric(_ratio("pageviews", "visitors"), of_visits=False),
}
