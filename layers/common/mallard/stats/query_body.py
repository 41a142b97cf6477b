"""Reader of a v2 query's JSON body."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from mallard.errors import QueryError
from mallard.sites.site_id import read_site
from mallard.sites.time_zone import SiteZones
from mallard.stats.body_fields import read_object as _object
from mallard.stats.body_fields import refuse as _refuse
from mallard.stats.date_range import DateRange
from mallard.stats.dimensions import OF_EVENTS, OF_VISITS, PROPS
from mallard.stats.filter_reader import Segments
from mallard.stats.filters import read_filters
from mallard.stats.grouping import DAY, HOUR, MONTH, TIMES, WEEK, Order
from mallard.stats.metric_formulas import QUERY_METRICS
from mallard.stats.query_checks import check_query
from mallard.stats.query_kinds import KINDS, Kind, read_kind
from mallard.stats.query_range import CUSTOM, MODES, read_comparison, read_range
from mallard.stats.stats_query import MAX_ROWS, StatsQuery, is_dimension

TIME = "time"
JSON = "json"
FORMATS = (JSON, "csv", "parquet")
_ROWS = ("metrics", "dimensions", "order_by", "pagination", "explain")
KEYS = ("site_id", "date_range", "filters", "include", "format", *_ROWS, *KINDS)
INCLUDED = ("time_labels", "total_rows", "imports", "comparisons", "compare")
MAX_DIMENSIONS = 10
MAX_OFFSET = 10_000_000
INTERVALS = ((timedelta(days=2), HOUR), (timedelta(days=41), DAY), (timedelta(days=53 * 7), WEEK))
"""The longest range of each interval that ``time`` may mean."""


@dataclass(frozen=True, slots=True)
class QueryBody:
    """A query, and what its answer includes besides rows.

    With a ``kind`` the query has no metrics, and is answered by that. ``form`` is one of FORMATS.
    """

    query: StatsQuery
    time_labels: bool = False
    total_rows: bool = False
    explain: bool = False
    kind: Kind | None = None
    form: str = JSON


def read_body_site(given: Any) -> str:
    """The site of a body, before anything else of it is read. QueryError, or what ``read_site`` raises."""
    if not isinstance(given, Mapping):
        _refuse("The body", given, 'an object such as {"site_id": "example.com", "metrics": ["visitors"], …}')
    if not isinstance(given.get("site_id"), str):
        _refuse("site_id", given.get("site_id"), "a site id such as example.com")
    return read_site(given["site_id"])


def read_body(
    given: Mapping[str, Any],
    now: datetime,
    zones: SiteZones,
    segments: Segments | None = None,
    first_date: Callable[[], date] | None = None,
) -> QueryBody:
    """The query of a body. QueryError names the field, its value and what is allowed.

    ``segments`` as of ``read_filters``; ``first_date`` is that of the site's events.
    """
    for key in given:
        if key not in KEYS:
            raise QueryError(f"{key[:40]!r} is no field of a query; there are {', '.join(KEYS)}.")
    kind = read_kind(given)
    metrics = () if kind else _names(given.get("metrics"), "metrics", QUERY_METRICS)
    period = read_range(given.get("date_range"), now, zones)
    dimensions = _dimensions(given.get("dimensions", []), period, first_date)
    if given.get("filters", []) is None:
        _refuse("filters", None, "a list of filters")
    query = StatsQuery(
        read_body_site(given),
        metrics,
        period,
        dimensions,
        read_filters(given.get("filters"), segments, strict=True),
        _order(given.get("order_by", []), metrics, dimensions, given.get("dimensions", [])),
    )
    page = _page(given.get("pagination", {}))
    query = replace(query, limit=page.get("limit", MAX_ROWS), offset=page.get("offset", 0))
    check_query(query)
    include = _object(given.get("include", {}), "include", INCLUDED)
    for name in ("time_labels", "total_rows", "imports"):
        if not isinstance(include.get(name, False), bool):
            _refuse(f"include.{name}", include[name], "true or false")
    if not isinstance(given.get("explain", False), bool):
        _refuse("explain", given["explain"], "true or false")
    if include.get("time_labels") and query.time is None:
        raise QueryError("include.time_labels is true, but dimensions has no dimension of time.")
    return QueryBody(
        replace(query, before=_comparison(include, period, now, zones)),
        time_labels=include.get("time_labels", False),
        total_rows=include.get("total_rows", False),
        explain=given.get("explain", False),
        kind=kind,
        form=_format(given, include),
    )


def _format(given: Mapping[str, Any], include: Mapping[str, Any]) -> str:
    form = given.get("format", JSON)
    if not isinstance(form, str) or form not in FORMATS:
        _refuse("format", form, f"one of {', '.join(FORMATS)}")
    facts = [("explain", given), ("time_labels", include), ("total_rows", include)]
    for name, fields in facts:
        if form != JSON and fields.get(name):
            raise QueryError(f"{name} is true, but format is {form}, which has rows only; ask for {JSON}.")
    return form


def _names(given: Any, place: str, known: Sequence[str]) -> tuple[str, ...]:
    if not isinstance(given, list) or not given:
        _refuse(place, given, f"a list with some of {', '.join(known)}")
    for number, each in enumerate(given):
        if not isinstance(each, str) or each not in known:
            _refuse(f"{place}[{number}]", each, f"one of {', '.join(known)}")
        if given.count(each) > 1:
            raise QueryError(f"{place} has {each} more than once.")
    return tuple(given)


def _dimensions(given: Any, period: DateRange, first_date: Callable[[], date] | None) -> tuple[str, ...]:
    if not isinstance(given, list) or len(given) > MAX_DIMENSIONS:
        _refuse("dimensions", given, f"a list of at most {MAX_DIMENSIONS} dimensions")
    for number, each in enumerate(given):
        if not isinstance(each, str) or not (each == TIME or is_dimension(each)):
            allowed = ", ".join((*OF_EVENTS, f"{PROPS}<key>", *OF_VISITS, TIME, *TIMES))
            _refuse(f"dimensions[{number}]", each, f"one of {allowed}")
        if given.count(each) > 1:
            raise QueryError(f"dimensions has {each} more than once.")
    if TIME in given and period.open_start and first_date:
        period = replace(period, start=min(first_date(), period.end - timedelta(days=1)))
    found = tuple(_interval(period) if each == TIME else each for each in given)
    if sum(name in TIMES for name in found) > 1:
        raise QueryError("dimensions has more than one dimension of time.")
    return found


def _interval(period: DateRange) -> str:
    """The interval of ``time``: hours of up to two days, then days, weeks of up to a year, else months."""
    if period.since is not None and period.until is not None:
        length = period.until - period.since
    else:
        length = period.end - period.start
    for most, interval in INTERVALS:
        if length <= most:
            return interval
    return MONTH


def _order(
    given: Any, metrics: tuple[str, ...], dimensions: tuple[str, ...], written: Sequence[str]
) -> tuple[Order, ...]:
    if not isinstance(given, list):
        _refuse("order_by", given, 'a list such as [["visitors", "desc"]]')
    known = (*metrics, *dimensions)
    found = []
    for number, each in enumerate(given):
        place = f"order_by[{number}]"
        if not isinstance(each, list) or len(each) != 2 or each[1] not in ("asc", "desc"):
            _refuse(place, each, '[a metric or dimension, "asc" or "desc"]')
        name = dimensions[list(written).index(TIME)] if each[0] == TIME and TIME in written else each[0]
        if name not in known:
            _refuse(f"{place}[0]", each[0], f"one of the query's own metrics and dimensions: {', '.join(known)}")
        found.append(Order(name, descending=each[1] == "desc"))
    return tuple(found)


def _page(given: Any) -> dict[str, int]:
    found = _object(given, "pagination", ("limit", "offset"))
    bounds = {"limit": (1, MAX_ROWS), "offset": (0, MAX_OFFSET)}
    for name, value in found.items():
        least, most = bounds[name]
        if type(value) is not int or not least <= value <= most:
            _refuse(f"pagination.{name}", value, f"a whole number from {least} to {most}")
    return found


def _comparison(include: Mapping[str, Any], period: DateRange, now: datetime, zones: SiteZones) -> DateRange | None:
    name = "comparisons" if "comparisons" in include else "compare"
    if "comparisons" in include and "compare" in include:
        raise QueryError("include has comparisons and compare, which are two names of one thing.")
    given = include.get(name)
    if given is None:
        return None
    place = f"include.{name}"
    if isinstance(given, str):
        given = {"mode": given}
    found = _object(given, place, ("mode", "date_range", "match_day_of_week"))
    mode, weekdays = found.get("mode"), found.get("match_day_of_week", False)
    if mode not in MODES:
        _refuse(f"{place}.mode", mode, f"one of {', '.join(MODES)}")
    if not isinstance(weekdays, bool):
        _refuse(f"{place}.match_day_of_week", weekdays, "true or false")
    if ("date_range" in found) != (mode == CUSTOM):
        raise QueryError(f"{place}.date_range goes with the mode {CUSTOM}, and that with it.")
    return read_comparison(mode, found.get("date_range"), period, now, zones, same_weekdays=weekdays)
