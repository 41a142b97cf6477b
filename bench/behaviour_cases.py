"""Cases of behaviour reports, with the fastest known ClickHouse queries."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bench.peer_chdb import GAP_MS, THREADS, Session
from mallard.reports.behaviour.funnel import Funnel, count_funnel
from mallard.reports.behaviour.retention import RetentionQuery, count_retention
from mallard.reports.behaviour.sessions import count_sessions
from mallard.reports.behaviour.steps import parse_steps
from mallard.reports.standard_reports import Scope, Stats

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
SHORT = ("page:/", "page:/pricing", "event:signup")
LONG = ("page:/", "page:/features", "page:/pricing", "page:/signup", "event:signup", "page:/welcome")
WEEKS = 4

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Case:
    """``ours`` and ``theirs`` answer the same rows, theirs from a table's source; ``limit``: of our share of their
    time. ``rolled``: ours is asked where the days have rollups. ``again``: ours is another case's, beside another form.
    """

    name: str
    limit: float
    ours: Callable[[Stats, Scope], Rows]
    theirs: Callable[[Session, str, Scope], Rows]
    rolled: bool = False
    again: bool = False


def peer_rows(session: Session, sql: str) -> Rows:
    """Answers of ClickHouse, with the same number of threads."""
    settings = f"SETTINGS max_threads = {THREADS}, output_format_json_quote_64bit_integers = 0"
    return [
        tuple(json.loads(line)) for line in str(session.query(f"{sql} {settings}", "JSONCompactEachRow")).splitlines()
    ]


def _funnel(steps: tuple[str, ...], window_ms: int) -> Callable[[Stats, Scope], Rows]:
    asked = Funnel(parse_steps(",".join(steps)), window_ms)
    return lambda stats, scope: [(row["step"], row["visitors"]) for row in count_funnel(stats, scope, asked)]


def _window_funnel(
    steps: tuple[str, ...], window_ms: int, *, plain: bool = False
) -> Callable[[Session, str, Scope], Rows]:
    """Rows that are no step are left out first, but where it is ``plain``: that saves ClickHouse a quarter."""
    conditions = [_condition(*step.split(":", 1)) for step in steps]
    given = ", ".join(f"ifNull({each}, 0)" for each in conditions)
    some_step = "true" if plain else " OR ".join(conditions)

    def rows(session: Session, source: str, scope: Scope) -> Rows:
        found = peer_rows(
            session,
            f"""
            SELECT level, count() FROM (
                SELECT windowFunnel({window_ms})(toUInt64(toUnixTimestamp64Milli(timestamp)), {given}) AS level
                FROM {source}
                WHERE event_name <> 'engagement' AND visitor_id IS NOT NULL AND ({some_step})
                GROUP BY visitor_id
            ) GROUP BY level""",
        )
        return [(step, sum(n for level, n in found if level >= step)) for step in range(1, len(steps) + 1)]

    return rows


def _condition(kind: str, value: str) -> str:
    return f"{'pathname' if kind == 'page' else 'event_name'} = '{value}'"


def _sessions(stats: Stats, scope: Scope) -> Rows:
    return [tuple(count_sessions(stats, scope).values())]


def _peer_sessions(session: Session, source: str, scope: Scope) -> Rows:
    """An array of numbers for each visitor: its time, and in the last bit whether it is a page view."""
    ((visits, duration_ms, pageviews),) = peer_rows(
        session,
        f"""
        SELECT count(), sum(intDiv(visit[-1], 2) - intDiv(visit[1], 2)), sum(arraySum(each -> each % 2, visit))
        FROM (
            SELECT arrayJoin(arraySplit(
                (each, gap) -> gap > {GAP_MS}, marks, arrayDifference(arrayMap(each -> intDiv(each, 2), marks))
            )) AS visit
            FROM (
                SELECT arraySort(groupArray(
                    toUnixTimestamp64Milli(timestamp) * 2 + (event_name = 'pageview')
                )) AS marks
                FROM {source} WHERE event_name <> 'engagement' AND visitor_id IS NOT NULL GROUP BY visitor_id
            )
        )""",
    )
    return [(visits, duration_ms / (visits * 1000), pageviews / visits)]


def _plain_sessions(session: Session, source: str, scope: Scope) -> Rows:
    """By window functions, as one would write it first: a visit's length is the sum of its gaps."""
    ((visits, duration_ms, pageviews),) = peer_rows(
        session,
        f"""
        SELECT countIf(gap > {GAP_MS}), sumIf(gap, gap <= {GAP_MS}), countIf(is_view) FROM (
            SELECT
                event_name = 'pageview' AS is_view,
                toUnixTimestamp64Milli(timestamp) AS moment,
                moment - lagInFrame(moment, 1, 0) OVER (
                    PARTITION BY visitor_id ORDER BY moment ROWS BETWEEN 1 PRECEDING AND CURRENT ROW
                ) AS gap
            FROM {source} WHERE event_name <> 'engagement' AND visitor_id IS NOT NULL
        )""",
    )
    return [(visits, duration_ms / (visits * 1000), pageviews / visits)]


