"""Retention: cohorts of visitors by first interval, and their returns in later intervals."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from mallard.engine.visitor_query import TopValues, VisitorQuery
from mallard.errors import QueryError
from mallard.privacy.rotation import Rotation, known_rotation, last_date
from mallard.reports.behaviour.sql_texts import sql_file
from mallard.reports.standard_reports import Scope, Stats
from mallard.stats.date_range import DateRange
from mallard.stats.dimensions import TOTAL
from mallard.stats.query import Query

MAX_INTERVALS = 800
BITS = 62
"""Of a number that has one for each interval; more of them need a longer row of bits."""

_LONGER = {
    ("day", "day"): "MALLARD_VISITOR_ROTATION=week or month lets them last",
    ("day", "week"): "MALLARD_VISITOR_ROTATION=month lets them last",
    ("week", "day"): "MALLARD_VISITOR_ROTATION=month lets them last",
    ("week", "week"): "MALLARD_VISITOR_ROTATION=month lets them last",
}
"""Advice by interval and rotation."""


@dataclass(frozen=True, slots=True)
class RetentionQuery:
    """``count`` intervals, the cohort's own the first of them; ``breakdown`` as in a funnel."""

    interval: str = "week"
    count: int = 4
    breakdown: str | None = None
    limit: int = 10


def count_retention(stats: Stats, scope: Scope, retention: RetentionQuery) -> list[dict[str, Any]]:
    """A row for each interval of the range, those without visitors too: its date and size, and from it on whether and
    how many were seen, also in percent with one decimal. A cohort that no later interval can see again says why in
    its ``note``.

    With a breakdown ``{"value", "cohorts"}`` of each value, by visitors, then value. QueryError where a filter or
    breakdown names what there is not, and for more than MAX_INTERVALS.
    """
    scope = stats.with_first_date(scope)
    starts = list(_starts(scope.period, retention.interval))
    rotation = known_rotation(stats.engine.store)
    found = _counted(stats, scope, retention, starts)
    listed = {
        value: [_row(rows.get(number), number, starts, retention, rotation) for number in range(len(starts) - 1)]
        for value, rows in found.items()
    }
    if retention.breakdown is None:
        return listed[None]
    by_value = [{"value": value, "cohorts": cohorts} for value, cohorts in listed.items()]
    by_value.sort(key=lambda row: (-sum(each["cohort_size"] for each in row["cohorts"]), row["value"]))
    return by_value[: retention.limit]


def _counted(
    stats: Stats, scope: Scope, retention: RetentionQuery, starts: list[date]
) -> dict[Any, dict[int, Mapping[str, Any]]]:
    """Rows by value and number of the interval."""
    query = Query(scope.site_id, scope.period, ("visitors",), retention.breakdown or TOTAL, scope.filters)
    sql = retention_sql(retention.interval, retention.count, len(starts) - 1, by_value=retention.breakdown is not None)
    top = TopValues(retention.limit, "size") if retention.breakdown is not None else None
    visitor_query = VisitorQuery(
        query, sql, keys=("value", "cohort"), values=(("begin", starts[0]),), top=top, of_days=True
    )
    found: dict[Any, dict[int, Mapping[str, Any]]] = {} if retention.breakdown else {None: {}}
    for row in stats.visitor_query(visitor_query).rows[0]:
        found.setdefault(row["value"], {})[row["cohort"]] = row
    return found


def retention_sql(interval: str, count: int, intervals: int, *, by_value: bool) -> str:
    """A SELECT whose rows are ``value, cohort, size, after_1, after_2 …``; ``$begin`` is the first interval's date."""
    if intervals + count <= BITS:
        seen, again = "bit_or(1::BIGINT << number)", "(seen >> (cohort + {0})) & 1 = 1"
    else:
        # With room for what comes after the last.
        seen, again = (
            f"bitstring_agg(number, 0, {intervals + count})",
            "get_bit(seen, CAST(cohort + {0} AS INTEGER)) = 1",
        )
    counts = [f"count(*) FILTER ({again.format(each)}) AS after_{each}" for each in range(1, count)]
    return sql_file("retention").format(
        value="value" if by_value else "CAST(NULL AS VARCHAR)",
        keys="value, visitor_id" if by_value else "visitor_id",
        interval=interval,
        seen=seen,
        counts=", ".join(counts) or "0 AS after_0",
    )


def _row(
    counted: Mapping[str, Any] | None, number: int, starts: list[date], retention: RetentionQuery, rotation: Rotation
) -> dict[str, Any]:
    size = counted["size"] if counted else 0
    # Intervals after the range have not been looked at.
    later = range(1, min(retention.count, len(starts) - 1 - number))
    visitors = [size, *(counted[f"after_{each}"] if counted else 0 for each in later)]
    row = {
        "cohort_date": starts[number],
        "cohort_size": size,
        "retained": [each > 0 for each in visitors],
        "visitors": visitors,
        "percentages": [round(100 * each / size, 1) if size else 0.0 for each in visitors],
    }
    note = None if any(visitors[1:]) else _note(starts[number], starts[number + 1], retention.interval, rotation)
    return {**row, "note": note} if note else row


def _note(start: date, end: date, interval: str, rotation: Rotation) -> str | None:
    """The reason for no returns of ``start <= date < end``, where visitor ids of it have expired by its end."""
    days = [start + timedelta(days=each) for each in range((end - start).days)]
    if max(last_date(rotation.salt_name(day)) for day in days) >= end:
        return None
    lasting = rotation.name_on(days[-1])
    advice = _LONGER.get((interval, lasting), "ask for a shorter interval")
    return (
        f"Visitor ids last a {lasting} and end before the next {interval}, so no visitor is recognized again: {advice}."
    )


def _starts(period: DateRange, interval: str) -> Iterator[date]:
    """The first dates of the intervals that a range touches, and of the one after."""
    start, count = _start(period.start, interval), 0
    while start < period.end:
        yield start
        count += 1
        if count > MAX_INTERVALS:
            raise QueryError(
                f"interval is {interval}, of which the range has over {MAX_INTERVALS}; ask for a longer one."
            )
        start = _next(start, interval)
    yield start


def _start(day: date, interval: str) -> date:
    if interval == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if interval == "month" else day


def _next(start: date, interval: str) -> date:
    if interval == "month":
        return _start(start + timedelta(days=31), interval)
    return start + timedelta(days=7 if interval == "week" else 1)
