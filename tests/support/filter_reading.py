"""A plain reading of filters in Python, and DuckDB beside it over the same events: what conditions are judged by."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from mallard.engine.sql.conditions import Conditions, compile_filter
from mallard.sites.settings import Goal
from mallard.stats.filters import All, Any_, Done, EventSequence, Filter, Leaf, Not, parse_filters

Row = dict[str, Any]

GOALS = (
    Goal("Signup", event="signup"),
    Goal("Buy pro", event="buy", props=(("plan", "pro"),)),
    Goal("Section", page="/a/*"),
    Goal("All of a", page="/a/**", props=(("a/b~c", "x"),)),
    Goal("Home", page="/a"),
)
BLANKS = {
    "visit:source": {"Direct", "Direct / None"},
    "visit:channel": {"Direct"},
    "event:props:plan": {"(none)"},
    "event:props:a/b~c": {"(none)"},
}
COLUMNS = {
    "event:page": "pathname",
    "event:hostname": "hostname",
    "event:name": "event_name",
    "visit:source": "referrer_source",
    "visit:channel": "channel",
    "visit:country": "country_code",
}
SCHEMA = pa.schema(
    [
        ("event_id", pa.int64()),
        ("visit_id", pa.int64()),
        *((name, pa.string()) for name in (*COLUMNS.values(), "props")),
    ]
)


@dataclass(frozen=True)
class Visit:
    """Some events in the order of time; a stranger is one alone, and no visit."""

    events: list[Row]
    is_anonymous: bool = False

    def page(self, at: int) -> str | None:
        viewed = [event["pathname"] for event in self.events if event["event_name"] == "pageview"]
        return viewed[at] if viewed and not self.is_anonymous else None


def holds(part: Filter, event: Row, visit: Visit) -> bool:
    """The plain reading: of one event of a visit."""
    match part:
        case All(parts):
            return all(holds(each, event, visit) for each in parts)
        case Any_(parts):
            return any(holds(each, event, visit) for each in parts)
        case Not(inner):
            return not holds(inner, event, visit)
        case Done(inner):
            return any(holds(inner, each, visit) for each in visit.events)
        case EventSequence(steps):
            return is_after(steps, event, visit)
        case Leaf(dimension="event:goal"):
            return meets_a_goal(part, event) is not part.is_negated
        case Leaf():
            return compares(part, value_of(part.dimension, event, visit))


def is_after(steps: tuple[Filter, ...], event: Row, visit: Visit) -> bool:
    left = list(steps)
    for each in [] if visit.is_anonymous else visit.events:
        if not left and each is event:
            return True
        if left and holds(left[0], each, visit):
            left.pop(0)
    return False


def value_of(dimension: str, event: Row, visit: Visit) -> str | None:
    value: str | None
    if dimension in ("visit:entry_page", "visit:exit_page"):
        value = visit.page(0 if dimension == "visit:entry_page" else -1)
    elif dimension.startswith("event:props:"):
        value = property_of(event, dimension.removeprefix("event:props:"))
    else:
        value = (visit.events[0] if dimension.startswith("visit:") else event)[COLUMNS[dimension]]
    # A word for what is missing is nothing else where it is stored.
    return None if value in blanks_of(dimension) else value


def blanks_of(dimension: str) -> set[str]:
    return BLANKS.get(dimension, {"(unknown)", "(not set)"})


def property_of(event: Row, key: str) -> str | None:
    value = json.loads(event["props"] or "{}").get(key)
    return value if value is None or isinstance(value, str) else json.dumps(value)


def compares(leaf: Leaf, value: str | None) -> bool:
    def cased(text: str) -> str:
        return text if leaf.case_sensitive else text.lower()

    wanted = [cased(each) for each in leaf.values]
    if leaf.operator in ("is", "is_not"):
        blanks = {cased(each) for each in blanks_of(leaf.dimension)}
        return (bool(blanks & set(wanted)) if value is None else cased(value) in wanted) is not leaf.is_negated
    if value is None and leaf.dimension.startswith("event:props:"):
        return False
    text = value if value is not None else "Direct" if leaf.dimension == "visit:channel" else ""
    if leaf.operator in ("contains", "contains_not"):
        return any(each in cased(text) for each in wanted) is not leaf.is_negated
    return any(found(leaf, each, text) for each in leaf.values) is not leaf.is_negated


def found(leaf: Leaf, pattern: str, text: str) -> bool:
    return re.search(pattern, text, 0 if leaf.case_sensitive else re.IGNORECASE) is not None


def meets_a_goal(leaf: Leaf, event: Row) -> bool:
    named = Leaf(leaf.positive, "event:hostname", leaf.values, leaf.case_sensitive)
    return any(meets(goal, event) for goal in GOALS if compares(named, goal.name))


def meets(goal: Goal, event: Row) -> bool:
    if any(property_of(event, key) != value for key, value in goal.props):
        return False
    if goal.page is None:
        return bool(event["event_name"] == goal.event)
    return event["event_name"] == "pageview" and event["pathname"] is not None and fits(goal.page, event["pathname"])


def fits(page: str, path: str) -> bool:
    if page.startswith("**"):
        return any(fits(page[2:], path[at:]) for at in range(len(path) + 1))
    if page.startswith("*"):
        return any(fits(page[1:], path[at:]) for at in range(len(path) + 1) if "/" not in path[:at])
    return path == "" if page == "" else path.startswith(page[0]) and fits(page[1:], path[1:])


def numbered(visits: list[Visit]) -> list[Row]:
    """All events, each with an id and its visit's."""
    return [
        {**event, "event_id": visit_id * 100 + place, "visit_id": visit_id}
        for visit_id, visit in enumerate(visits)
        for place, event in enumerate(visit.events)
    ]