def _retention(stats: Stats, scope: Scope) -> Rows:
    rows = count_retention(stats, scope, RetentionQuery("week", WEEKS))
    return [(row["cohort_size"], *row["visitors"][1:]) for row in rows]


def _peer_retention(session: Session, source: str, scope: Scope) -> Rows:
    """One ``retention`` for all cohorts: its first condition always holds, the others are the weeks."""
    begin, weeks = _weeks(scope)
    conditions = ", ".join(f"week = {each}" for each in range(weeks))
    found = peer_rows(
        session,
        f"""
        SELECT indexOf(seen, 1) AS cohort, count(), {", ".join(f"sum(seen[cohort + {n}])" for n in range(1, WEEKS))}
        FROM (
            SELECT arrayPopFront(retention(1, {conditions})) AS seen
            FROM (
                SELECT visitor_id, assumeNotNull(dateDiff('week', toDate('{begin}'), date)) AS week
                FROM {source} WHERE event_name <> 'engagement' AND visitor_id IS NOT NULL
            ) GROUP BY visitor_id
        ) GROUP BY cohort ORDER BY cohort""",
    )
    return [row[1 : 2 + min(WEEKS - 1, weeks - row[0])] for row in found]


def _weeks(scope: Scope) -> tuple[str, int]:
    """The Monday of the first, and how many there are."""
    begin = scope.period.start - timedelta(days=scope.period.start.weekday())
    return begin.isoformat(), -(-(scope.period.end - begin).days // 7)


CASES = (
    Case("sessions", 0.7, _sessions, _peer_sessions, rolled=True),
    Case("sessions, from events", 1.0, _sessions, _peer_sessions),
    Case("funnel of 3 steps, 1 day", 0.7, _funnel(SHORT, DAY_MS), _window_funnel(SHORT, DAY_MS)),
    Case("funnel of 3 steps, 1 hour", 0.7, _funnel(SHORT, HOUR_MS), _window_funnel(SHORT, HOUR_MS)),
    Case("funnel of 6 steps, 1 day", 0.7, _funnel(LONG, DAY_MS), _window_funnel(LONG, DAY_MS)),
    Case("funnel of 6 steps, 1 hour", 0.7, _funnel(LONG, HOUR_MS), _window_funnel(LONG, HOUR_MS)),
    Case("retention, 4 weeks", 1.0, _retention, _peer_retention),
    Case("sessions, from events, beside window functions", 0.7, _sessions, _plain_sessions, again=True),
    *(
        Case(
            f"funnel of {len(steps)} steps, {name}, beside the plain function",
            0.7,
            _funnel(steps, window_ms),
            _window_funnel(steps, window_ms, plain=True),
            again=True,
        )
        for steps in (SHORT, LONG)
        for name, window_ms in (("1 day", DAY_MS), ("1 hour", HOUR_MS))
    ),
)
