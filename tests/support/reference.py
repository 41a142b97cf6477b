"""The contract's definitions once more, in plain Python over rows in memory: what every report is compared with."""

import json
import re
from bisect import bisect
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from typing import Any

from mallard.event import PAGEVIEW

Row = dict[str, Any]
Visit = list[Row]
Matched = list[tuple[Row, Visit | None]]
"""Events that a filter lets pass, each with its visit; None without a visitor."""

BLANKS = ("(unknown)", "(not set)")
DIRECT = ("Direct", "Direct / None")

FIRST_EVENT = {
    "visit:source": ("referrer_source", DIRECT),
    "visit:referrer": ("referrer", DIRECT),
    "visit:channel": ("channel", ("Direct",)),
    "visit:device": ("device_type", BLANKS),
    "visit:country": ("country_code", BLANKS),
    "visit:region_name": ("region", BLANKS),
    "visit:city_name": ("city", BLANKS),
    "visit:screen": ("screen_size", BLANKS),
    **{
        f"visit:{name}": (name, BLANKS)
        for name in (
            *("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term", "browser", "browser_version"),
            *("os", "os_version", "region", "city", "language"),
        )
    },
}
OWN = {"event:page": "pathname", "event:name": "event_name", "event:hostname": "hostname"}


def day_of(row: Row) -> date:
    """The local date; in UTC where a row has no ``local`` time."""
    return local_time(row).date()


def local_time(row: Row) -> datetime:
    """The naive ``local`` time of a row, by default that of UTC."""
    moment: datetime = row["local"] if "local" in row else row["timestamp"]
    return moment


def order_of(row: Row) -> tuple[datetime, bool, int]:
    """The order of a visitor's events; rounded times come before equal exact ones."""
    place = row.get("hour_order")
    return row["timestamp"], place is None, row["event_id"] if place is None else place


def longest_gap(before: Row) -> timedelta:
    """The longest time to the next event of the same visit: a rounded time is up to an hour before the true one."""
    return timedelta(minutes=30 if before.get("hour_order") is None else 60)


def visits_of(rows: Iterable[Row]) -> list[Visit]:
    """Visits, each in order of its events, the interactive ones first."""
    days: dict[tuple[date, int], list[Row]] = defaultdict(list)
    for row in sorted(rows, key=order_of):
        if row["visitor_id"] is not None:
            days[day_of(row), row["visitor_id"]].append(row)
    return [visit for day in days.values() for visit in _visits_of_day(day)]


def _visits_of_day(rows: list[Row]) -> list[Visit]:
    visits: list[Visit] = []
    for row in filter(is_interactive, rows):
        if not visits or row["timestamp"] - visits[-1][-1]["timestamp"] > longest_gap(visits[-1][-1]):
            visits.append([])
        visits[-1].append(row)
    visits = visits or [[]]
    starts = [visit[0]["timestamp"] for visit in visits if visit]
    for row in rows:
        if not is_interactive(row):
            visits[max(bisect(starts, row["timestamp"]) - 1, 0)].append(row)
    return visits


def is_interactive(row: Row) -> bool:
    """Whether the visitor caused the event."""
    return row.get("interactive") is not False


def interactive(visit: Visit) -> Visit:
    """The events that the visitor caused."""
    return [row for row in visit if is_interactive(row)]


def is_bounce(visit: Visit) -> bool:
    """One page view, and nothing else that the visitor caused."""
    return len(interactive(visit)) == 1 and pageviews_of(visit) == 1


def seconds_of(visit: Visit) -> float:
    """From the first to the last event that the visitor caused."""
    moments = [row["timestamp"] for row in interactive(visit)]
    return float((moments[-1] - moments[0]).total_seconds()) if moments else 0.0


def matched(rows: list[Row], filters: list[Any]) -> Matched:
    """What passes a filter, given as its JSON."""
    pairs: Matched = [(row, visit) for visit in visits_of(rows) for row in visit]
    pairs += [(row, None) for row in rows if row["visitor_id"] is None]
    return [(row, visit) for row, visit in pairs if all(judge(each, row, visit) for each in filters)]


