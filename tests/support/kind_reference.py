"""The kinds of queries once more, in plain Python: a visitor's events, read from the first to the last."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from mallard.event import ENGAGEMENT, PAGEVIEW
from support.reference import Row, Visit, day_of, judge, matched, order_of, touched, visits_of

IsStep = Callable[[Row], bool]


def page(*paths: str) -> IsStep:
    """Any event on one of these paths."""
    return lambda row: row["event_name"] != ENGAGEMENT and row["pathname"] in paths


def scrolled(threshold: int, *paths: str) -> IsStep:
    """A ping of so much of one of these paths."""
    return lambda row: (
        row["event_name"] == ENGAGEMENT and row["pathname"] in paths and (row.get("scroll_depth") or -1) >= threshold
    )


def named(name: str, **props: str) -> IsStep:
    """An event with a name and properties."""
    return lambda row: row["event_name"] == name and props.items() <= json.loads(row.get("props") or "{}").items()


@dataclass(frozen=True, slots=True)
class Place:
    """A moment in microseconds, the number of a step (-1: none), and the cents of its event."""

    us: int
    step: int
    event_id: int
    cents: int


class KindReference:
    """The rows of one site whose days are those of UTC."""

    def __init__(self, rows: list[Row]) -> None:
        self._events = [row for row in rows if row["event_name"] != ENGAGEMENT]
        self._pings = [row for row in rows if row["event_name"] == ENGAGEMENT and row["visitor_id"] is not None]

    def visitors(self, filters: list[Any], *, with_pings: bool = False) -> list[list[Row]]:
        """The rows of each visitor, in order."""
        pairs = matched(self._events, filters)
        found: dict[int, list[Row]] = defaultdict(list)
        for row, visit in pairs:
            if visit:
                found[row["visitor_id"]].append(row)
        if with_pings:
            visits = touched(pairs)
            for ping in self._pings:
                visit = self._visit_of(ping)
                if any(visit is not None and visit[0] is each[0] for each in visits) and all(
                    judge(each, ping, visit) for each in filters
                ):
                    found[ping["visitor_id"]].append(ping)
        return [sorted(rows, key=order_of) for rows in found.values()]

    def _visit_of(self, ping: Row) -> Visit | None:
        """The last visit that had begun."""
        begun = [
            visit
            for visit in visits_of(self._events)
            if (visit[0]["visitor_id"], day_of(visit[0])) == (ping["visitor_id"], day_of(ping))
            and visit[0]["timestamp"] <= ping["timestamp"]
        ]
        return begun[-1] if begun else None

    def funnel(
        self,
        steps: Sequence[IsStep],
        window_ms: int,
        filters: list[Any],
        *,
        strict: bool = False,
        currencies: dict[int, str] | None = None,
    ) -> dict[str, Any]:
        """The results but for labels; ``currencies`` by number of the step, from 0."""
        money = currencies or {}
        visitors = self.visitors(filters, with_pings=True)
        ways = [_paid(list(_places(rows, steps, money, strict)), len(steps), window_ms, strict) for rows in visitors]
        reached = [sum(len(way) > step for way in ways) for step in range(len(steps))]
        cents = [sum(way[step] for way in ways if len(way) > step) for step in range(len(steps))]
        everybody = len(self.visitors(filters))
        rows = []
        for step, count in enumerate(reached):
            before = reached[step - 1] if step else count
            row: dict[str, Any] = {
                "visitors": count,
                "dropoff": before - count,
                "dropoff_percentage": percent(before - count, before),
                "conversion_rate": percent(count, reached[0]),
                "conversion_rate_step": percent(count, before) if step else 0,
            }
            if step in money:
                each = (Decimal(cents[step]) / count if count else Decimal(0)).quantize(Decimal(1), ROUND_HALF_UP)
                row["revenue"] = {"value": cents[step] / 100, "currency": money[step]}
                row["revenue_per_visitor"] = {"value": int(each) / 100, "currency": money[step]}
            rows.append(row)
        return {
            "all_visitors": everybody,
            "entering_visitors": reached[0],
            "entering_visitors_percentage": percent(reached[0], everybody),
            "never_entering_visitors": everybody - reached[0],
            "never_entering_visitors_percentage": percent(everybody - reached[0], everybody),
            "steps": rows,
        }

    def _ways(self, filters: list[Any], direction: str) -> list[list[str]]:
        """The pages of each visitor, of which repeats are one."""
        found = []
        for rows in self.visitors(filters):
            views = [row["pathname"] for row in rows if row["event_name"] == PAGEVIEW]
            views = views if direction == "forward" else views[::-1]
            found.append([path for number, path in enumerate(views) if number == 0 or views[number - 1] != path])
        return found

    def next_pages(
        self,
        steps: Sequence[Sequence[str]],
        filters: list[Any],
        direction: str = "forward",
        search: str = "",
        depth: int = 1,
    ) -> list[dict[str, Any]]:
        """``next``, without a limit; each step is a list of paths."""
        runs = []
        for visitor, way in enumerate(self._ways(filters, direction)):
            begins = range(len(way)) if steps else range(min(1, len(way)))
            for begin in begins:
                if _is_run(way[begin : begin + len(steps)], steps):
                    runs.append((visitor, way[begin + len(steps) :]))
        return _tree(runs, search.lower(), depth)

    def flow_funnel(self, steps: Sequence[Sequence[str]], filters: list[Any], direction: str) -> list[int]:
        """The visitors who took so many of the steps."""
        ways = self._ways(filters, direction)
        return [
            sum(any(_is_run(way[begin : begin + count], steps[:count]) for begin in range(len(way))) for way in ways)
            for count in range(1, len(steps) + 1)
        ]

    def sequence(self, first: IsStep, second: IsStep, filters: list[Any]) -> dict[str, Any]:
        """One step some time after the other."""
        visitors = self.visitors(filters, with_pings=True)
        converting = 0
        for rows in visitors:
            places = [number for number, row in enumerate(rows) if first(row)]
            converting += any(second(row) for row in rows[places[0] + 1 :]) if places else 0
        total = len(self.visitors(filters))
        rate = converting / total if total else 0.0
        return {"converting_visitors": converting, "total_visitors": total, "conversion_rate": rate}


def percent(part: int, whole: int) -> float:
    """With two decimals, rounded half up."""
    if not whole:
        return 0.0
    return float((Decimal(100 * part) / whole).quantize(Decimal("0.01"), ROUND_HALF_UP))


def _places(rows: Sequence[Row], steps: Sequence[IsStep], money: dict[int, str], strict: bool) -> Iterator[Place]:
    for number, row in enumerate(rows, 1):
        us = round(row["timestamp"].replace(tzinfo=UTC).timestamp() * 1_000_000)
        us += number if row.get("hour_order") is not None else 0
        met = [step for step, is_step in enumerate(steps) if is_step(row)]
        if not met and strict and row["event_name"] != ENGAGEMENT:
            met = [-1]
        for step in met:
            paid = row.get("revenue_amount") is not None and row.get("revenue_currency") == money.get(step)
            yield Place(us, step, row["event_id"], int(row["revenue_amount"] * 100) if paid else 0)


def _paid(places: list[Place], steps: int, window_ms: int, strict: bool) -> list[int]:
    """The cents of each step that was reached."""
    begun: list[int | None] = [None] * steps
    cents = [0] * steps
    for place in sorted(places, key=lambda each: (each.us, each.step, each.event_id)):
        if place.step < 0:
            if begun[0] is not None:
                break
            continue
        begin = place.us if place.step == 0 else begun[place.step - 1]
        if begin is None:
            if strict and begun[0] is not None:
                break
            continue
        if place.us - begin <= window_ms * 1000 + 999:
            begun[place.step] = begin
            cents[place.step] += place.cents
    return cents[: sum(each is not None for each in begun)]


def _is_run(way: Sequence[str], steps: Sequence[Sequence[str]]) -> bool:
    return len(way) == len(steps) and all(path in step for path, step in zip(way, steps, strict=True))


def _tree(runs: list[tuple[int, list[str]]], search: str, depth: int) -> list[dict[str, Any]]:
    counts: Counter[str] = Counter()
    for path in {way[0] for _, way in runs if way}:
        if search in path.lower():
            counts[path] = len({visitor for visitor, way in runs if way and way[0] == path})
    rows: list[dict[str, Any]] = []
    for path in sorted(counts, key=lambda each: (-counts[each], each)):
        row: dict[str, Any] = {"page": path, "visitors": counts[path]}
        if depth > 1:
            row["next"] = _tree([(visitor, way[1:]) for visitor, way in runs if way[:1] == [path]], search, depth - 1)
        rows.append(row)
    return rows
