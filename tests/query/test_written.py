"""Filters find rows by what an owner writes and by what a report shows."""

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from mallard.engine.sql.conditions import compile_filter
from mallard.errors import QueryError
from mallard.sites.settings import Goal
from mallard.stats.filters import read_filters

ROW: dict[str, str | None] = {
    "event_name": "Café",
    "pathname": "/café",
    "hostname": "xn--bcher-kva.example",
    "props": '{"é": "é"}',
    "referrer": "https://xn--fa-hia.example/a",
    "referrer_source": "xn--fa-hia.example",
    "utm_campaign": "é",
    "country_code": "DE",
    "device_type": "mobile",
}
OLD = {
    **dict.fromkeys(ROW),
    "event_name": "Signup ",
    "pathname": "/old%20",
    "hostname": "old",
    "props": '{"e\u0301": "x"}',
}
GOALS = (
    Goal("Cafe\u0301 ", event=" Cafe\u0301"),
    Goal("Page", page="/caf%C3%A9"),
    Goal("Pages", page="/caf%C3%A*"),
    Goal("Old", page="/old%20"),
    Goal("Props", page="/cafe\u0301*", props=(("e\u0301", "e\u0301"),)),
)


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE events (number INTEGER, {', '.join(f'{name} TEXT' for name in ROW)})")
        for number, row in enumerate((ROW, OLD)):
            marks = ", ".join("?" for _ in row)
            connection.execute(f"INSERT INTO events VALUES (?, {marks})", [number, *row.values()])
        yield connection


def met(database: duckdb.DuckDBPyConnection, asked: list[Any]) -> list[int]:
    found = read_filters([asked])
    assert found is not None
    conditions = compile_filter(found, GOALS)
    sql = f"SELECT number FROM events AS event WHERE {conditions.anonymous_event} ORDER BY number"
    return [number for (number,) in database.execute(sql, dict(conditions.values)).fetchall()]


@pytest.mark.parametrize(
    ("operator", "dimension", "value"),
    [
        ("is", "event:page", "/caf%C3%A9"),
        ("is", "event:page", "/cafe\u0301 "),
        ("is", "event:page", "https://bücher.example/caf%C3%A9"),
        ("contains", "event:page", "caf%C3%A9"),
        ("contains", "event:page", "e\u0301"),
        ("matches", "event:page", "^/cafe\u0301$"),
        ("is", "event:name", " Cafe\u0301 "),
        ("contains", "event:name", "fe\u0301"),
        ("is", "event:hostname", "Bücher.example"),
        ("is", "event:hostname", "https://bücher.example/"),
        ("contains", "event:hostname", "bücher"),
        ("contains", "event:hostname", "bücher.example"),
        ("is", "event:props:e\u0301", "e\u0301"),
        ("is", "visit:referrer", "https://faß.example/a"),
        ("is", "visit:source", "faß.example"),
        ("is", "visit:utm_campaign", " e\u0301"),
        ("is", "visit:country", "de"),
        ("is", "visit:device", "Mobile"),
    ],
)
def test_filter_finds_a_stored_row_by_a_written_value(
    database: duckdb.DuckDBPyConnection, operator: str, dimension: str, value: str
) -> None:
    assert met(database, [operator, dimension, [value]]) == [0]
    if ":props:" not in dimension or operator == "is":
        assert met(database, [f"{operator}_not", dimension, [value]]) == [1]


@pytest.mark.parametrize(
    ("dimension", "value"), [("event:name", "Signup "), ("event:page", "/old%20"), ("event:props:e\u0301", "x")]
)
def test_filter_finds_a_row_stored_before_by_its_exact_text(
    database: duckdb.DuckDBPyConnection, dimension: str, value: str
) -> None:
    assert met(database, ["is", dimension, [value]]) == [1]


@pytest.mark.parametrize("name", ["Café", " Café", "cafe\u0301"])
def test_goal_is_named_in_either_form(database: duckdb.DuckDBPyConnection, name: str) -> None:
    assert met(database, ["is", "event:goal", [name], {"case_sensitive": False}]) == [0]


def test_goal_filter_with_an_unknown_goal_is_refused(database: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(QueryError, match="is no goal of this site"):
        met(database, ["is", "event:goal", ["Cafe"]])


@pytest.mark.parametrize("name", ["Page", "Props"])
def test_page_goal_is_met_in_its_stored_form(database: duckdb.DuckDBPyConnection, name: str) -> None:
    database.execute("BEGIN")
    database.execute("UPDATE events SET event_name = 'pageview'")
    try:
        assert met(database, ["is", "event:goal", [name]]) == [0]
        assert met(database, ["is", "event:goal", ["Old"]]) == [1]
    finally:
        database.execute("ROLLBACK")


def test_placeholders_of_missing_values_are_not_normalised(database: duckdb.DuckDBPyConnection) -> None:
    for dimension, word in (
        ("visit:country", "(not set)"),
        ("visit:device", "(unknown)"),
        ("visit:source", "Direct / None"),
    ):
        assert met(database, ["is", dimension, [word]]) == [1]
    assert met(database, ["is", "event:page", [""]]) == []
