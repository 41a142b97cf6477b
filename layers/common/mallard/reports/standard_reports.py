"""The overview and its parts: headline, series and breakdowns, with comparisons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import zip_longest
from typing import Any

from mallard.engine.base import Engine, QueryResult
from mallard.engine.request_snapshot import needs_since
from mallard.engine.visitor_query import VisitorQuery
from mallard.errors import QueryError
from mallard.reports.preset_counts import count_presets
from mallard.stats.comparison import change
from mallard.stats.date_range import MAX_SERIES_DAYS, DateRange, read_period
from mallard.stats.dimensions import DIMENSIONS, TOTAL
from mallard.stats.filters import Filter
from mallard.stats.grouping import GroupQuery
from mallard.stats.metrics import METRICS
from mallard.stats.query import DAY, HOUR, Query

BREAKDOWNS = tuple(DIMENSIONS)
OVERVIEW_BREAKDOWNS = ("pages", "sources", "browsers", "os", "devices", "countries")

HEADLINE = {
    "unique_visitors": "visitors",
    "total_pageviews": "pageviews",
    "bounce_rate": "bounce_rate",
    "avg_visit_duration_secs": "visit_duration",
    "pages_per_visit": "pages_per_visitor",
    "visits": "visits",
    "views_per_visit": "views_per_visit",
    "events": "events",
}
"""The seed's names of the headline's metrics; its pages per visit are page views per visitor."""

_NOTHING = {"visitors": 0, "pageviews": 0}

Rows = Sequence[Mapping[str, Any]]
_Buckets = Sequence[tuple[str, str]]
"""The value of a step of a series as it is counted, and its label in the answer."""


@dataclass(frozen=True, slots=True)
class _ReportPart:
    """One list of numbers of a report, whatever its site and range."""

    metrics: tuple[str, ...]
    dimension: str = TOTAL
    limit: int | None = None

    def query(self, scope: "Scope", period: DateRange) -> Query:
        return Query(scope.site_id, period, self.metrics, self.dimension, scope.filters, self.limit)


_MAIN = _ReportPart(tuple(HEADLINE.values()))


@dataclass(frozen=True, slots=True)
class Scope:
    """The site, range and filter of a report; ``before`` is an earlier range to compare with."""

    site_id: str
    period: DateRange
    filters: Filter | None = None
    before: DateRange | None = None


@dataclass(frozen=True, slots=True)
class OverviewReport:
    """All numbers of a dashboard page; ``counted`` has the days read from rollups and from events."""

    period: DateRange
    main: dict[str, Any]
    timeseries: list[dict[str, Any]]
    breakdowns: dict[str, list[dict[str, Any]]]
    counted: dict[str, int]


@dataclass(frozen=True, slots=True)
class Stats:
    """Reports of one engine at a moment."""

    engine: Engine
    now: datetime
    _events_from: list[date] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def events_from(self) -> date | None:
        """Of days before it, some that were asked for so far have counts and no events any more; None: of no day."""
        return max(self._events_from, default=None)

    def count(self, queries: Sequence[Query]) -> QueryResult:
        """As of ``count_presets``, noting from when events are there."""
        return self._noted(count_presets(self.engine, queries))

    def group(self, query: GroupQuery) -> QueryResult:
        """As of the engine, noting from when events are there."""
        return self._noted(self.engine.group(query))

    def visitor_query(self, visitor_query: VisitorQuery) -> QueryResult:
        """As of the engine, noting from when events are there."""
        return self._noted(self.engine.visitor_query(visitor_query))

    def _noted(self, answer: QueryResult) -> QueryResult:
        if answer.events_from is not None:
            self._events_from.append(answer.events_from)
        return answer

    def zone(self, site_id: str) -> str:
        """The name of the zone that is in force today."""
        zones = self.engine.zones(site_id)
        return zones.name_on(zones.local_date(self.now))

    def main(self, scope: Scope) -> dict[str, Any]:
        """The headline numbers; rates and averages are 0 where there is nothing to divide by."""
        (rows,), (before,), _ = self._counted(scope, [_MAIN])
        return self._headline(scope, rows, before)

    def current_visitors(self, site_id: str, filters: Filter | None = None) -> int | None:
        """Distinct visitors of the last five minutes; None where times are rounded to the hour."""
        if self.engine.rounds_times:
            return None
        period = read_period("realtime", None, None, self.now, self.engine.zones(site_id))
        query = Query(site_id, period, ("visitors",), filters=filters)
        return int(self.count([query]).rows[0][0]["visitors"])

    def timeseries(self, scope: Scope) -> list[dict[str, Any]]:
        """Visitors and page views per hour or day, buckets without any included."""
        scope = _short_enough(self.with_first_date(scope))
        (rows,), (before,), _ = self._counted(scope, [_series(scope.period)])
        return self._filled(scope, rows, before)

    def breakdown(self, scope: Scope, name: str, limit: int) -> list[dict[str, Any]]:
        """The top values of a dimension of BREAKDOWNS, by visitors, then value."""
        (rows,), (before,), _ = self._counted(scope, [_breakdown(name, limit)])
        return _listed(rows, before)

    def overview(self, scope: Scope, limit: int = 10, names: Sequence[str] = OVERVIEW_BREAKDOWNS) -> OverviewReport:
        """Headline, series and breakdowns of one site and range, counted together, and current visitors."""
        scope = _short_enough(self.with_first_date(scope))
        parts = [_MAIN, _series(scope.period), *(_breakdown(name, limit) for name in names)]
        (main, series, *lists), (main_before, series_before, *lists_before), counted = self._counted(scope, parts)
        return OverviewReport(
            scope.period,
            self._headline(scope, main, main_before),
            self._filled(scope, series, series_before),
            {name: _listed(now, before) for name, now, before in zip(names, lists, lists_before, strict=True)},
            counted,
        )

    def _counted(
        self, scope: Scope, parts: Sequence[_ReportPart]
    ) -> tuple[list[Rows], list[Rows | None], dict[str, int]]:
        """Rows of all parts, rows of the earlier range (of the same values), and days by way of counting."""
        if scope.before:
            needs_since(scope.site_id, scope.before.start - timedelta(days=1))
        answer = self.count([each.query(scope, scope.period) for each in parts])
        before: list[Rows | None] = [None] * len(parts)
        if scope.before:
            same = [
                replace(each.query(scope, scope.before), limit=None, only=_values(each, rows))
                for each, rows in zip(parts, answer.rows, strict=True)
            ]
            before = list(self.count(same).rows)
        return list(answer.rows), before, answer.counted

    def _headline(self, scope: Scope, rows: Rows, before: Rows | None) -> dict[str, Any]:
        numbers = _named(rows[0])
        current = {"current_visitors": self.current_visitors(scope.site_id, scope.filters)}
        if before is None:
            return {**numbers, **current}
        comparison = _named(before[0])
        return {**numbers, **current, "comparison": comparison, "change": change(comparison, numbers)}

    def with_first_date(self, scope: Scope) -> Scope:
        """The scope with the first date of events where its range has an open start."""
        return replace(scope, period=self.with_first_day(scope.site_id, scope.period))

    def with_first_day(self, site_id: str, period: DateRange) -> DateRange:
        """The range from the first date of events on, where its start is open."""
        if not period.open_start:
            return period
        today = self.engine.zones(site_id).local_date(self.now)
        return replace(period, start=self.engine.first_date(site_id, today))

    def _filled(self, scope: Scope, rows: Rows, before: Rows | None) -> list[dict[str, Any]]:
        """Every bucket of the range; the first of the earlier range stands beside the first, and so on."""
        found = self._buckets(scope.site_id, scope.period, rows)
        if before is None or scope.before is None:
            return found
        beside = self._buckets(scope.site_id, scope.before, before)
        # An hour more or less, where the clock was changed, has nothing beside it.
        return [
            {**each, "previous": _views(other)} if other else each
            for each, other in zip_longest(found, beside[: len(found)])
        ]

    def _buckets(self, site_id: str, period: DateRange, rows: Rows) -> list[dict[str, Any]]:
        counted = {row["value"]: row for row in rows}
        buckets = self._hours(site_id, period) if period.hourly else _days(period)
        return [{"date": label, **_views(counted.get(value, _NOTHING))} for value, label in buckets]

    def _hours(self, site_id: str, period: DateRange) -> _Buckets:
        """The local hours of a period, up to now where it looks back from now."""
        since, now = period.since, self.now.astimezone(UTC).replace(tzinfo=None)
        hours = [
            (moment.replace(tzinfo=None), label)
            for moment, label in self.engine.zones(site_id).hours(period.start, period.end)
        ]
        if since is not None:
            hours = [hour for hour in hours if since - timedelta(hours=1) < hour[0] <= now]
        return [(f"{moment:%Y-%m-%d %H:%M}", label) for moment, label in hours]


def _short_enough(scope: Scope) -> Scope:
    days = (scope.period.end - scope.period.start).days
    if days > MAX_SERIES_DAYS:
        raise QueryError(f"The range has {days} days, but a series may have {MAX_SERIES_DAYS}; ask for fewer.")
    return scope


def _values(part: _ReportPart, rows: Rows) -> frozenset[str] | None:
    return frozenset(row["value"] for row in rows if not is_rest(row)) if part.dimension in DIMENSIONS else None


def _series(period: DateRange) -> _ReportPart:
    return _ReportPart(("visitors", "pageviews"), HOUR if period.hourly else DAY)


def _breakdown(name: str, limit: int) -> _ReportPart:
    return _ReportPart(("visitors", "pageviews"), name, limit)


def _named(counts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: METRICS[metric].value(counts) for name, metric in HEADLINE.items()}


def _views(row: Mapping[str, Any]) -> dict[str, int]:
    return {name: row[name] for name in ("visitors", "pageviews")}


def _listed(rows: Rows, before: Rows | None) -> list[dict[str, Any]]:
    listed = [{"value": row["value"], **_views(row), **marked(row)} for row in rows]
    if before is None:
        return listed
    known = {(row["value"], is_rest(row)): row for row in before}
    return [
        {**each, "previous": _views(known.get((row["value"], is_rest(row)), _NOTHING))}
        for each, row in zip(listed, rows, strict=True)
    ]


def is_rest(row: Mapping[str, Any]) -> bool:
    """True for the row of the values that rollups dropped."""
    return bool(row.get("is_rest"))


def marked(row: Mapping[str, Any]) -> dict[str, bool]:
    """The mark of such a row in a report: a value may read the same."""
    return {"other": True} if is_rest(row) else {}


def _days(period: DateRange) -> _Buckets:
    days: list[date] = [period.start + timedelta(days=n) for n in range((period.end - period.start).days)]
    return [(day.isoformat(), day.isoformat()) for day in days]
