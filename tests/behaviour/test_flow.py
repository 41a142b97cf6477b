"""Flow over the API, wherever the events lie: what reading each visitor's events gives, and sentences."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.store.local import LocalStore
from support.behaviour_case import Case, client_of, events_in
from support.behaviour_flow import BEGINS, tree_of, way_of
from support.portions import cut_all_days
from support.random_events import SITE, pending_rows
from support.reference import Row, matched, order_of

ANCHORS: list[tuple[dict[str, str], Callable[[Row], bool]]] = [
    ({"page": "/a"}, lambda row: row["pathname"] == "/a"),
    ({"page": "/b**"}, lambda row: row["pathname"].startswith("/b")),
    ({"event": "signup"}, lambda row: row["event_name"] == "signup"),
    ({"event": "pageview"}, lambda row: row["event_name"] == "pageview"),
]
PLACES = ("table", "overlap", "spanning", "rounded")


@pytest.fixture(scope="module", params=PLACES)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    with events_in(request.param, tmp_path_factory.mktemp("case")) as case:
        yield case


def get(client: TestClient, **parameters: str) -> Any:
    answer = client.get("/api/stats/flow", params={"site_id": SITE, "period": "7d", **parameters})
    assert answer.status_code == 200, answer.text
    return answer.json()


def visitors_of(rows: list[Row]) -> list[list[Row]]:
    found = defaultdict(list)
    for row in sorted(rows, key=order_of):
        if row["visitor_id"] is not None:
            found[row["visitor_id"]].append(row)
    return list(found.values())


@pytest.mark.sampled(10, 1)
@pytest.mark.parametrize("begin", BEGINS)
@pytest.mark.parametrize("anchor", range(len(ANCHORS)))
def test_flow_equals_a_plain_reading_of_each_visitors_events(
    case: Case,
    monkeypatch: pytest.MonkeyPatch,
    anchor: int,
    begin: tuple[str, str],
) -> None:
    direction, base = begin
    cut_all_days(monkeypatch, parts=2)
    client, rows = case
    (asked, is_anchor), names = ANCHORS[anchor], ("next_page", "next")
    names = names if direction == "forward" else ("previous_page", "previous")
    for depth, limit, exits in ((1, 10, False), (3, 2, True)):
        ways = [
            way_of(events, is_anchor, of_page="page" in asked, direction=direction, base=base, depth=depth)
            for events in visitors_of(rows)
        ]
        expected = tree_of(filter(None, ways), depth, limit, exits=exits, names=names)
        options = {"direction": direction, "base": base, "depth": str(depth), "limit": str(limit)}
        assert get(client, **asked, **options, exits=str(exits).lower()) == expected
        # Beyond the first and the last page view there is nothing.
        assert expected or asked == {"event": "pageview"}


def test_flow_response_without_options_has_the_seed_shape(case: Case) -> None:
    client, rows = case
    ways = [
        way_of(events, ANCHORS[0][1], of_page=True, direction="forward", base="first_match", depth=1)
        for events in visitors_of(rows)
    ]
    found = get(client, page="/a")
    assert found == tree_of(filter(None, ways), 1, 10, exits=False, names=("next_page", "next"))
    assert {tuple(row) for row in found} == {("next_page", "visitors")}


@pytest.mark.sampled(2)
def test_flow_of_five_steps_is_computed_in_one_portion(case: Case) -> None:
    client, rows = case
    ways = [
        way_of(events, ANCHORS[1][1], of_page=True, direction="forward", base="first_match", depth=5)
        for events in visitors_of(rows)
    ]
    expected = tree_of(filter(None, ways), 5, 5, exits=True, names=("next_page", "next"))
    assert get(client, page="/b**", depth="5", exits="true") == expected


@pytest.mark.sampled(2)
def test_flow_follows_only_events_that_pass_the_filter(case: Case) -> None:
    client, rows = case
    passing = [row for row, _ in matched(rows, [["is_not", "event:page", ["/b"]]])]
    ways = [
        way_of(events, ANCHORS[0][1], of_page=True, direction="forward", base="first_match", depth=2)
        for events in visitors_of(passing)
    ]
    found = get(client, page="/a", depth="2", exits="true", filters='[["is_not", "event:page", ["/b"]]]')
    assert found == tree_of(filter(None, ways), 2, 10, exits=True, names=("next_page", "next"))


def test_documented_flow_example_is_reproduced(tmp_path: Path) -> None:
    noon = datetime(2026, 3, 9, 12)  # noqa: DTZ001  # the table's timestamps are naive UTC
    seen = {
        1: ["/pricing", "/pricing", "/signup", "signup", "/welcome"],
        2: ["/", "/pricing", "/", "/pricing", "/docs"],
        3: ["/docs", "/pricing"],
    }
    rows: list[Row] = [
        {
            "event_id": 100 * visitor + minute,
            "visitor_id": visitor,
            "timestamp": noon + timedelta(minutes=minute),
            "event_name": "pageview" if what.startswith("/") else what,
            "pathname": what if what.startswith("/") else "/signup",
        }
        for visitor, events in seen.items()
        for minute, what in enumerate(events)
    ]
    with closing(DuckDBEngine(LocalStore(tmp_path), lambda _: pending_rows(rows), memory_mb=128, threads=1)) as engine:
        client = client_of(engine)
        plain = [{"next_page": "/", "visitors": 1}, {"next_page": "/signup", "visitors": 1}]
        assert get(client, page="/pricing") == plain
        assert get(client, page="/pricing", exits="true") == [*plain, {"next_page": None, "visitors": 1}]
        last = [{"next_page": "/docs", "visitors": 1}, {"next_page": "/signup", "visitors": 1}]
        assert get(client, page="/pricing", base="last_match") == last
        assert get(client, page="/pricing", base="head") == [{"next_page": "/signup", "visitors": 1}]
        before = [{"previous_page": "/", "visitors": 1}, {"previous_page": "/docs", "visitors": 1}]
        assert get(client, page="/pricing", direction="backward") == before
        assert get(client, event="signup") == [{"next_page": "/welcome", "visitors": 1}]
        assert get(client, event="signup", direction="backward", depth="2") == [
            {
                "previous_page": "/signup",
                "visitors": 1,
                "previous": [{"previous_page": "/pricing", "visitors": 1}],
            }
        ]
        assert get(client, page="/nowhere", depth="5", exits="true") == []


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({}, "page or event is needed, and only one of them: what the flow begins at, such as page=/pricing."),
        ({"page": "/", "event": "signup"}, "page or event is needed, and only one of them"),
        ({"page": ""}, "page is '', but must be a path, such as /pricing or /blog/*."),
        ({"page": "pricing"}, "page is 'pricing', but must be a path, such as /pricing or /blog/*."),
        ({"event": ""}, "event is '', but must be an event's name, such as signup."),
        ({"page": "/" * 2049}, "but must be a text of 1 to 2048 characters"),
        ({"page": "/", "direction": "up"}, "direction is 'up', but must be forward or backward."),
        ({"page": "/", "base": "first"}, "base is 'first', but must be first_match, last_match, head or tail."),
        ({"page": "/", "base": "tail"}, "base is tail, but nothing lies beyond that where direction is forward."),
        ({"page": "/", "base": "head", "direction": "backward"}, "base is head, but nothing lies beyond that where"),
        ({"page": "/", "depth": "6"}, "depth is '6', but must be 1, 2, 3, 4 or 5."),
        ({"page": "/", "depth": "5", "limit": "6"}, "limit is 6, but must be at most 5 where depth is 5."),
        ({"page": "/", "limit": "1001"}, "limit is '1001', but must be a whole number from 1 to 1000."),
        ({"page": "/", "exits": "1"}, "exits is '1', but must be true or false."),
    ],
)
def test_invalid_flow_parameter_is_400_with_a_sentence(
    empty: TestClient, parameters: dict[str, str], sentence: str
) -> None:
    answer = empty.get("/api/stats/flow", params={"site_id": SITE, **parameters})
    assert (answer.status_code, sentence in answer.json()["error"]) == (400, True), answer.text