def load(database: duckdb.DuckDBPyConnection, visits: list[Visit]) -> None:
    database.register("every", pa.Table.from_pylist(numbered(visits), schema=SCHEMA))
    opening = pa.struct([(name, pa.string()) for name in COLUMNS.values()])
    rows = [
        {
            "visit_id": visit_id,
            "opening": {name: visit.events[0][name] for name in COLUMNS.values()},
            "entry_page": visit.page(0),
            "exit_page": visit.page(-1),
        }
        for visit_id, visit in enumerate(visits)
    ]
    schema = pa.schema(
        [("visit_id", pa.int64()), ("opening", opening), ("entry_page", pa.string()), ("exit_page", pa.string())]
    )
    database.register("hand_made", pa.Table.from_pylist(rows, schema=schema))


def run(database: duckdb.DuckDBPyConnection, sql: str, values: Mapping[str, object]) -> list[tuple[Any, ...]]:
    """The rows of a statement, with those of the values that it names."""
    named = set(re.findall(r"\$([fs]\d+)", sql))
    return database.execute(sql, {name: value for name, value in values.items() if name in named}).fetchall()


def judged(database: duckdb.DuckDBPyConnection, condition: str, values: Mapping[str, object]) -> dict[int, bool | None]:
    """What a condition over an event's own columns says of each."""
    return dict(run(database, f"SELECT event_id, {condition} FROM every AS event ORDER BY event_id", values))


def visits_sql(conditions: Conditions) -> str:
    """The visits as the engine hands them to the conditions."""
    flags = "".join(f", bool_or({each}) AS done_{number}" for number, each in enumerate(conditions.done))
    of_visit = f"SELECT visit_id{flags} FROM every AS event GROUP BY visit_id"
    return f"(SELECT * FROM hand_made JOIN ({of_visit}) USING (visit_id)) AS visit"


def compiled(*given: Any, goals: tuple[Goal, ...] = GOALS) -> Conditions:
    asked = parse_filters(json.dumps(given))
    assert asked is not None
    return compile_filter(asked, goals)