def judge(condition: list[Any], row: Row, visit: Visit | None) -> bool:
    """Whether a condition holds of an event and its visit; ``["since", moment]`` is one, too."""
    operator, rest = str(condition[0]), condition[1:]
    if operator in ("and", "or"):
        held = [judge(each, row, visit) for each in rest[0]]
        return all(held) if operator == "and" else any(held)
    if operator == "not":
        return not judge(rest[0], row, visit)
    if operator == "since":
        return bool(row["timestamp"] >= rest[0])
    if operator == "sequence":
        end = sequence_end(rest[0], visit)
        return end is not None and order_of(row) > order_of(end)
    if operator in ("has_done", "has_not_done"):
        pings = visit[0].get("reaching", ()) if visit and "event:goal" in str(rest) else ()
        done = any(judge(rest[0], each, visit) for each in (*(visit or [row]), *pings))
        return done == (operator == "has_done")
    if rest[0] == "event:goal":
        met = any(compare(operator.removesuffix("_not"), name, (), rest[1]) for name in row.get("goals", ()))
        return met != operator.endswith("_not")
    if rest[0].startswith("event:props:"):
        return compare_property(operator, row, rest[0].removeprefix("event:props:"), rest[1])
    return compare(operator, *value_of(rest[0], row, visit), rest[1])


def sequence_end(steps: list[Any], visit: Visit | None) -> Row | None:
    """The event that completes the first sequence of a visit; events without a visitor have none."""
    left = list(steps)
    for row in sorted(visit or [], key=order_of):
        if judge(left[0], row, visit):
            left.pop(0)
        if not left:
            return row
    return None


def keeps(condition: list[Any], visit: Visit) -> bool:
    """Whether a condition selects a visit whatever its events: by its own values and complete sequences."""
    operator, *rest = condition
    if operator in ("and", "or"):
        return (all if operator == "and" else any)(keeps(each, visit) for each in rest[0])
    if operator == "sequence":
        return sequence_end(rest[0], visit) is not None
    text = json.dumps(rest)
    return (operator.startswith("has_") or '"event:' not in text) and judge(condition, visit[0], visit)


def value_of(dimension: str, row: Row, visit: Visit | None) -> tuple[str | None, tuple[str, ...]]:
    """An event's or its visit's value of a dimension, and the words for a missing one."""
    if dimension in OWN:
        return row[OWN[dimension]], BLANKS
    if dimension in FIRST_EVENT:
        column, blanks = FIRST_EVENT[dimension]
        value = (visit[0] if visit else row)[column]
        if dimension == "visit:channel":
            return value or "Direct", blanks
        # A stored text that is such a word is no value either.
        return None if value in blanks else value, blanks
    column = "hostname" if dimension.endswith("_hostname") else "pathname"
    return end_page(visit, first=dimension.startswith("visit:entry_page"), column=column), BLANKS


def end_page(visit: Visit | None, *, first: bool, column: str = "pathname") -> str | None:
    """The first or the last pageview's page, or its hostname."""
    viewed = [row.get(column) for row in visit or [] if row["event_name"] == PAGEVIEW]
    return (viewed[0] if first else viewed[-1]) if viewed else None


def property_of(row: Row, name: str) -> str | None:
    """A property as text."""
    value = json.loads(row.get("props") or "{}").get(name)
    return None if value is None else str(value)


def compare_property(operator: str, row: Row, name: str, wanted: list[str]) -> bool:
    """One operator; what is not there neither contains a text nor fails to contain it."""
    value = property_of(row, name)
    if value is None and not operator.startswith("is"):
        return False
    return compare(operator, value, ("(none)",), wanted)


def compare(operator: str, value: str | None, blanks: tuple[str, ...], wanted: list[str]) -> bool:
    """One operator; a missing value is its blank words, or the empty text."""
    tests: dict[str, Callable[[str], bool]] = {
        "is": lambda each: value == each or (value is None and each in blanks),
        "contains": lambda each: each in (value or ""),
        "matches": lambda each: re.search(each, value or "") is not None,
    }
    return any(map(tests[operator.removesuffix("_not")], wanted)) != operator.endswith("_not")


