"""Measures, which are summed, and metrics derived from them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measure:
    """A number of a group of events, of visits, or of both.

    ``of_events`` is its SQL aggregate over rows of ``matched`` (the events of the answer), ``of_visits`` over rows of
    ``visit`` (their visits, with ``bounced``, ``entered``, ``duration_ms``, ``visit_pageviews`` and, of the events of
    the answer, ``events`` and ``pageviews``; a row without ``visitor_id`` is an event that belongs to no visit); None:
    those do not tell it. ``merge`` is the aggregate that puts together
    the values of groups without a common visitor, ``type`` the SQL type of a value.
    """

    name: str
    of_events: str | None = None
    of_visits: str | None = None
    merge: str = "sum"
    type: str = "BIGINT"


_ALL = (
    Measure("visitors", of_events="count(DISTINCT visitor_id)", of_visits="count(DISTINCT visitor_id)"),
    # Visits with an event that the filter lets pass.
    Measure("visits", of_visits="count(visitor_id)"),
    Measure("bounces", of_visits="count(*) FILTER (bounced AND entered)"),
    # The visits that bounces are a part of: all, but under a filter on pages those that entered there.
    Measure("landings", of_visits="count(*) FILTER (entered)"),
    Measure("duration_ms", of_visits="sum(duration_ms)"),
    # All page views of the visits, whatever the filter says of single events.
    Measure("visit_pageviews", of_visits="sum(visit_pageviews)"),
    Measure("pageviews", of_events="count(*) FILTER (event_name = 'pageview')", of_visits="sum(pageviews)"),
    Measure("events", of_events="count(*)", of_visits="sum(events)"),
)

MONEY = (
    Measure("revenue", of_events="sum(revenue)", of_visits="sum(revenue)", type="DECIMAL(18, 2)"),
    # Equal where all amounts have one currency.
    Measure("currency_low", of_events="min(currency_low)", of_visits="min(currency_low)", merge="min", type="VARCHAR"),
    Measure(
        "currency_high", of_events="max(currency_high)", of_visits="max(currency_high)", merge="max", type="VARCHAR"
    ),
)
"""Measures that rollups keep and no report shows yet."""

MEASURES = {each.name: each for each in _ALL}
"""Measures that reports are made of, in events and rollups alike."""

Counts = Mapping[str, int]
"""The measures of one row."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A number that reports show: ``value`` makes it of a row's ``measures``; 0 where there is nothing to divide by.

    ``is_rate``: a fraction, whose change is told in percentage points.
    """

    measures: tuple[str, ...]
    value: Callable[[Counts], float]
    is_rate: bool = False

    @property
    def of_visits(self) -> bool:
        """True where events alone do not tell it."""
        return any(MEASURES[name].of_events is None for name in self.measures)


def _measure(name: str) -> Metric:
    return Metric((name,), lambda counts: counts[name])


def _ratio(part: str, whole: str, scale: int = 1, *, is_rate: bool = False) -> Metric:
    def value(counts: Counts) -> float:
        return counts[part] / (counts[whole] * scale) if counts[whole] else 0.0

    return Metric((part, whole), value, is_rate)


METRICS = {
    "visitors": _measure("visitors"),
    "pageviews": _measure("pageviews"),
    "events": _measure("events"),
    "visits": _measure("visits"),
    # A fraction of visits.
    "bounce_rate": _ratio("bounces", "landings", is_rate=True),
    # Seconds.
    "visit_duration": _ratio("duration_ms", "visits", 1000),
    "views_per_visit": _ratio("visit_pageviews", "visits"),
    "pages_per_visitor": _ratio("pageviews", "visitors"),
}


def measures_of(metrics: tuple[str, ...]) -> tuple[str, ...]:
    """The measures that these metrics are made of, in the table's order."""
    needed = {measure for name in metrics for measure in METRICS[name].measures}
    return tuple(name for name in MEASURES if name in needed)
