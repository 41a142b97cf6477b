"""The runner of queries whose kind stands in place of metrics."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from mallard.engine.request_snapshot import needs_since
from mallard.errors import QueryError
from mallard.reports.behaviour.flow import EVERY_RUN, FlowQuery, flow, most_pages, run_counts
from mallard.reports.behaviour.funnel import Funnel, StepCount, funnel_counts
from mallard.reports.behaviour.funnel_sql import STRICT_ORDER
from mallard.reports.behaviour.pattern import in_order, parse_pattern
from mallard.reports.behaviour.retention import RetentionQuery, count_retention
from mallard.reports.behaviour.sequences import MIN_STEPS, SequenceQuery, sequences
from mallard.reports.behaviour.step_conditions import check_goals
from mallard.reports.behaviour.step_numbers import percentage, step_numbers
from mallard.reports.behaviour.step_objects import WITH_MONEY, Step, label_of
from mallard.reports.behaviour.steps import read_steps
from mallard.reports.behaviour.windows import read_window
from mallard.reports.standard_reports import Scope, Stats
from mallard.stats.dimensions import PAGE
from mallard.stats.filter_tree import CONTAINS, Filter
from mallard.stats.filter_values import written_leaf
from mallard.stats.metric_formulas import ratio
from mallard.stats.query import Query
from mallard.stats.query_kinds import FlowKind, FunnelKind, Kind, RetentionKind, SequenceKind
from mallard.stats.stats_query import StatsQuery

PAGES = 100
"""Of each list of a flow, where nothing is said."""


@dataclass(frozen=True, slots=True)
class KindAnswer:
    """``results`` as JSON, and those of the earlier range; ``query`` and ``events_from`` as of QueryAnswer."""

    query: StatsQuery
    results: Any
    before: Any = None
    events_from: date | None = None


class KindRunner:
    """Answers the kinds of queries over one engine."""

    def __init__(self, stats: Stats) -> None:
        self._stats = stats

    def answer(self, query: StatsQuery, kind: Kind, filters: Filter | None) -> KindAnswer:
        """The answer under ``filters``, which hold those of the query. QueryError for wrong steps; else as of
        ``Engine.count``.
        """
        query = replace(query, filters=filters, period=self._stats.with_first_day(query.site_id, query.period))
        report = _report(self._stats, kind)
        goals = self._stats.engine.site_settings.get(query.site_id).goals
        check_goals(report.steps, goals, f"{kind.name}.steps")
        scope, before = Scope(query.site_id, query.period, filters), None
        if query.before:
            needs_since(query.site_id, query.before.start - timedelta(days=1))
        results = report.results(scope)
        if query.before:
            before = report.results(replace(scope, period=query.before))
        return KindAnswer(query, results, before, self._stats.events_from)


class _FunnelReport:
    def __init__(self, stats: Stats, kind: FunnelKind) -> None:
        self._stats = stats
        steps = read_steps(kind.steps, "funnel.steps", keys=WITH_MONEY)
        self.steps = steps
        self._labels = [label_of(each) for each in kind.steps]
        modes = frozenset({STRICT_ORDER} if kind.strict_order else ())
        self._funnel = Funnel(steps, read_window(kind.window, "funnel.window"), modes)

    def results(self, scope: Scope) -> dict[str, Any]:
        counts = funnel_counts(self._stats, scope, self._funnel, with_money=True)[None]
        # After the steps, so that all of their visitors are among them.
        everybody = Query(scope.site_id, scope.period, ("visitors",), filters=scope.filters, events_only=True)
        all_visitors = int(self._stats.count([everybody]).rows[0][0]["visitors"])
        entering = counts[0].visitors
        never = all_visitors - entering
        numbers = step_numbers([each.visitors for each in counts])
        return {
            "all_visitors": all_visitors,
            "entering_visitors": entering,
            "entering_visitors_percentage": percentage(entering, all_visitors),
            "never_entering_visitors": never,
            "never_entering_visitors_percentage": percentage(never, all_visitors),
            "steps": [
                {"label": label, **row, **_money(count)}
                for label, row, count in zip(self._labels, numbers, counts, strict=True)
            ],
        }


class _FlowReport:
    def __init__(self, stats: Stats, kind: FlowKind) -> None:
        self._stats, self._kind = stats, kind
        steps = read_steps(kind.steps, "flow.steps", at_least=0, keys=("page",))
        self.steps = steps
        self._labels = [label_of(each) for each in kind.steps]
        most, limit = most_pages(kind.depth), kind.limit
        if limit is not None and limit > most:
            raise QueryError(f"flow.limit is {limit}, but must be at most {most} where flow.depth is {kind.depth}.")
        self._flow = FlowQuery(
            steps,
            of_page=True,
            direction=kind.direction,
            base=EVERY_RUN,
            depth=kind.depth,
            limit=limit or min(PAGES, most),
            search=_search_forms(kind.search),
        )

    def results(self, scope: Scope) -> dict[str, Any]:
        if not self._kind.with_funnel:
            return {"next": flow(self._stats, scope, self._flow)}
        numbers = step_numbers(run_counts(self._stats, scope, self._flow))
        wanted = ("visitors", "dropoff", "conversion_rate", "conversion_rate_step")
        return {
            "funnel": [
                {"page": page, **{name: row[name] for name in wanted}}
                for page, row in zip(self._labels, numbers, strict=True)
            ]
        }


def _search_forms(search: str | None) -> tuple[str, ...]:
    """The text as it is written and as rows hold it."""
    return written_leaf(CONTAINS, PAGE, [search]).values if search is not None else ()


class _RetentionReport:
    def __init__(self, stats: Stats, kind: RetentionKind) -> None:
        self._stats = stats
        self.steps: tuple[Step, ...] = ()
        self._retention = RetentionQuery(kind.interval, kind.count)

    def results(self, scope: Scope) -> list[dict[str, Any]]:
        return count_retention(self._stats, scope, self._retention)


class _SequenceReport:
    def __init__(self, stats: Stats, kind: SequenceKind) -> None:
        self._stats = stats
        steps = read_steps(kind.steps, "sequence.steps", at_least=MIN_STEPS)
        pattern, count = kind.pattern, len(steps)
        actions = in_order(count) if pattern is None else parse_pattern(pattern, count, "sequence.pattern")
        self.steps = steps
        self._sequence = SequenceQuery(steps, actions)

    def results(self, scope: Scope) -> dict[str, Any]:
        return sequences(self._stats, scope, self._sequence)


_Report = _FunnelReport | _FlowReport | _RetentionReport | _SequenceReport


def _report(stats: Stats, kind: Kind) -> _Report:
    match kind:
        case FunnelKind():
            return _FunnelReport(stats, kind)
        case FlowKind():
            return _FlowReport(stats, kind)
        case RetentionKind():
            return _RetentionReport(stats, kind)
        case SequenceKind():
            return _SequenceReport(stats, kind)


def _money(count: StepCount) -> dict[str, Any]:
    """The payments of a step, and those of one of its visitors on average; none where no currency is asked for."""
    if count.currency is None:
        return {}
    amounts = {"revenue": count.cents, "revenue_per_visitor": int(ratio(count.cents, count.visitors) or 0)}
    return {name: {"value": cents / 100, "currency": count.currency} for name, cents in amounts.items()}
