"""Queries of any dimensions once more, in plain Python over rows in memory."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from itertools import product
from typing import Any

from mallard.event import ENGAGEMENT
from support.reference import (
    Matched,
    Row,
    Visit,
    day_of,
    entry,
    is_bounce,
    is_of_pages,
    judge,
    keeps,
    local_time,
    matched,
    pageviews_of,
    property_of,
    seconds_of,
    touched,
    value_of,
    visitors_of,
    visits_of,
)

Key = tuple[str, ...]

BLANK = {"visit:source": "Direct / None", "visit:referrer": "Direct / None", "visit:channel": "Direct"}


class QueryReference:
    """The rows of one site; each has the names of the ``goals`` it meets.

    Where the site's days are not those of UTC, each has its naive ``local`` time.
    """

    def __init__(self, rows: list[Row], start: date) -> None:
        """``start``: the first date of the range asked for."""
        self._rows = [dict(row) for row in rows if row["event_name"] != ENGAGEMENT]
        self._pings = [row for row in rows if row["event_name"] == ENGAGEMENT and row["visitor_id"] is not None]
        self._start = start
        self._shown: set[str] | None = None
        self._of_kept: dict[Key, list[Visit]] = {}
        self._visits = visits_of(self._rows)
        for ping in self._pings:
            visit = self._visit_of(ping)
            if visit is not None and ping.get("goals"):
                visit[0].setdefault("reaching", []).append(ping)

    def rows(self, metrics: Sequence[str], dimensions: Sequence[str], filters: list[Any]) -> dict[Key, list[Any]]:
        """The metrics of each combination of values."""
        named = [set(each[2]) for each in filters if each[:2] == ["is", "event:goal"]]
        self._shown = set.intersection(*named) if named else None
        pairs = self._matched(filters)
        self._of_kept = {}
        events: dict[Key, Matched] = defaultdict(list)
        counted = self._matched(filters, by_goal=True) if "event:goal" in dimensions else pairs
        for row, visit in counted:
            for key in self._keys(dimensions, row, visit):
                events[key].append((row, visit))
        visits: dict[Key, list[Visit]] = defaultdict(list)
        landing = [each for each in filters if is_of_pages(each)]
        if not any(name == "event:goal" or name == "event:name" or ":props:" in name for name in dimensions):
            kept = self._kept(filters, pairs) if is_of_visits(dimensions) else []
            for visit in (*touched(pairs), *kept):
                for key in self._keys(dimensions, entry(visit), visit):
                    visits[key].append(visit)
            self._of_kept = {key: [each for each in found if each in kept] for key, found in visits.items()}
        keys = {*events, *(key for key, each in self._of_kept.items() if each)} if dimensions else {()}
        whole = self._visitors([row for row, _ in pairs], self._kept(filters, pairs))
        return {
            key: [
                self._metric(name, dimensions, key, events[key], visits[key], landing, whole, filters)
                for name in metrics
            ]
            for key in keys
        }

    def _metric(
        self,
        name: str,
        dimensions: Sequence[str],
        key: Key,
        events: Matched,
        visits: list[Visit],
        landing: list[Any],
        whole: int,
        filters: list[Any],
    ) -> Any:
        rows = [row for row, _ in events]
        kept = self._of_kept.get(key, [])
        visitors = self._visitors(rows, kept)
        if name == "visitors":
            return visitors
        if name == "pageviews":
            return pageviews_of(rows)
        if name == "events":
            return sum(row["event_name"] != ENGAGEMENT for row in rows)
        if name == "visits":
            return len({id(visit) for _, visit in events if visit is not None}) + len(kept)
        if name == "percentage":
            return _rounded(100 * visitors, whole, 2)
        if name == "conversion_rate":
            return _rounded(100 * visitors, self._without_goals((), (), filters), 2)
        if name == "group_conversion_rate":
            return _rounded(100 * visitors, self._without_goals(dimensions, key, filters), 2)
        if name == "exit_rate":
            viewed = [row for row, _ in matched(self._rows, filters) if (row["pathname"] or "(not set)",) == key]
            return _rounded(100 * len(visits), pageviews_of(viewed), 1)
        if name in ("total_revenue", "average_revenue"):
            return _money(rows, is_average=name == "average_revenue")
        if name in ("scroll_depth", "time_on_page"):
            return self._engagement(name, dimensions, key, filters)
        landed = [visit for visit in visits if all(judge(each, entry(visit), visit) for each in landing)]
        if name == "bounce_rate":
            bounces = sum(map(is_bounce, landed))
            return _rounded(100 * bounces, len(landed), 0)
        if name == "visit_duration":
            lasting = sum(map(seconds_of, visits))
            return _rounded(int(lasting), len(visits), 0)
        assert name == "views_per_visit"
        return _rounded(sum(map(pageviews_of, visits)), len(visits), 2)

    def _engagement(self, name: str, dimensions: Sequence[str], key: Key, filters: list[Any]) -> int | None:
        """Of the pings of the last visit that had begun: the most of each visit, or its sum, on average."""
        answered = matched(self._rows, filters)
        with_events = {visit_name(visit) for visit in touched(answered)}
        found: dict[int, list[Row]] = defaultdict(list)
        for ping in self._pings:
            visit = self._visit_of(ping)
            passes = (
                visit is not None
                and visit_name(visit) in with_events
                and all(judge(each, ping, visit) for each in filters)
            )
            if passes and key in set(self._keys(dimensions, ping, visit)):
                found[id(visit)].append(ping)
        if name == "scroll_depth":
            depths = [
                [ping["scroll_depth"] for ping in each if ping["scroll_depth"] is not None] for each in found.values()
            ]
            most = [max(each) for each in depths if each]
            return int(_rounded(sum(most), len(most), 0)) if most else None
        times = [sum(ping["engagement_ms"] for ping in each) for each in found.values()]
        return int(_rounded(sum(times), len(times) * 1000, 0)) if times else None

    def _without_goals(self, dimensions: Sequence[str], key: Key, filters: list[Any]) -> int:
        """Visitors of the same values, whatever goals and properties say."""
        left = [each for each in filters if not str(each[1]).startswith(("event:goal", "event:props:"))]
        left = [each for each in left if not (each[0].startswith("has_") and "event:goal" in str(each))]
        names = [name for name in dimensions if name != "event:goal" and ":props:" not in name]
        wanted = tuple(value for name, value in zip(dimensions, key, strict=True) if name in names)
        pairs = matched(self._rows, left)
        found = [row for row, visit in pairs if wanted in set(self._keys(names, row, visit))]
        kept = self._kept(left, pairs) if is_of_visits(names) else []
        return self._visitors(found, [each for each in kept if wanted in set(self._keys(names, entry(each), each))])

    def _visit_of(self, ping: Row) -> Visit | None:
        """The last visit of its visitor that had begun."""
        begun = [
            visit
            for visit in self._visits
            if (visit[0]["visitor_id"], day_of(visit[0])) == (ping["visitor_id"], day_of(ping))
            and visit[0]["timestamp"] <= ping["timestamp"]
        ]
        return max(begun, key=lambda each: each[0]["timestamp"], default=None)

    def _matched(self, filters: list[Any], by_goal: bool = False) -> Matched:
        """What passes, and pings that reach a goal which the filter names, or, by goal, any."""
        named = {name for each in filters if each[1] == "event:goal" for name in each[2]}
        found = matched(self._rows, filters)
        known = {visit_name(visit): visit for _, visit in found if visit}
        for ping in self._pings:
            visit = self._visit_of(ping) if by_goal or named.intersection(ping["goals"]) else None
            if visit is not None and ping["goals"] and all(judge(each, ping, visit) for each in filters):
                found.append((ping, known.setdefault(visit_name(visit), visit)))
        return found

    def _kept(self, filters: list[Any], pairs: Matched) -> list[Visit]:
        """Visits that a sequence selects although none of their events is to be counted."""
        if "sequence" not in str(filters):
            return []
        with_events = {visit_name(visit) for visit in touched(pairs)}
        found = [visit for visit in visits_of(self._rows) if all(keeps(each, visit) for each in filters)]
        return [visit for visit in found if visit_name(visit) not in with_events]

    def _visitors(self, rows: list[Row], visits: list[Visit]) -> int:
        return visitors_of([*rows, *(visit[0] for visit in visits)])

    def _keys(self, dimensions: Sequence[str], row: Row, visit: Visit | None) -> Iterator[Key]:
        yield from product(*(self._values(name, row, visit) for name in dimensions))

    def _values(self, name: str, row: Row, visit: Visit | None) -> list[str]:
        if name == "event:goal":
            return [name for name in row["goals"] if self._shown is None or name in self._shown]
        if name.startswith("event:props:"):
            return [property_of(row, name.removeprefix("event:props:")) or "(none)"]
        if name.startswith("time:"):
            return [self._bucket(name, local_time(row), day_of(row))]
        value, blanks = value_of(name, row, visit)
        return [BLANK.get(name, "(not set)") if value is None or value in blanks else value]

    def _bucket(self, name: str, moment: datetime, day: date) -> str:
        forms = {
            "time:minute": f"{moment:%Y-%m-%d %H:%M}:00",
            "time:hour": f"{moment:%Y-%m-%d %H}:00:00",
            "time:day": f"{day}",
            "time:week": f"{max(day - timedelta(days=day.weekday()), self._start)}",
            "time:month": f"{day.replace(day=1)}",
        }
        return forms[name]


def is_of_visits(dimensions: Sequence[str]) -> bool:
    """Whether all events of a visit are in one row."""
    return not any(name.startswith("event:") or name in ("time:minute", "time:hour") for name in dimensions)


def visit_name(visit: Visit) -> tuple[int, int]:
    """What tells visits apart: visitor and first event."""
    return visit[0]["visitor_id"], visit[0]["event_id"]


def _rounded(part: int, whole: int, decimals: int) -> float:
    """Half up."""
    if not whole:
        return 0
    shifted = Fraction(part, whole) * 10**decimals + Fraction(1, 2)
    found: int = shifted.numerator // shifted.denominator
    return found / 10**decimals if decimals else found


def _money(rows: list[Row], *, is_average: bool) -> Any:
    paid = [row for row in rows if row.get("revenue_amount") is not None]
    currencies = {row.get("revenue_currency") for row in paid}
    if len(currencies) != 1:
        return None
    amount = sum((row["revenue_amount"] for row in paid), Decimal(0))
    return float((amount / len(paid)).quantize(Decimal("0.01"), ROUND_HALF_UP)) if is_average else float(amount)
