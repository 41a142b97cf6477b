"""The published JSON Schema and the reader of queries accept and refuse the same bodies."""

from copy import deepcopy
from datetime import UTC, datetime
from importlib import import_module
from random import Random
from typing import Any

import pytest
from fastapi.testclient import TestClient

from mallard.errors import QueryError
from mallard.reports.behaviour import step_objects
from mallard.reports.behaviour.step_objects import KEYS, WITH_MONEY
from mallard.sites.time_zone import UTC_DAYS
from mallard.stats.query_body import FORMATS, read_body
from mallard.stats.query_schema import MAX_STEP_LENGTH, query_schema
from support.open_access import api_of

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
# It has no types.
VALIDATOR = import_module("jsonschema").Draft7Validator(query_schema())

PARTS: dict[str, list[Any]] = {
    "metrics": [["visitors"], ["visits", "events"], ["pageviews", "percentage"]],
    "date_range": [
        *("day", "24h", "28d", "91d", "12mo"),
        ["2026-03-01", "2026-03-02"],
        ["2026-03-01T00:00:00Z", "2026-03-02T12:00:00+02:00"],
    ],
    "dimensions": [[], ["time"], ["visit:source", "time:day"], ["event:goal"], ["event:props:plan", "event:page"]],
    "filters": [
        [],
        [["is", "visit:country", ["DE", "AT"]]],
        [["is_not", "event:page", ["/"], {"case_sensitive": False}]],
        [["contains", "event:goal", ["a"]], ["matches", "visit:city", ["^W"]]],
        [["not", ["or", [["is", "visit:os", ["iOS"]], ["contains_not", "event:props:n", [5]]]]]],
        [["has_not_done", ["is", "event:goal", ["Signup"]]], ["is", "segment", [1, "2"]]],
        [["sequence", [["is", "event:page", ["/"]], ["is", "event:name", ["signup"]]]]],
    ],
    "order_by": [[]],
    "include": [
        {},
        {"total_rows": True, "imports": False},
        {"compare": "previous_period"},
        {"comparisons": {"mode": "custom", "date_range": ["2026-01-01", "2026-01-02"]}},
        {"comparisons": {"mode": "year_over_year", "match_day_of_week": True}},
    ],
    "pagination": [{}, {"limit": 10}, {"limit": 1, "offset": 3}],
    "explain": [True, False],
}
KINDS: list[dict[str, Any]] = [
    {"funnel": {"steps": [{"page": "/"}, {"event": "signup", "currency": "EUR"}], "window": "1 hour"}},
    {"funnel": {"steps": [{"goal": "Signup", "props": {"plan": "pro"}}, {"page": "/", "scroll_threshold": 50}]}},
    {"flow": {"steps": [{"page": "/"}], "direction": "backward", "search": "a", "depth": 2, "limit": 5}},
    {"flow": {"steps": [{"page": "/"}], "funnel": True}},
    {"retention": {"interval": "day", "count": 3}},
    {"sequence": {"steps": [{"page": "/"}, {"filters": [["is", "event:name", ["a"]]]}], "pattern": "(?1).*(?2)"}},
]
OF_KINDS = ("date_range", "filters")
STRANGE: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    10**6,
    "",
    "a",
    "visitors",
    "segment",
    "event:goal",
    [],
    {},
    ["is"],
    {"a": 1},
]


def segments(number: int) -> list[Any] | None:
    return [["is", "visit:country", ["DE"]]]


def refusal(body: Any) -> str | None:
    try:
        read_body(body, NOW, UTC_DAYS, segments)
    except QueryError as error:
        return str(error)
    return None


def valid_body(random: Random) -> dict[str, Any]:
    body = {"site_id": "example.com", **{name: random.choice(options) for name, options in PARTS.items()}}
    for name in PARTS:
        if name not in ("metrics", "date_range") and random.random() < 0.5:
            del body[name]
    return deepcopy(body)


def valid_kind(random: Random) -> dict[str, Any]:
    chosen = {name: random.choice(PARTS[name]) for name in OF_KINDS}
    return deepcopy({"site_id": "example.com", **chosen, **random.choice(KINDS), "format": random.choice(FORMATS)})


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return (
        [path, *(place for key in keys for place in places(value[key], (*path, key)))]
        if path
        else [place for key in keys for place in places(value[key], (key,))]
    )


def spoiled(body: dict[str, Any], random: Random) -> dict[str, Any]:
    """The body with another value, one value less, or a key more in one place."""
    # Steps are read after the body.
    *way, last = random.choice([each for each in places(body) if each[0] != "site_id" and each[1:2] != ("steps",)])
    holder = body
    for key in way:
        holder = holder[key]
    match random.randrange(3):
        case 0:
            holder[last] = random.choice(STRANGE)
        case 1:
            del holder[last]
        case _ if isinstance(holder, dict):
            holder["surprise"] = 1
        case _:
            holder.append(random.choice(STRANGE))
    return body


def test_schema_and_reader_accept_valid_bodies() -> None:
    random = Random(1)
    for _ in range(300):
        body = valid_body(random) if random.random() < 0.7 else valid_kind(random)
        assert VALIDATOR.is_valid(body), body
        assert refusal(body) is None, body


def test_body_that_the_schema_refuses_is_refused_by_the_reader_and_the_other_way_round() -> None:
    random, refused = Random(2), 0
    for _ in range(3000):
        body = spoiled(valid_body(random) if random.random() < 0.7 else valid_kind(random), random)
        is_valid, sentence = VALIDATOR.is_valid(body), refusal(body)
        refused += not is_valid
        # Of a shape that is right, parts may not go together.
        assert is_valid if sentence is None else not is_valid or is_of_parts(sentence), (sentence, body)
    assert refused > 1000


def is_of_parts(sentence: str) -> bool:
    together = (
        "needs event:",
        "dimension of time",
        "event dimensions only",
        "query's own metrics",
        "holds a sequence",
        "compare needs",
    )
    return any(each in sentence for each in together)


def test_schema_has_the_keys_of_steps_that_the_reader_takes() -> None:
    found = query_schema()["definitions"]
    keys = [tuple(found[name]["items"]["properties"]) for name in ("steps", "paid_steps")]
    assert [sorted(each) for each in keys] == [sorted(KEYS), sorted(WITH_MONEY)]
    assert MAX_STEP_LENGTH == step_objects.MAX_TEXT_LENGTH


@pytest.mark.parametrize("path", ["/api/v2/schema.json", "/api/docs/query/schema.json"])
def test_schema_is_published_to_everyone(path: str) -> None:
    app = api_of(lambda: None, NOW)
    answer = TestClient(app).get(path)
    assert (answer.status_code, answer.json()) == (200, query_schema())
