"""Wrong funnels, flows, retention and sequences of v2 queries are refused in a sentence that names the field."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from support.random_events import SITE

OK = {"page": "/a"}
KIND_NAMES = "funnel, flow, retention, sequence"

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"metrics": ["visitors"], "funnel": {"steps": [OK]}}, "funnel and metrics stand together, but a query has one of"),
    ({"flow": {}, "retention": {}}, f"flow and retention stand together, but a query has one of metrics, {KIND_NAMES}"),
    ({"flow": {}, "dimensions": ["event:page"]}, "dimensions is ['event:page'], but must be left out where there is"),
    ({"flow": {}, "order_by": [["visitors", "asc"]]}, "order_by is [['visitors', 'asc']], but must be left out"),
    ({"flow": {}, "pagination": {"limit": 3}}, "pagination is {'limit': 3}, but must be left out where there is flow"),
    ({"flow": {}, "explain": True}, "explain is True, but must be left out where there is flow"),
    ({"flow": {}, "include": {"total_rows": True}}, "include.total_rows is True, but must be left out"),
    ({"funnel": []}, "funnel is [], but must be an object with some of steps, window, strict_order"),
    ({"funnel": None}, "funnel is None, but must be an object"),
    ({"funnel": {}}, "funnel.steps is None, but must be a list of steps such as"),
    ({"funnel": {"steps": []}}, "funnel.steps has 0 steps, but must have 1 to 32"),
    ({"funnel": {"steps": [OK] * 33}}, "funnel.steps has 33 steps, but must have 1 to 32"),
    ({"funnel": {"steps": OK}}, "funnel.steps is {'page': '/a'}, but must be a list of steps"),
    ({"funnel": {"steps": [OK, "b"]}}, 'funnel.steps[1] is "b", but must be an object such as'),
    (
        {"funnel": {"steps": [{"pages": "/a"}]}},
        "with some of page, event, goal, filters, props, scroll_threshold",
    ),
    ({"funnel": {"steps": [OK, {"page": 3}]}}, "funnel.steps[1].page is 3, but must be a text of 1 to 2048"),
    (
        {"funnel": {"steps": [OK, {"page": "a"}]}},
        'funnel.steps[1].page is "a", but must be a page, which begins',
    ),
    ({"funnel": {"steps": [{"event": ""}]}}, 'funnel.steps[0].event is "", but must be a text of 1 to 2048'),
    ({"funnel": {"steps": [OK, {"goal": "No"}]}}, "In funnel.steps[1]: 'No' is no goal of this site; it has none"),
    ({"funnel": {"steps": [OK | {"props": []}]}}, "funnel.steps[0].props is [], but must be an object of at most 30"),
    ({"funnel": {"steps": [OK | {"props": {"a": 1}}]}}, "funnel.steps[0].props.a is 1, but must be a text"),
    ({"funnel": {"steps": [OK | {"props": {"": "x"}}]}}, "an object whose names have 1 to 300 characters"),
    ({"funnel": {"steps": [OK | {"scroll_threshold": 101}]}}, "funnel.steps[0].scroll_threshold is 101, but must be a"),
    ({"funnel": {"steps": [OK | {"scroll_threshold": True}]}}, "scroll_threshold is true, but must be a whole percent"),
    ({"funnel": {"steps": [OK | {"scroll_threshold": None}]}}, "scroll_threshold is null, but must be a whole percent"),
    ({"funnel": {"steps": [{"event": "a", "scroll_threshold": 5}]}}, "steps[0].scroll_threshold goes with a page, and"),
    ({"funnel": {"steps": [OK | {"currency": "usd"}]}}, 'steps[0].currency is "usd", but must be an ISO 4217 code'),
    ({"funnel": {"steps": [OK | {"currency": "USD", "scroll_threshold": 5}]}}, "currency goes with an event or goal"),
    ({"funnel": {"steps": [{"filters": []}]}}, 'funnel.steps[0] is {"filters": []}, but must be a step: its filters'),
    ({"funnel": {"steps": [{"filters": [["is", "visit:entry_page", ["/"]]]}]}}, "In funnel.steps[0]: a step is one"),
    (
        {"funnel": {"steps": [{"filters": [["is", "event:page", [3.5]]]}]}},
        "In funnel.steps[0]: filters[0][2][0] is 3.5",
    ),
    (
        {"funnel": {"steps": [{"page": "*"}] * 32, "window": "1"}},
        "funnel.window ends after character 1 (1▸), but",
    ),
    ({"funnel": {"steps": [OK], "window": 3}}, "funnel.window is 3, but must be a text of 1 to 500 characters"),
    ({"funnel": {"steps": [OK], "window": "500 days"}}, "funnel.window is '500 days', but may be 400 days at most"),
    ({"funnel": {"steps": [OK], "strict_order": "yes"}}, "funnel.strict_order is 'yes', but must be true or false"),
    ({"funnel": {"steps": [OK], "mode": "x"}}, "funnel has 'mode', but may have steps, window, strict_order"),
    ({"flow": {"steps": [{"event": "a"}]}}, 'flow.steps[0] is {"event": "a"}, but must be an object such as'),
    ({"flow": {"direction": "up"}}, "flow.direction is 'up', but must be one of forward, backward"),
    ({"flow": {"search": ""}}, "flow.search is '', but must be a text of 1 to 500 characters"),
    ({"flow": {"search": "a\0"}}, "flow.search is 'a\\x00', but must be a text"),
    ({"flow": {"depth": 6}}, "flow.depth is 6, but must be a whole number from 1 to 5"),
    ({"flow": {"depth": 3, "limit": 32}}, "flow.limit is 32, but must be at most 31 where flow.depth is 3"),
    ({"flow": {"limit": 0}}, "flow.limit is 0, but must be a whole number from 1 to 1000"),
    ({"flow": {"funnel": 1}}, "flow.funnel is 1, but must be true or false"),
    ({"flow": {"funnel": True}}, "flow.funnel is true, but flow.steps has none that could be counted"),
    ({"flow": {"funnel": True, "steps": [OK], "search": "a"}}, "flow.search is of the pages that come next, which"),
    ({"retention": {"interval": "year"}}, "retention.interval is 'year', but must be one of day, week, month"),
    ({"retention": {"count": 53}}, "retention.count is 53, but must be a whole number from 1 to 52"),
    ({"retention": {"weeks": 3}}, "retention has 'weeks', but may have interval, count"),
    ({"sequence": {"steps": [OK]}}, "sequence.steps has 1 steps, but must have 2 to 32"),
    ({"sequence": {"steps": [OK, OK], "pattern": "(?3)"}}, "sequence.pattern has '3' at character 3 ((?▸3)), but"),
    ({"sequence": {"steps": [OK, OK | {"currency": "USD"}]}}, "sequence.steps[1] is"),
    ({"flow": {}, "format": "xml"}, "format is 'xml', but must be one of json, csv, parquet"),
    ({"metrics": ["visits"], "format": None}, "format is None, but must be one of json, csv, parquet"),
    ({"metrics": ["visits"], "format": "csv", "explain": True}, "explain is true, but format is csv, which has rows"),
    (
        {"metrics": ["visits"], "format": "csv", "include": {"total_rows": True}},
        "total_rows is true, but format is",
    ),
    ({"flow": {}, "date_range": "8d"}, "date_range is '8d', but must be one of"),
    ({"flow": {}, "filters": [["is", "visit:nation", ["x"]]]}, "filters[0][1] is 'visit:nation'"),
    ({"flow": {}, "include": {"comparisons": {"mode": "before"}}}, "include.comparisons.mode is 'before'"),
]


@pytest.mark.parametrize(("fields", "sentence"), WRONG, ids=lambda value: str(value)[:50])
def test_wrong_kind_is_refused_in_a_sentence(empty: TestClient, fields: dict[str, Any], sentence: str) -> None:
    answer = empty.post("/api/v2/query", json={"site_id": SITE, "date_range": "7d", **fields})
    assert answer.status_code == 400
    assert sentence in answer.json()["error"]


@pytest.mark.parametrize(
    ("kind", "results"),
    [
        ({"flow": {}}, {"next": []}),
        ({"sequence": {"steps": [OK, OK]}}, {"converting_visitors": 0, "total_visitors": 0, "conversion_rate": 0.0}),
        ({"flow": {"steps": [OK], "depth": 5}}, {"next": []}),
    ],
    ids=str,
)
def test_kind_of_a_site_without_events_is_empty(empty: TestClient, kind: dict[str, Any], results: Any) -> None:
    body = {"site_id": SITE, "date_range": "all", **kind}
    assert empty.post("/api/v2/query", json=body).json()["results"] == results


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_file_of_a_site_without_events_has_its_columns(empty: TestClient, form: str) -> None:
    answer = empty.post("/api/v2/query", json={"site_id": SITE, "date_range": "7d", "flow": {}, "format": form})
    assert answer.status_code == 200
    assert b"visitors" in answer.content
