"""Reader of Plausible's Stats API v1: its parameters as a query of v2."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from mallard.errors import QueryError
from mallard.sites.settings import Goal
from mallard.sites.time_zone import SiteZones
from mallard.stats.date_range import FIRST_DATE, DateRange
from mallard.stats.dimensions import GOAL, HOSTNAME, PROPS
from mallard.stats.filters import read_filters
from mallard.stats.grouping import DAY, HOUR, MONTH, Order, blank_of
from mallard.stats.query_body import MAX_OFFSET
from mallard.stats.query_range import read_comparison, read_range
from mallard.stats.stats_query import StatsQuery
from mallard.stats.v1_filters import is_v1_property, read_v1_filters
from mallard.stats.v1_metrics import read_v1_metrics

V1_PERIODS = ("day", "7d", "30d", "month", "6mo", "12mo", "custom")
MAX_V1_ROWS = 1000
V1_ROWS = 100
"""Of one page, where ``limit`` is not given."""

INTERVALS = {"day": DAY, "date": DAY, "month": MONTH}
PREVIOUS_PERIOD = "previous_period"

WITHOUT_MISSING = (
    *("visit:country", "visit:region", "visit:city", "visit:entry_page", "visit:exit_page"),
    *(f"visit:utm_{each}" for each in ("source", "medium", "campaign", "content", "term")),
)
"""Properties whose breakdowns have no row for a missing value."""

WITH_NAME = {"visit:browser_version": "visit:browser", "visit:os_version": "visit:os"}
"""Properties whose breakdowns tell versions of different names apart."""


LAST_DATE = date(9000, 1, 1)
"""Some room before the end of the calendar, for the day and the month after it."""

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class V1Parameters:
    """The parameters of a request as they were sent; None for those that were not."""

    site_id: str
    period: str | None = None
    date: str | None = None
    metrics: str | None = None
    filters: str | None = None
    interval: str | None = None
    compare: str | None = None
    property: str | None = None
    limit: str | None = None
    page: str | None = None


@dataclass(frozen=True, slots=True)
class V1Query:
    """``query`` counts more metrics than ``names`` where an order needs it; ``keys`` are those of its dimensions."""

    query: StatsQuery
    names: tuple[str, ...]
    keys: tuple[str, ...] = ()


def read_v1_aggregate(given: V1Parameters, now: datetime, zones: SiteZones, goals: Sequence[Goal]) -> V1Query:
    """The query of one row. QueryError names the parameter and what is allowed."""
    query, names = _query(given, now, zones, goals)
    if given.compare is None:
        return V1Query(query, names)
    if given.compare != PREVIOUS_PERIOD:
        raise QueryError(f"Error parsing `compare` parameter: `{given.compare[:40]}` is not `{PREVIOUS_PERIOD}`.")
    before = read_comparison(PREVIOUS_PERIOD, None, query.period, now, zones)
    return V1Query(replace(query, before=before), names)


def read_v1_timeseries(given: V1Parameters, now: datetime, zones: SiteZones, goals: Sequence[Goal]) -> V1Query:
    """The query of a row for each bucket of time that has events. QueryError as above."""
    query, names = _query(given, now, zones, goals)
    time = _interval(given)
    metrics = tuple("group_conversion_rate" if each == "conversion_rate" else each for each in names)
    return V1Query(replace(query, metrics=metrics, dimensions=(time,)), names, ("date",))


def read_v1_breakdown(given: V1Parameters, now: datetime, zones: SiteZones, goals: Sequence[Goal]) -> V1Query:
    """The query of a row for each value of a property. QueryError as above."""
    dimension = _property(given.property)
    query, names = _query(given, now, zones, goals, dimension)
    limit = _whole(given.limit, V1_ROWS, MAX_V1_ROWS)
    if limit is None:
        raise QueryError(f"Please provide limit as a number between 1 and {MAX_V1_ROWS}.")
    page = _whole(given.page, 1, MAX_OFFSET // MAX_V1_ROWS)
    if page is None:
        raise QueryError("Please provide page as a positive number.")
    dimensions = (WITH_NAME[dimension], dimension) if dimension in WITH_NAME else (dimension,)
    metrics = tuple(_of_rows(each, dimension) for each in names)
    if metrics == ("time_on_page",):
        metrics = (*metrics, "visitors")
    order = Order(next(each for each in metrics if each != "time_on_page"), descending=True)
    found = replace(
        query, metrics=metrics, dimensions=dimensions, order=(order,), limit=limit, offset=(page - 1) * limit
    )
    return V1Query(found, names, tuple(_key(each) for each in dimensions))


def read_v1_period(period: str | None, given: str | None, now: datetime, zones: SiteZones) -> DateRange:
    """The range of ``period`` and ``date``: relative to the date, today's by default. QueryError says what is wrong."""
    word = "30d" if period is None else period
    if word not in V1_PERIODS:
        raise QueryError(
            f"Error parsing `period` parameter: invalid period `{word[:40]}`. Valid periods are"
            f" {', '.join(V1_PERIODS)}."
        )
    if word == "custom":
        return _custom(given, now, zones)
    day = zones.local_date(now) if given is None else _single(given)
    if word == "day":
        return DateRange(day, day + timedelta(days=1), hourly=True)
    if word == "month":
        first = day.replace(day=1)
        return DateRange(first, (first + timedelta(days=32)).replace(day=1))
    return read_range(word, zones.day_start(day), zones)


