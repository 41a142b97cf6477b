"""Sequences over the API, wherever the events lie: the numbers of a plain matcher, and sentences for what is wrong."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import pytest
from fastapi.testclient import TestClient

from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.store.local import LocalStore
from support.behaviour_case import Case, client_of, events_in
from support.behaviour_sequences import (
    Event,
    count_matches,
    first_match,
    parts_of,
    random_pattern,
    seconds_of_steps,
)
from support.portions import cut_all_days
from support.random_events import SITE, pending_rows
from support.reference import Row, matched, order_of

STEPS: dict[str, Callable[[Row], bool]] = {
    "page:/a": lambda row: row["pathname"] == "/a",
    "page:/b/*": lambda row: row["pathname"] == "/b/c",
    "event:signup": lambda row: row["event_name"] == "signup",
    "event:pageview[visit:country=DE]": lambda row: row["event_name"] == "pageview" and row["country_code"] == "DE",
}
PATTERNS = [
    None,
    "(?1)(?2)",
    "(?2)(?t<=3600)(?3)(?t>60)(?1)",
    "(?1).(?2).*(?3)",
    *(random_pattern(Random(seed), 4) for seed in range(3)),
]
PLACES = ("table", "rolled up", "queue", "overlap", "spanning", "rounded")


@pytest.fixture(scope="module", params=PLACES)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    with events_in(request.param, tmp_path_factory.mktemp("case")) as case:
        yield case


def get(client: TestClient, **parameters: str) -> Any:
    answer = client.get("/api/stats/sequences", params={"site_id": SITE, "period": "7d", **parameters})
    assert answer.status_code == 200, answer.text
    return answer.json()


def visitors_of(rows: list[Row]) -> list[list[Event]]:
    """Each visitor's events in order, with the steps they meet; those that meet none, too."""
    found = defaultdict(list)
    for row in sorted(rows, key=order_of):
        met = frozenset(number for number, meets in enumerate(STEPS.values(), 1) if meets(row))
        second = int(row["timestamp"].replace(tzinfo=UTC).timestamp())
        if row["visitor_id"] is not None:
            found[row["visitor_id"]].append((second, met))
    return list(found.values())


def recomputed(rows: list[Row], pattern: str) -> dict[str, Any]:
    visitors, parts = visitors_of(rows), parts_of(pattern)
    seen = [[event for event in events if event[1]] for events in visitors]
    converting = [events for events in seen if first_match(parts, events)]
    taken = [seconds_of_steps(parts, events) for events in converting]
    gaps = range(sum(kind == "step" for kind, _ in parts) - 1)
    return {
        "converting_visitors": len(converting),
        "total_visitors": len(visitors),
        "conversion_rate": len(converting) / len(visitors) if visitors else 0,
        "matches": sum(count_matches(parts, events) for events in converting),
        "median_seconds": [median(each[gap + 1] - each[gap] for each in taken) if taken else None for gap in gaps],
    }


@pytest.mark.sampled(7, 1)
@pytest.mark.parametrize("in_parts", [False, True])
@pytest.mark.parametrize("filters", [[], [["is", "event:page", ["/a", "/b/c"]]], [["is", "visit:country", ["DE"]]]])
def test_sequences_equal_a_plain_matcher(
    case: Case, monkeypatch: pytest.MonkeyPatch, filters: list[Any], in_parts: bool
) -> None:
    if in_parts:
        cut_all_days(monkeypatch)
    client, rows = case
    passing = [row for row, _ in matched(rows, filters)]
    given = {"filters": str(filters).replace("'", '"')} if filters else {}
    for pattern in PATTERNS:
        wanted = {"pattern": pattern} if pattern else {}
        found = get(client, steps=",".join(STEPS), details="true", **wanted, **given)
        assert found == recomputed(passing, pattern or ".*".join(f"(?{step})" for step in range(1, 5))), pattern


@pytest.mark.sampled(2)
def test_sequence_response_without_options_has_the_seed_shape(case: Case) -> None:
    client, rows = case
    expected = recomputed(rows, "(?1).*(?3)")
    found = get(client, steps="page:/a,event:signup")
    assert found == {name: expected[name] for name in ("converting_visitors", "total_visitors", "conversion_rate")}
    assert 0 < found["conversion_rate"] < 1


@pytest.mark.sampled(6, 1)
def test_sequence_breakdown_row_equals_the_report_filtered_by_its_value(case: Case) -> None:
    client, _ = case
    for dimension, name in (("countries", "visit:country"), ("pages", "event:page")):
        rows = get(client, steps="page:/**,event:signup", breakdown=dimension)
        assert [row["converting_visitors"] for row in rows] == sorted(
            (row["converting_visitors"] for row in rows), reverse=True
        )
        for row in rows:
            filters = f'[["is", "{name}", ["{row["value"]}"]]]'
            assert row == {"value": row["value"], **get(client, steps="page:/**,event:signup", filters=filters)}
        assert get(client, steps="page:/**,event:signup", breakdown=dimension, limit="1") == rows[:1]


