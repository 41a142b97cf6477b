"""What a missing value passes, in plain tables."""

from collections.abc import Iterator

import duckdb
import pytest

from support.filter_reading import (
    SCHEMA,
    Visit,
    compiled,
    judged,
    load,
)


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


@pytest.mark.parametrize(
    ("operator", "values", "passing"),
    [
        ("is", ["Google"], {"Google"}),
        ("is", ["Direct"], {"Direct", None}),
        ("is", ["Direct / None", "Google"], {"Google", "Direct", None}),
        ("is_not", ["Google"], {"Direct", "", None}),
        ("is_not", ["Google", "Direct / None"], {""}),
        ("contains", ["oo", "ire"], {"Google"}),
        ("contains_not", ["oo"], {"Direct", "", None}),
        ("matches", ["^$"], {"Direct", "", None}),
        ("matches_not", ["^$"], {"Google"}),
    ],
)
def test_missing_source_compares_as_direct(
    database: duckdb.DuckDBPyConnection, operator: str, values: list[str], passing: set[str | None]
) -> None:
    sources = ["Google", "Direct", "", None]
    conditions = compiled([operator, "visit:source", values])
    load(database, [Visit([{**dict.fromkeys(SCHEMA.names), "referrer_source": source}]) for source in sources])
    found = judged(database, conditions.anonymous_event, conditions.values)
    assert {sources[event_id // 100] for event_id, passes in found.items() if passes} == passing


@pytest.mark.parametrize(
    ("operator", "values", "passing"),
    [
        ("is", ["pro"], ["pro"]),
        ("is", ["5", "true"], ["5", "true"]),
        ("is", ["(none)"], [None]),
        ("is_not", ["pro"], ["", "5", "true", None]),
        ("is_not", ["pro", "(none)"], ["", "5", "true"]),
        ("contains", [""], ["pro", "", "5", "true"]),
        ("contains_not", ["r"], ["", "5"]),
        ("matches", ["^$"], [""]),
        ("matches_not", ["^[a-z]"], ["", "5"]),
    ],
)
def test_event_without_a_property_passes_only_is_not(
    database: duckdb.DuckDBPyConnection, operator: str, values: list[str], passing: list[str | None]
) -> None:
    plans = {
        "pro": '{"plan":"pro"}',
        "": '{"plan":""}',
        "5": '{"plan":5}',
        "true": '{"plan":true}',
        None: '{"plans":"pro"}',
    }
    conditions = compiled([operator, "event:props:plan", values])
    load(database, [Visit([{**dict.fromkeys(SCHEMA.names), "props": props} for props in plans.values()])])
    found = judged(database, conditions.anonymous_event, conditions.values)
    assert [plan for plan, passes in zip(plans, found.values(), strict=True) if passes] == passing