def headline(rows: list[Row], filters: list[Any]) -> dict[str, float]:
    """What ``main`` says, but for the current visitors."""
    pairs = matched(rows, filters)
    visits = touched(pairs)
    landing = [each for each in filters if is_of_pages(each)]
    landed = [visit for visit in visits if all(judge(each, entry(visit), visit) for each in landing)]
    bounces = sum(map(is_bounce, landed))
    seconds = sum(map(seconds_of, visits))
    found = [row for row, _ in pairs]
    visitors, pageviews = visitors_of(found), pageviews_of(found)
    return {
        "unique_visitors": visitors,
        "total_pageviews": pageviews,
        "bounce_rate": bounces / len(landed) if landed else 0.0,
        "avg_visit_duration_secs": seconds / len(visits) if visits else 0.0,
        "pages_per_visit": pageviews / visitors if visitors else 0.0,
        "visits": len(visits),
        "views_per_visit": sum(map(pageviews_of, visits)) / len(visits) if visits else 0.0,
        "events": len(found),
    }


def series(rows: list[Row], filters: list[Any], form: str) -> dict[str, tuple[int, int]]:
    """Visitors and page views by the label of a step, where there are any."""
    return counts([row for row, _ in matched(rows, filters)], lambda row: row["timestamp"].strftime(form))


def own_values(rows: list[Row], filters: list[Any], column: str) -> list[Row]:
    """The breakdown by a dimension of each event's own."""
    return ranked(counts([row for row, _ in matched(rows, filters)], lambda row: row[column] or "(unknown)"))


def visit_values(rows: list[Row], filters: list[Any], column: str, blank: str) -> list[Row]:
    """The breakdown by a value of the visit's first event; events without a visitor count under their own."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row, visit in matched(rows, filters):
        groups[(visit[0] if visit else row)[column] or blank].append(row)
    return ranked({value: (visitors_of(part), pageviews_of(part)) for value, part in groups.items()})


def end_pages(rows: list[Row], filters: list[Any], *, first: bool) -> list[Row]:
    """The breakdown by entry or exit page; events without a visitor have none."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row, visit in matched(rows, filters):
        groups[end_page(visit, first=first) or "(unknown)"].append(row)
    return ranked({value: (visitors_of(part), pageviews_of(part)) for value, part in groups.items()})


def touched(pairs: Matched) -> list[Visit]:
    """The visits of matched events, each once."""
    return list({id(visit): visit for _, visit in pairs if visit}.values())


def entry(visit: Visit) -> Row:
    """An event on the visit's entry page."""
    return {**visit[0], **{column: end_page(visit, first=True, column=column) for column in ("pathname", "hostname")}}


def is_of_pages(condition: list[Any]) -> bool:
    """Whether it is about the events' pages and nothing else."""
    operator, *rest = condition
    if operator in ("and", "or"):
        return all(map(is_of_pages, rest[0]))
    if operator == "not":
        return is_of_pages(rest[0])
    return operator not in ("has_done", "has_not_done", "sequence") and rest[0] == "event:page"


def counts(rows: list[Row], key: Callable[[Row], str]) -> dict[str, tuple[int, int]]:
    """Visitors and page views by a key."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return {value: (visitors_of(part), pageviews_of(part)) for value, part in groups.items()}


def ranked(counted: dict[str, tuple[int, int]]) -> list[Row]:
    """As a breakdown: by visitors, then value."""
    order = sorted(counted.items(), key=lambda item: (-item[1][0], item[0]))
    return [{"value": value, "visitors": visitors, "pageviews": views} for value, (visitors, views) in order]


def pageviews_of(rows: Iterable[Row]) -> int:
    """How many page views."""
    return sum(row["event_name"] == PAGEVIEW for row in rows)


def visitors_of(rows: Iterable[Row]) -> int:
    """How many visitors."""
    return len({row["visitor_id"] for row in rows} - {None})