@pytest.mark.sampled(3, 1)
def test_sequence_breakdown_respects_the_filter(case: Case) -> None:
    client, _ = case
    asked = {"steps": "page:/a,page:/b", "filters": '[["is", "visit:browser", ["Firefox"]]]'}
    rows = get(client, breakdown="browsers", **asked)
    assert rows == [{"value": "Firefox", **get(client, **asked)}]


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({}, "steps is missing; it lists what visitors do, such as page:/pricing,event:signup."),
        ({"steps": "page:/a"}, "steps has 1 steps, but must have 2 to 32."),
        ({"steps": "page:/a,evnt:b"}, "steps has 'evnt' at character 9 (page:/a,▸evnt:b), but there must be"),
        ({"steps": "page:/a,page:/b", "pattern": "(?1)(?3)"}, "pattern has '3' at character 7 ((?1)(?▸3)), but"),
        ({"steps": "page:/a,page:/b", "pattern": ""}, "pattern ends after character 0 (▸), but there must be a step"),
        ({"steps": "page:/a,page:/b", "details": "yes"}, "details is 'yes', but must be true or false."),
        ({"steps": "page:/a,page:/b", "limit": "3"}, "limit is given without breakdown; there is one row."),
        ({"steps": "page:/a,page:/b", "breakdown": "page"}, "breakdown is 'page', but must be one of pages,"),
        ({"steps": "page:/a,page:/b", "breakdown": "pages", "limit": "0"}, "limit is '0', but must be"),
        (
            {"steps": "page:/a,page:/b", "breakdown": "pages", "details": "true"},
            "details is given with breakdown; leave one out, or ask for one value by filters.",
        ),
    ],
)
def test_invalid_sequences_parameter_is_400_with_a_sentence(
    empty: TestClient, parameters: dict[str, str], sentence: str
) -> None:
    answer = empty.get("/api/stats/sequences", params={"site_id": SITE, **parameters})
    assert (answer.status_code, sentence in answer.json()["error"]) == (400, True), answer.text


def test_a_site_without_events_has_zeros(empty: TestClient) -> None:
    zeros = {"converting_visitors": 0, "total_visitors": 0, "conversion_rate": 0}
    assert get(empty, steps="page:/a,page:/b") == zeros
    assert get(empty, steps="page:/a,page:/b", details="true") == {**zeros, "matches": 0, "median_seconds": [None]}
    assert get(empty, steps="page:/a,page:/b", filters='[["is", "event:page", ["/"]]]') == zeros
    assert get(empty, steps="page:/a,page:/b", breakdown="pages") == []


EXAMPLE = {
    1: [("10:00", "/pricing"), ("10:30", "/docs"), ("10:40", "signup")],
    2: [("10:00", "/pricing"), ("10:50", "/help"), ("11:01", "signup")],
    3: [("10:00", "/pricing"), ("11:00", "/pricing"), ("11:20", "signup")],
    4: [("10:00", "signup"), ("10:10", "/pricing")],
}


def test_documented_sequence_example_is_reproduced(tmp_path: Path) -> None:
    rows: list[Row] = [
        {
            "event_id": 100 * visitor + number,
            "visitor_id": visitor,
            "timestamp": datetime.fromisoformat(f"2026-03-09T{clock}"),
            "event_name": "pageview" if what.startswith("/") else what,
            "pathname": what if what.startswith("/") else "/signup",
        }
        for visitor, events in EXAMPLE.items()
        for number, (clock, what) in enumerate(events)
    ]
    with closing(DuckDBEngine(LocalStore(tmp_path), lambda _: pending_rows(rows), memory_mb=128, threads=1)) as engine:
        client, steps = client_of(engine), "page:/pricing,event:signup"
        assert get(client, steps=steps)["converting_visitors"] == 3
        assert get(client, steps=f"{steps},page:/help", pattern="(?1)(?2)")["converting_visitors"] == 2
        assert get(client, steps=steps, pattern="(?1)(?t<=3600)(?2)", details="true") == {
            "converting_visitors": 2,
            "total_visitors": 4,
            "conversion_rate": 0.5,
            "matches": 2,
            "median_seconds": [30 * 60],
        }
        assert get(client, steps=steps, pattern="(?1).*(?t<=3600)(?2)")["converting_visitors"] == 3


def test_sequence_matching_is_bounded_for_one_visitor_with_many_events(tmp_path: Path) -> None:
    begin = datetime(2026, 3, 9)  # noqa: DTZ001  # the table's timestamps are naive UTC
    rows: list[Row] = [
        {
            "event_id": number,
            "visitor_id": 1,
            "timestamp": begin + timedelta(milliseconds=800 * number),
            "event_name": "pageview",
            "pathname": "/b" if number == 99_999 else "/a",
        }
        for number in range(100_000)
    ]
    waiting = pending_rows(rows)
    with closing(DuckDBEngine(LocalStore(tmp_path), lambda _: waiting, memory_mb=256, threads=1)) as engine:
        pattern = "(?1).*" * 9 + "(?1)(?t>=2)(?1)(?t<=1)(?2)"
        found = get(client_of(engine), steps="page:/a,page:/b", pattern=pattern, details="true")
    assert (found["converting_visitors"], found["matches"]) == (1, 1)


def test_events_of_equal_time_are_ordered_by_id_without_hour_order(tmp_path: Path) -> None:
    moment = datetime(2026, 3, 9, 12)  # noqa: DTZ001  # the table's timestamps are naive UTC
    row = {"visitor_id": 1, "timestamp": moment, "event_name": "pageview"}
    rows: list[Row] = [{**row, "event_id": 2, "pathname": "/a"}, {**row, "event_id": 1, "pathname": "/b"}]
    with closing(DuckDBEngine(LocalStore(tmp_path), lambda _: pending_rows(rows), memory_mb=128, threads=1)) as engine:
        client = client_of(engine)
        assert get(client, steps="page:/a,page:/b")["converting_visitors"] == 0
        assert get(client, steps="page:/b,page:/a")["converting_visitors"] == 1
