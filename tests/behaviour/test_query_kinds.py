"""Funnels, flows, retention and sequences of v2 queries equal a plain recomputation, wherever events lie."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from fastapi.testclient import TestClient

from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.event import ENGAGEMENT
from mallard.maintenance.rollup_builder import build_rollups
from mallard.store.local import LocalStore
from support.behaviour_case import client_of
from support.kind_reference import IsStep, KindReference, named, page, scrolled
from support.portions import cut_all_days
from support.random_events import SITE, pending_rows, random_rows, store_rows, with_rounded_times
from support.reference import Row, day_of

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
RANGE = ["2026-03-04", "2026-03-10"]
HOUR_MS = 3_600_000
PLACES = ("table", "queue", "overlap", "rolled up", "spanning", "rounded overlap")

GOALS = [
    {"name": "Paid", "event": "signup", "currency": "EUR"},
    {"name": "Half of b", "page": "/b", "scroll_threshold": 50},
    {"name": "Pro", "event": "signup", "props": {"plan": "pro"}},
]

FILTERS: list[list[Any]] = [
    [],
    [["is", "visit:country", ["DE"]]],
    [["is_not", "event:page", ["/a"]], ["is_not", "visit:browser", ["Firefox"]]],
    [["has_done", ["is", "event:name", ["signup"]]]],
]

Case = tuple[TestClient, list[Row]]


@pytest.fixture(scope="module", params=PLACES)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    """400 random events with properties, money and scroll depths."""
    random, kind = Random(request.param), request.param
    rows = random_rows(random, 400, NOW)
    for row in rows:
        row["props"] = random.choice([None, '{"plan": "pro"}', '{"plan": "free"}'])
        if row["event_name"] == "signup" and random.random() < 0.8:
            row["revenue_amount"] = Decimal(random.randrange(-500, 5000)) / 100
            row["revenue_currency"] = random.choice(["EUR", "EUR", "USD"])
        if row["event_name"] == ENGAGEMENT:
            row["scroll_depth"] = random.choice([None, random.randrange(101)])
    if kind == "spanning":
        rows = [row | {"visitor_id": row["visitor_id"] and row["visitor_id"] % 100} for row in rows]
    if kind == "rounded overlap":
        rows = with_rounded_times(random, rows, 0.8)
    stored = [] if kind == "queue" else rows[:250] if kind.endswith("overlap") else rows
    waiting = rows if kind == "queue" else rows[150:] if kind.endswith("overlap") else []
    store = LocalStore(tmp_path_factory.mktemp("case"))
    store_rows(store, stored, seal_rows=20, spans_days=kind == "spanning")
    with closing(DuckDBEngine(store, lambda _: pending_rows(waiting), memory_mb=256, threads=1)) as engine:
        engine.site_settings.change(SITE, {"goals": GOALS}, NOW)
        if kind == "rolled up":
            assert build_rollups(store, engine, NOW).days == 5
        yield client_of(engine), rows


def ask(case: Case, kind: dict[str, Any], **more: Any) -> Any:
    answer = case[0].post("/api/v2/query", json={"site_id": SITE, "date_range": RANGE, **kind, **more})
    assert answer.status_code == 200, answer.json()
    return answer.json()


Funnel = tuple[list[dict[str, Any]], list[IsStep], dict[int, str]]

FUNNELS: list[Funnel] = [
    (
        [{"page": "/"}, {"page": "/a"}, {"event": "signup", "currency": "EUR"}],
        [page("/"), page("/a"), named("signup")],
        {2: "EUR"},
    ),
    (
        [{"page": "/**"}, {"page": "/b*", "scroll_threshold": 40}, {"goal": "Paid"}],
        [page("/", "/a", "/b", "/b/c"), scrolled(40, "/b"), named("signup")],
        {2: "EUR"},
    ),
    (
        [{"goal": "Half of b"}, {"event": "signup", "props": {"plan": "pro"}}],
        [scrolled(50, "/b"), named("signup", plan="pro")],
        {},
    ),
    (
        [{"event": "signup", "currency": "USD"}, {"goal": "Pro", "currency": "USD"}],
        [named("signup"), named("signup", plan="pro")],
        {0: "USD", 1: "USD"},
    ),
]


@pytest.mark.sampled(10, 1)
@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("filters", FILTERS)
@pytest.mark.parametrize("funnel", FUNNELS, ids=lambda funnel: json.dumps(funnel[0]))
def test_funnel_equals_the_reference(case: Case, funnel: Funnel, filters: list[Any], strict: bool) -> None:
    steps, are_steps, money = funnel
    asked = {"steps": steps, "window": "12 hours", "strict_order": strict}
    found = ask(case, {"funnel": asked}, filters=filters)["results"]
    labels = [row.pop("label") for row in found["steps"]]
    assert labels == [next(iter(step.values())) for step in steps]
    expected = KindReference(case[1]).funnel(are_steps, 12 * HOUR_MS, filters, strict=strict, currencies=money)
    assert found == expected


@pytest.mark.sampled(3, 1)
def test_funnel_with_pings_is_the_same_in_parts(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = [{"funnel": {"steps": FUNNELS[1][0]}}, {"flow": {"steps": [{"page": "/a"}]}}]
    whole = [ask(case, each, date_range=RANGE[1:] * 2)["results"] for each in kinds]
    cut_all_days(monkeypatch)
    assert [ask(case, each, date_range=RANGE[1:] * 2)["results"] for each in kinds] == whole


@pytest.mark.sampled(3, 1)
def test_funnels_of_the_reference_reach_every_step(case: Case) -> None:
    """Else the tests above would compare zeros."""
    reference = KindReference(case[1])
    found = [reference.funnel(are_steps, 12 * HOUR_MS, [], currencies=money) for _, are_steps, money in FUNNELS]
    assert sum(each["steps"][-1]["visitors"] > 0 for each in found) > 1
    assert any(each["steps"][-1].get("revenue", {"value": 0})["value"] for each in found)


RUNS: list[tuple[list[str], list[list[str]]]] = [
    ([], []),
    (["/a"], [["/a"]]),
    (["/**", "/b*"], [["/", "/a", "/b", "/b/c"], ["/b"]]),
    (["/", "/a", "/"], [["/"], ["/a"], ["/"]]),
]


@pytest.mark.sampled(20, 1)
@pytest.mark.parametrize(("depth", "search"), [(1, ""), (1, "B"), (3, "")])
@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("filters", FILTERS)
@pytest.mark.parametrize("run", RUNS, ids=lambda run: ",".join(run[0]) or "none")
def test_flow_equals_the_reference(
    case: Case,
    run: tuple[list[str], list[list[str]]],
    filters: list[Any],
    direction: str,
    depth: int,
    search: str,
) -> None:
    steps, paths = run
    asked = {"steps": [{"page": each} for each in steps], "direction": direction, "depth": depth}
    found = ask(case, {"flow": asked | ({"search": search} if search else {})}, filters=filters)["results"]
    assert found == {"next": KindReference(case[1]).next_pages(paths, filters, direction, search, depth)}


@pytest.mark.sampled(9, 1)
@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("filters", FILTERS)
@pytest.mark.parametrize("run", RUNS[1:], ids=lambda run: ",".join(run[0]))
def test_flow_funnel_equals_the_reference(
    case: Case, run: tuple[list[str], list[list[str]]], filters: list[Any], direction: str
) -> None:
    steps, paths = run
    asked = {"steps": [{"page": each} for each in steps], "direction": direction, "funnel": True}
    found = ask(case, {"flow": asked}, filters=filters)["results"]["funnel"]
    assert [row["page"] for row in found] == steps
    assert [row["visitors"] for row in found] == KindReference(case[1]).flow_funnel(paths, filters, direction)


@pytest.mark.sampled(5, 1)
@pytest.mark.parametrize("filters", FILTERS)
def test_sequence_equals_the_reference(case: Case, filters: list[Any]) -> None:
    asked = {"steps": [{"page": "/b", "scroll_threshold": 30}, {"event": "signup"}], "pattern": "(?1).*(?2)"}
    found = ask(case, {"sequence": asked}, filters=filters)["results"]
    assert found == KindReference(case[1]).sequence(scrolled(30, "/b"), named("signup"), filters)


@pytest.mark.sampled(5, 1)
@pytest.mark.parametrize("filters", FILTERS)
def test_retention_and_sequence_answer_as_their_endpoints(case: Case, filters: list[Any]) -> None:
    span = {"site_id": SITE, "start_date": RANGE[0], "end_date": "2026-03-11", "filters": json.dumps(filters)}
    found = case[0].get("/api/stats/retention", params={**span, "interval": "day", "count": "3"}).json()
    assert ask(case, {"retention": {"interval": "day", "count": 3}}, filters=filters)["results"] == found
    steps = [{"page": "/a"}, {"event": "signup"}]
    found = case[0].get("/api/stats/sequences", params={**span, "steps": json.dumps(steps)}).json()
    assert ask(case, {"sequence": {"steps": steps}}, filters=filters)["results"] == found


@pytest.mark.sampled(3, 1)
def test_breakdown_with_scrolled_steps_is_the_report_of_each_value(case: Case) -> None:
    steps = json.dumps([{"page": "/b", "scroll_threshold": 30}, {"event": "signup", "props": {"plan": "pro"}}])
    asked = {"site_id": SITE, "start_date": RANGE[0], "end_date": "2026-03-11", "steps": steps}
    found = case[0].get("/api/stats/funnel", params={**asked, "breakdown": "countries"}).json()
    assert found
    for row in found:
        filters = json.dumps([["is", "visit:country", [row["value"]]]])
        assert case[0].get("/api/stats/funnel", params={**asked, "filters": filters}).json() == row["steps"]
    for report, dimension in (("funnel", "pages"), ("sequences", "events")):
        answer = case[0].get(f"/api/stats/{report}", params={**asked, "breakdown": dimension})
        assert f"breakdown is '{dimension}', but a step with a scroll_threshold is no event" in answer.json()["error"]


@pytest.mark.sampled(5, 1)
@pytest.mark.parametrize(
    "kind",
    [
        {"funnel": {"steps": FUNNELS[0][0]}},
        {"flow": {"steps": [{"page": "/a"}]}},
        {"flow": {"steps": [{"page": "/a"}, {"page": "/b"}], "funnel": True}},
        {"sequence": {"steps": [{"page": "/a"}, {"event": "signup"}]}},
        {"retention": {"interval": "day", "count": 2}},
    ],
    ids=lambda kind: json.dumps(kind)[:30],
)
def test_comparison_is_the_answer_of_the_earlier_range(case: Case, kind: dict[str, Any]) -> None:
    days, earlier = ["2026-03-08", "2026-03-09"], ["2026-03-06", "2026-03-07"]
    found = ask(case, kind, date_range=days, include={"comparisons": {"mode": "previous_period"}})
    now, before = (ask(case, kind, date_range=each)["results"] for each in (days, earlier))
    if "retention" in kind:
        assert (found["results"], found["comparison"]) == (now, before)
    else:
        assert found["results"] == {**now, "comparison": before}
    assert found["query"]["comparison_date_range"] == ["2026-03-06T00:00:00+00:00", "2026-03-07T23:59:59+00:00"]


@pytest.mark.sampled(3, 1)
def test_part_of_a_day_counts_its_events_alone(case: Case) -> None:
    day = date(2026, 3, 8)
    inside = [row for row in case[1] if day_of(row) == day and 6 <= row["timestamp"].hour < 18]
    asked = {"steps": FUNNELS[1][0], "window": "12 hours"}
    found = ask(case, {"funnel": asked}, date_range=["2026-03-08T06:00:00Z", "2026-03-08T17:59:59Z"])["results"]
    seen = {row["visitor_id"] for row in inside if row["event_name"] != ENGAGEMENT} - {None}
    assert found["all_visitors"] == len(seen)
    assert found["entering_visitors"] == len(seen)
