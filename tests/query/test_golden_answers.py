"""Answers of ``POST /api/v2/query``: every metric by every dimension, and every operator of every dimension.

They stand in ``golden/`` to be read, and equal a recomputation in plain Python as well.
``PYTHONPATH=tests python tests/query/test_golden_answers.py`` writes them anew.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pytest
from fastapi.testclient import TestClient

from mallard.engine.base import PENDING
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.errors import QueryError
from mallard.reports.query_runner import QueryRunner
from mallard.reports.standard_reports import Stats
from mallard.sites.time_zone import UTC_DAYS
from mallard.stats.dimensions import BY_V2_NAME, GOAL
from mallard.stats.filter_tree import OPERATORS
from mallard.stats.grouping import TIMES
from mallard.stats.metric_formulas import QUERY_METRICS
from mallard.stats.query_body import read_body
from mallard.store.local import LocalStore
from support.clock_change import END, GOALS, ROWS, START, ZONE
from support.open_access import api_of
from support.query_reference import BLANK, QueryReference
from support.random_events import SITE, store_rows

GOLDEN = Path(__file__).with_name("golden")
NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)

PROPERTIES = ("event:props:plan", "event:props:seats")
FILTERED = (*BY_V2_NAME, GOAL, *PROPERTIES)
DIMENSIONS = (None, *FILTERED, "time", *TIMES)
ASKED: tuple[tuple[tuple[str, ...], list[Any]], ...] = (
    (QUERY_METRICS, []),
    (
        ("visits", "bounce_rate", "scroll_depth", "time_on_page"),
        [["is", "event:page", ["/pricing", "/blog/x"]]],
    ),
    (
        ("visitors", "events", "conversion_rate", "group_conversion_rate"),
        [["is", GOAL, ["Signup", "Read"]]],
    ),
)
"""Metrics and filters: the last of each need the filter, or a dimension."""

COUNTED = ("visitors", "visits", "pageviews", "events")

PRESENT = {
    "event:page": "/pricing",
    "event:hostname": "b.example",
    "event:name": "signup",
    GOAL: "Signup",
    "event:props:plan": "pro",
    "event:props:seats": "5",
    "visit:source": "Google",
    "visit:referrer": "https://www.google.com/",
    "visit:channel": "Organic Search",
    "visit:utm_source": "newsletter",
    "visit:utm_medium": "email",
    "visit:utm_campaign": "spring",
    "visit:utm_content": "button",
    "visit:utm_term": "duck",
    "visit:device": "desktop",
    "visit:browser": "Firefox",
    "visit:browser_version": "120",
    "visit:os": "Windows",
    "visit:os_version": "17",
    "visit:country": "DE",
    "visit:region": "New York",
    "visit:region_name": "Bavaria",
    "visit:city": "Vienna",
    "visit:city_name": "Bonn",
    "visit:language": "de",
    "visit:screen": "1900",
    "visit:entry_page": "/blog/x",
    "visit:exit_page": "/pricing",
    "visit:entry_page_hostname": "a.example",
    "visit:exit_page_hostname": "b.example",
}
"""A value of each dimension."""


def body_of(metrics: Sequence[str], dimension: str | None, filters: list[Any]) -> dict[str, Any]:
    """The body of a query about the three days."""
    dimensions, dates = [dimension] if dimension else [], [START.isoformat(), END.isoformat()]
    return {"site_id": SITE, "date_range": dates, "metrics": [*metrics], "dimensions": dimensions, "filters": filters}


def refusal_of(body: dict[str, Any]) -> str | None:
    """The sentence that refuses a query."""
    try:
        read_body(body, NOW, UTC_DAYS)
    except QueryError as error:
        return str(error)
    return None


class Table:
    """All metrics that go with a dimension and a filter, and why the others do not."""

    def __init__(self, client: TestClient, metrics: Sequence[str], dimension: str | None, filters: list[Any]) -> None:
        alone = {name: refusal_of(body_of([name], dimension, filters)) for name in metrics}
        self.refused = {name: sentence for name, sentence in alone.items() if sentence}
        self.asked = metrics
        self.metrics = [name for name in metrics if name not in self.refused]
        self.dimensions = [dimension] if dimension else []
        self.filters = filters
        answer = client.post("/api/v2/query", json=body_of(self.metrics, dimension, filters))
        assert answer.status_code == 200, answer.text
        self.rows = {tuple(each["dimensions"]): each["metrics"] for each in answer.json()["results"]}

    def __str__(self) -> str:
        head = [self.dimensions[0] if self.dimensions else "", *self.metrics]
        lines = [[" ".join(key), *map(_shown, row)] for key, row in self.rows.items()]
        return "\n".join([*_aligned([head, *lines]), *self.refused.values()])


def _shown(metric: Any) -> str:
    return str(metric["long"]) if isinstance(metric, dict) else "-" if metric is None else str(metric)


def _aligned(lines: list[list[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for first, *others in lines:
        cells = [each.rjust(width) for each, width in zip(others, widths[1:], strict=True)]
        yield "  ".join([first.ljust(widths[0]), *cells]).rstrip()


class Answers(NamedTuple):
    """``counts`` are the numbers under a comparison, or the sentence that refuses it."""

    tables: list[Table]
    counts: dict[str, list[Any] | str]


def comparisons(dimension: str) -> Iterator[list[Any]]:
    """Each operator with a value that there is, and with the word for a missing one."""
    value = PRESENT[dimension]
    blank = "(none)" if dimension in PROPERTIES else BLANK.get(dimension, "(not set)")
    given = {"is": value, "contains": value[1:], "matches": f"^{value[:2]}"}
    for operator in OPERATORS:
        for each in (given[operator.removesuffix("_not")], blank):
            yield [operator, dimension, [each]]


@cache
def answers() -> Answers:
    """Everything, asked once, of one table of events."""
    with TemporaryDirectory() as folder:
        store = LocalStore(Path(folder))
        with closing(DuckDBEngine(store, lambda _: PENDING.empty_table(), memory_mb=256, threads=1)) as engine:
            engine.site_settings.change(SITE, {"timezone": ZONE, "goals": GOALS}, NOW - timedelta(days=10))
            store_rows(store, ROWS, seal_rows=20)
            with TestClient(api_of(lambda: engine, NOW, [SITE])) as client:
                tables = [Table(client, metrics, name, filters) for metrics, filters in ASKED for name in DIMENSIONS]
            return Answers(tables, dict(_counts(Stats(engine, NOW))))


def _counts(stats: Stats) -> Iterator[tuple[str, list[Any] | str]]:
    for name in FILTERED:
        for condition in comparisons(name):
            try:
                query = read_body(body_of(COUNTED, None, [condition]), NOW, stats.engine.zones(SITE)).query
                yield json.dumps(condition), list(QueryRunner(stats).answer(query, query.filters).rows[0].metrics)
            except QueryError as error:
                yield json.dumps(condition), str(error)


def texts() -> Mapping[str, str]:
    """The golden files by name."""
    tables = [f"{json.dumps(each.filters)}\n{each}" for each in answers().tables]
    counts = answers().counts
    lines = [[condition, *map(str, row)] for condition, row in counts.items() if isinstance(row, list)]
    refused = [f"{condition}\n    {row}" for condition, row in counts.items() if isinstance(row, str)]
    return {
        "v2_metrics": "\n\n".join(tables),
        "v2_filters": "\n".join([*_aligned([["", *COUNTED], *lines]), "", *refused]),
    }


@pytest.mark.parametrize("name", ["v2_metrics", "v2_filters"])
def test_answers_equal_their_golden_text(name: str) -> None:
    expected = (GOLDEN / f"{name}.txt").read_text("utf-8")
    assert texts()[name] + "\n" == expected, f"if this is meant: python {Path(__file__).name}"


def _plain(metric: Any) -> Any:
    return metric["value"] if isinstance(metric, dict) else metric


def test_every_metric_by_every_dimension_equals_the_reference() -> None:
    reference, differing = QueryReference(ROWS, START), {}
    for each in answers().tables:
        # Of three days these are the buckets.
        names = ["time:day" if name == "time" else name for name in each.dimensions]
        expected = reference.rows(each.metrics, names, each.filters)
        found = {key: list(map(_plain, row)) for key, row in each.rows.items()}
        for key in found.keys() | expected.keys():
            for place, metric in enumerate(each.metrics):
                pair = [rows[key][place] if key in rows else "no row" for rows in (found, expected)]
                if pair[0] != pair[1]:
                    differing[str(each.filters), *each.dimensions, key, metric] = pair
    assert differing == {}


def test_every_operator_of_every_dimension_equals_the_reference() -> None:
    reference = QueryReference(ROWS, START)
    found = {condition: row for condition, row in answers().counts.items() if isinstance(row, list)}
    expected = {condition: reference.rows(COUNTED, [], [json.loads(condition)])[()] for condition in found}
    assert found == expected


def _is_refused(metric: str, dimension: str, filters: str) -> bool:
    """The rules of docs/query-api.md."""
    of_events = dimension in ("event:name", GOAL, *PROPERTIES)
    if metric in ("bounce_rate", "visit_duration", "views_per_visit") and of_events:
        return True
    if metric == "views_per_visit":
        return "event:page" in (dimension, *filters.split('"'))
    if metric == "exit_rate":
        return dimension != "visit:exit_page"
    if metric in ("scroll_depth", "time_on_page"):
        return of_events or GOAL in filters or "event:page" not in (dimension, *filters.split('"'))
    return metric.endswith("conversion_rate") and GOAL not in (dimension, *filters.split('"'))


def test_exactly_those_metrics_are_refused_that_do_not_go_with_a_dimension_or_filter() -> None:
    for each in answers().tables:
        dimension, filters = "".join(each.dimensions), json.dumps(each.filters)
        expected = {name for name in each.asked if _is_refused(name, dimension, filters)}
        assert (dimension, filters, set(each.refused)) == (dimension, filters, expected)


def test_only_comparisons_of_goals_are_refused() -> None:
    refused = [json.loads(condition)[:2] for condition, row in answers().counts.items() if isinstance(row, str)]
    # There is no goal with the word for a missing value.
    others = [operator for operator in OPERATORS[1:] if operator != "contains" for _ in ("value", "word")]
    assert refused == [[operator, GOAL] for operator in ("is", *others)]


if __name__ == "__main__":
    for golden_name, text in texts().items():
        (GOLDEN / f"{golden_name}.txt").write_text(text + "\n", "utf-8")
