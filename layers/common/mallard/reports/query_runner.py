"""The runner of queries: counts, divisors, comparison, order and page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from mallard.engine.base import Explanation, QueryResult
from mallard.engine.request_snapshot import needs_since
from mallard.reports.standard_reports import Stats
from mallard.stats.comparison import percent_change
from mallard.stats.dimensions import GOAL, PAGE, PROPS
from mallard.stats.filter_tree import Filter
from mallard.stats.grouping import Grouping, GroupQuery, Order, Values
from mallard.stats.metric_formulas import POINTS, SHARES, MeasureValues, formula, is_mixed, ratio
from mallard.stats.stats_query import StatsQuery, without_conversions
from mallard.stats.time_buckets import label_of, time_buckets

GROUP_RATE, RATE, PERCENTAGE, EXIT_RATE = "group_conversion_rate", "conversion_rate", "percentage", "exit_rate"

SORTED_HERE = (GROUP_RATE, EXIT_RATE)
"""Metrics whose divisor differs between rows, and is not known to the statement that counts them."""


@dataclass(frozen=True, slots=True)
class QueryRow:
    """One row: the labels of its dimensions, its metrics, and the same of the earlier range with the changes."""

    dimensions: tuple[str, ...]
    metrics: tuple[Any, ...]
    before: "QueryRow | None" = None
    changes: tuple[Any, ...] | None = None


@dataclass(frozen=True, slots=True)
class QueryAnswer:
    """One page of rows; ``total_rows`` are those of all pages; ``counted``: days by way of counting.

    ``query`` is as it was answered, from the first date of events where its range had an open start. ``time_labels``
    are of all buckets of its dimension of time. ``mixed_money``: metrics that are None in some row, as the payments
    have several currencies. Of days before ``events_from`` some have counts and no events any more.
    """

    query: StatsQuery
    rows: tuple[QueryRow, ...]
    total_rows: int
    counted: Mapping[str, int]
    time_labels: tuple[str, ...] = ()
    mixed_money: tuple[str, ...] = ()
    events_from: date | None = None


@dataclass(frozen=True, slots=True)
class _Page:
    """Rows as the engine counts them, with the values that tell them apart, and their metrics."""

    keys: tuple[Values, ...]
    metrics: tuple[tuple[Any, ...], ...]
    total: int
    result: QueryResult


class QueryRunner:
    """Answers a StatsQuery over one engine."""

    def __init__(self, stats: Stats) -> None:
        self._stats = stats

    def answer(self, query: StatsQuery, filters: Filter | None) -> QueryAnswer:
        """The answer under ``filters``, which hold those of the query. Errors as of ``Engine.group``."""
        query = replace(query, filters=filters, period=self._stats.with_first_day(query.site_id, query.period))
        if query.before:
            needs_since(query.site_id, query.before.start - timedelta(days=1))
        zones = self._stats.engine.zones(query.site_id)
        labels = [label for _, label in time_buckets(query.period, query.time, zones)] if query.time else []
        page = self._page(query)
        rows = [
            QueryRow(self._labels(query, key), metrics) for key, metrics in zip(page.keys, page.metrics, strict=True)
        ]
        if query.before:
            rows = self._compared(query, page, rows)
        mixed = {name for row in page.result.rows[0] for name in query.metrics if is_mixed(name, row)}
        return QueryAnswer(
            query,
            tuple(rows),
            page.total,
            page.result.counted,
            tuple(labels),
            tuple(sorted(mixed)),
            self._stats.events_from,
        )

    def explain(self, query: StatsQuery) -> Explanation:
        """The way the rows of an answered query are counted, divisors and comparison aside."""
        return self._stats.engine.explain(
            GroupQuery(query.site_id, query.period, (self._grouping(query, None),), query.filters)
        )

    def _page(self, query: StatsQuery, only: frozenset[Values] | None = None) -> _Page:
        main = self._grouping(query, only)
        sorts_here = any(each.key in SORTED_HERE for each in query.full_order) and only is None
        if sorts_here:
            main = replace(main, order=(), sorts=(), limit=None, offset=0)
        whole = Grouping()
        groupings = (main, whole) if PERCENTAGE in query.metrics else (main,)
        found = self._stats.group(GroupQuery(query.site_id, query.period, groupings, query.filters))
        divisors = self._divisors(query, found.rows[1][0]["visitors"] if PERCENTAGE in query.metrics else 0)
        keys = tuple(_key_of(row, len(query.dimensions)) for row in found.rows[0])
        metrics = tuple(self._metrics(query, key, row, divisors) for key, row in zip(keys, found.rows[0], strict=True))
        if sorts_here:
            keys, metrics = _sorted(query, keys, metrics)
        return _Page(keys, metrics, found.totals[0], found)

    def _grouping(self, query: StatsQuery, only: frozenset[Values] | None) -> Grouping:
        formulas = {name: formula(name, query.dimensions) for name in query.metrics}
        measures = {measure for each in formulas.values() for measure in each.measures}
        sorts = tuple((name, each.sql) for name, each in formulas.items())
        grouping = Grouping(query.dimensions, tuple(sorted(measures)), query.full_order, sorts)
        if grouping.has_rows_without_events:
            grouping = replace(grouping, measures=tuple(sorted({*measures, "events", "visitors"})))
        if only is not None:
            return replace(grouping, only=only)
        return replace(grouping, limit=query.limit, offset=query.offset)

    def _divisors(self, query: StatsQuery, whole: int) -> dict[str, dict[Values, int]]:
        """Visitors that shares divide by: by metric, then by the values of the dimensions that tell groups apart."""
        divisors: dict[str, dict[Values, int]] = {PERCENTAGE: {(): whole}}
        groupings = {RATE: Grouping(), GROUP_RATE: Grouping(_group(query.dimensions))}
        wanted = [name for name in groupings if name in query.metrics]
        if EXIT_RATE in query.metrics:
            views = Grouping((PAGE,), ("pageviews",))
            (rows,) = self._stats.group(GroupQuery(query.site_id, query.period, (views,), query.filters)).rows
            divisors[EXIT_RATE] = {_key_of(row, 1): row["pageviews"] for row in rows}
        if not wanted:
            return divisors
        filters = without_conversions(query.filters)
        asked = tuple(groupings[name] for name in wanted)
        found = self._stats.group(GroupQuery(query.site_id, query.period, asked, filters))
        for name, grouping, rows in zip(wanted, asked, found.rows, strict=True):
            divisors[name] = {_key_of(row, len(grouping.dimensions)): row["visitors"] for row in rows}
        return divisors

    def _metrics(
        self, query: StatsQuery, key: Values, row: MeasureValues, divisors: Mapping[str, Mapping[Values, int]]
    ) -> tuple[Any, ...]:
        return tuple(
            self._share(query, name, key, row, divisors[name])
            if name in SHARES
            else formula(name, query.dimensions).value(row)
            for name in query.metrics
        )

    def _share(
        self, query: StatsQuery, name: str, key: Values, row: MeasureValues, divisors: Mapping[Values, int]
    ) -> float | int | None:
        if name == EXIT_RATE:
            return ratio(row["visits"], divisors.get(key, 0), 100, 1)
        group = _group_key(query, key) if name == GROUP_RATE else ()
        return ratio(row["visitors"], divisors.get(group, 0), 100, 2)

    def _labels(self, query: StatsQuery, key: Values) -> tuple[str, ...]:
        zones = self._stats.engine.zones(query.site_id)
        return tuple(
            label_of(value, name, zones) if name == query.time else value
            for name, value in zip(query.dimensions, key, strict=True)
        )

    def _compared(self, query: StatsQuery, page: _Page, rows: Sequence[QueryRow]) -> list[QueryRow]:
        """Rows beside those of the earlier range: of the same values, and of the bucket at the same place."""
        assert query.before is not None
        earlier = replace(query, period=query.before, before=None)
        zones = self._stats.engine.zones(query.site_id)
        keys = list(page.keys)
        places: dict[str, str] = {}
        if query.time:
            now, before = (time_buckets(each.period, query.time, zones) for each in (query, earlier))
            places = {key: other for (key, _), (other, _) in zip(now, before, strict=False)}
            if query.dimensions == (query.time,) and not query.offset:
                keys, rows = self._with_empty(query, [key for key, _ in now], dict(zip(page.keys, rows, strict=True)))
        beside = [_beside(query, key, places) for key in keys]
        wanted = frozenset(each for each in beside if each is not None)
        found = self._page(earlier, wanted)
        by_key = dict(zip(found.keys, found.metrics, strict=True))
        empty = self._empty(query)
        compared = []
        for row, key in zip(rows, beside, strict=True):
            if key is None:
                compared.append(row)
                continue
            metrics = by_key.get(key, empty)
            changes = tuple(
                change(name, *pair) for name, *pair in zip(query.metrics, metrics, row.metrics, strict=True)
            )
            compared.append(replace(row, before=QueryRow(self._labels(query, key), metrics), changes=changes))
        return compared

    def _with_empty(
        self, query: StatsQuery, buckets: Sequence[str], rows: Mapping[Values, QueryRow]
    ) -> tuple[list[Values], list[QueryRow]]:
        """Every bucket, in the order of the answer."""
        keys: list[Values] = [(key,) for key in buckets]
        empty = self._empty(query)
        found = [rows.get(key) or QueryRow(self._labels(query, key), empty) for key in keys]
        if query.full_order[0] != Order(str(query.time), descending=False):
            known = list(rows)
            keys = [*known, *(key for key in keys if key not in rows)]
            found = [rows.get(key) or QueryRow(self._labels(query, key), empty) for key in keys]
        return keys[: query.limit], found[: query.limit]

    def _empty(self, query: StatsQuery) -> tuple[Any, ...]:
        """The metrics of no events."""
        nothing = {name: 0 for each in query.metrics for name in formula(each, query.dimensions).measures}
        return self._metrics(query, (), nothing, {name: {} for name in SHARES})


def change(name: str, before: Any, now: Any) -> int | float | None:
    """Whole percent, or points with one decimal; None where a side is missing."""
    if isinstance(before, dict) and isinstance(now, dict):
        before, now = before["value"], now["value"]
    if not (isinstance(before, int | float) and isinstance(now, int | float)):
        return None
    if name in POINTS:
        return round(float(now - before), 1)
    return percent_change(before, now)


def _key_of(row: Mapping[str, Any], dimensions: int) -> Values:
    return tuple(row[f"key_{place}"] for place in range(dimensions))


def _group(dimensions: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in dimensions if name != GOAL and not name.startswith(PROPS))


def _group_key(query: StatsQuery, key: Values) -> Values:
    kept = _group(query.dimensions)
    return tuple(value for name, value in zip(query.dimensions, key, strict=False) if name in kept)


def _beside(query: StatsQuery, key: Values, places: Mapping[str, str]) -> Values | None:
    """The values of the row beside one; None where the earlier range has no bucket at its place."""
    found = [
        places.get(value) if name == query.time else value for name, value in zip(query.dimensions, key, strict=True)
    ]
    return None if None in found else tuple(str(each) for each in found)


def _sorted(
    query: StatsQuery, keys: Sequence[Values], metrics: Sequence[tuple[Any, ...]]
) -> tuple[tuple[Values, ...], tuple[tuple[Any, ...], ...]]:
    """One page of rows in the order of the query, missing values last."""
    pairs = sorted(zip(keys, metrics, strict=True), key=lambda pair: pair[0])
    for each in reversed(query.full_order):
        ordered = [(_sort_value(query, each, *pair), pair) for pair in pairs]
        present = [(value, pair) for value, pair in ordered if value is not None]
        present.sort(key=lambda item: item[0], reverse=each.descending)
        pairs = [*(pair for _, pair in present), *(pair for value, pair in ordered if value is None)]
    page = pairs[query.offset : query.offset + query.limit]
    return tuple(key for key, _ in page), tuple(found for _, found in page)


def _sort_value(query: StatsQuery, order: Order, key: Values, metrics: tuple[Any, ...]) -> Any:
    if order.key in query.dimensions:
        return key[query.dimensions.index(order.key)]
    value = metrics[query.metrics.index(order.key)]
    return value["value"] if isinstance(value, dict) else value