def _query(
    given: V1Parameters, now: datetime, zones: SiteZones, goals: Sequence[Goal], dimension: str | None = None
) -> tuple[StatsQuery, tuple[str, ...]]:
    period = read_v1_period(given.period, given.date, now, zones)
    written = read_v1_filters(given.filters, goals)
    names = read_v1_metrics(given.metrics, dimension, [each[1] for each in written])
    if dimension in WITHOUT_MISSING:
        written.append(["is_not", dimension, [blank_of(str(dimension))]])
    return StatsQuery(given.site_id, names, period, filters=read_filters(written)), names


def _custom(given: str | None, now: datetime, zones: SiteZones) -> DateRange:
    if given is None:
        raise QueryError("The `date` parameter is required when using a custom period.")
    dates = [each.strip() for each in given.split(",")]
    if len(dates) != 2 or not all(_is_date(each) for each in dates):
        raise QueryError(
            "Invalid format for `date` parameter. When using a custom period, please include two ISO-8601 formatted"
            " dates joined by a comma."
        )
    return read_range(dates, now, zones, "date")


def _single(given: str) -> date:
    if _is_date(given) and FIRST_DATE <= date.fromisoformat(given) < LAST_DATE:
        return date.fromisoformat(given)
    fault = "invalid_date" if _DATE.fullmatch(given) else "invalid_format"
    raise QueryError(f"Error parsing `date` parameter: {fault}. Please specify a valid date in ISO-8601 format.")


def _is_date(text: str) -> bool:
    try:
        return bool(_DATE.fullmatch(text) and date.fromisoformat(text))
    except ValueError:
        return False


def _interval(given: V1Parameters) -> str:
    """The dimension of time: hours of a day, months of months, else days."""
    if given.interval is None:
        return {"day": HOUR, "6mo": MONTH, "12mo": MONTH}.get(given.period or "", DAY)
    if given.interval not in INTERVALS:
        raise QueryError(
            f"Error parsing `interval` parameter: invalid interval `{given.interval[:40]}`. Valid intervals are"
            " `day`, `month`"
        )
    return INTERVALS[given.interval]


def _property(given: str | None) -> str:
    if given is None:
        raise QueryError(
            "The `property` parameter is required. Please provide at least one property to show a breakdown by."
        )
    if given == HOSTNAME:
        raise QueryError(f"Property '{HOSTNAME}' is currently not supported for breakdowns.")
    if not is_v1_property(given):
        raise QueryError(
            f"Invalid property '{given[:80]}'. Please provide a valid property for the breakdown endpoint."
        )
    return given


def _of_rows(metric: str, dimension: str) -> str:
    """A conversion rate is of all visitors by goal or property of an event, else of those of its row."""
    if metric == "conversion_rate" and dimension != GOAL and not dimension.startswith(PROPS):
        return "group_conversion_rate"
    return metric


def _key(dimension: str) -> str:
    return dimension.removeprefix(PROPS) if dimension.startswith(PROPS) else dimension.partition(":")[2]


def _whole(given: str | None, default: int, most: int) -> int | None:
    """The number from 1 to ``most`` that a text is; None for another text."""
    if given is None:
        return default
    if not re.fullmatch(r"\d{1,9}", given, re.ASCII) or not 1 <= int(given) <= most:
        return None
    return int(given)
