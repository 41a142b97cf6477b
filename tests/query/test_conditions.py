"""A filter's SQL selects what a plain reading of its tree selects, whatever is missing, and is never NULL."""

import re
from collections.abc import Iterator
from dataclasses import fields

import duckdb
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mallard.engine.sql.conditions import compile_filter
from mallard.engine.sql.event_conditions import compile_for_events
from mallard.stats.dimensions import EVENT_COLUMNS, FIRST_COLUMNS, blank_words
from mallard.stats.filters import Filter
from support.filter_reading import (
    GOALS,
    Row,
    Visit,
    compiled,
    holds,
    judged,
    load,
    numbered,
    run,
    visits_sql,
)
from support.wild_filters import FILTERS, OF_EVENTS, OF_VISITS, STRANGERS, VISITS, comparisons, grown


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


@given(asked=FILTERS, events=STRANGERS)
def test_anonymous_event_is_filtered_by_its_own_columns(
    database: duckdb.DuckDBPyConnection, asked: Filter, events: list[Row]
) -> None:
    strangers = [Visit([event], is_anonymous=True) for event in events]
    load(database, strangers)
    conditions = compile_filter(asked, GOALS)
    expected = {number * 100: holds(asked, events[number], each) for number, each in enumerate(strangers)}
    assert judged(database, conditions.anonymous_event, conditions.values) == expected


@given(asked=st.lists(grown(comparisons(OF_EVENTS)) | comparisons(OF_EVENTS), min_size=1, max_size=5), events=STRANGERS)
def test_event_filters_compiled_together_report_which_holds(
    database: duckdb.DuckDBPyConnection, asked: list[Filter], events: list[Row]
) -> None:
    strangers = [Visit([event], is_anonymous=True) for event in events]
    load(database, strangers)
    conditions = compile_for_events(asked, GOALS, "s")
    found = run(
        database,
        f"SELECT event_id, [{', '.join(conditions.sql)}], {conditions.some}, {conditions.mask} FROM every AS event",
        conditions.values,
    )
    for event_id, each, some, mask in found:
        event, visit = events[event_id // 100], strangers[event_id // 100]
        expected = [holds(one, event, visit) for one in asked]
        bits = sum(1 << number for number, met in enumerate(expected) if met)
        assert (each, some, mask) == (expected, any(expected), bits)


@given(asked=FILTERS, visits=VISITS)
def test_events_of_visits_are_filtered_with_their_visit(
    database: duckdb.DuckDBPyConnection, asked: Filter, visits: list[Visit]
) -> None:
    load(database, visits)
    conditions = compile_filter(asked, GOALS)
    condition = f"({conditions.visit}) AND ({conditions.event or 'true'})"
    source = f"every AS event JOIN {visits_sql(conditions)} ON visit.visit_id = event.visit_id"
    found = dict(run(database, f"SELECT event_id, {condition} FROM {source}", conditions.values))
    assert found == {row["event_id"]: holds(asked, row, visits[row["visit_id"]]) for row in numbered(visits)}


@given(asked=FILTERS, visits=VISITS)
def test_selected_visits_satisfy_the_opening_and_touching_conditions(
    database: duckdb.DuckDBPyConnection, asked: Filter, visits: list[Visit]
) -> None:
    conditions = compile_filter(asked, GOALS)
    assume(conditions.opening or conditions.touching)
    load(database, visits)
    opening = judged(database, conditions.opening or "true", conditions.values)
    touching = judged(database, conditions.touching or "true", conditions.values)
    assert not {None} & {*opening.values(), *touching.values()}
    for visit_id, visit in enumerate(visits):
        if any(holds(asked, event, visit) for event in visit.events):
            assert opening[visit_id * 100]
            assert any(touching[visit_id * 100 + place] for place in range(len(visit.events)))


@given(asked=grown(comparisons(("visit:source", "visit:channel"))))
def test_visit_filter_without_a_visit_tests_only_the_opening_event(asked: Filter) -> None:
    conditions = compile_filter(asked, GOALS)
    assert conditions.opening == conditions.anonymous_event
    assert conditions.touching is conditions.event is None


@given(asked=grown(comparisons(OF_EVENTS)))
def test_event_filter_without_a_visit_tests_only_the_event(asked: Filter) -> None:
    conditions = compile_filter(asked, GOALS)
    assert conditions.touching == conditions.anonymous_event == conditions.event
    assert (conditions.opening, conditions.visit) == (None, "true")


@given(asked=FILTERS, visits=VISITS)
def test_conditions_are_never_null_and_use_only_their_declared_columns(
    database: duckdb.DuckDBPyConnection, asked: Filter, visits: list[Visit]
) -> None:
    load(database, visits)
    conditions = compile_filter(asked, GOALS)
    own = ", ".join(["event_id", "visit_id", *sorted(conditions.columns)])
    pages = [name for name in ("entry_page", "exit_page") if getattr(conditions, f"needs_{name}")]
    opening = "".join(f", '{name}': opening.{name}" for name in conditions.opening_columns)
    flags = [f"done_{number}" for number in range(len(conditions.done))]
    visit = f"SELECT {', '.join(['visit_id', *pages, *flags])}, {{'none': 1{opening}}} AS opening"
    source = (
        f"(SELECT {own} FROM every) AS event"
        f" JOIN ({visit} FROM {visits_sql(conditions)}) AS visit ON visit.visit_id = event.visit_id"
    )
    texts = [conditions.visit, conditions.event, conditions.opening, conditions.touching, conditions.anonymous_event]
    for text in (*texts, conditions.landing, *conditions.done):
        if text is not None:
            assert run(database, f"SELECT count(*) FROM {source} WHERE ({text}) IS NULL", conditions.values) == [(0,)]


@given(asked=FILTERS)
def test_condition_values_are_all_bound_and_used(asked: Filter) -> None:
    conditions = compile_filter(asked, GOALS)
    texts = [getattr(conditions, each.name) for each in fields(conditions)]
    whole = " ".join([*(text for text in texts if isinstance(text, str)), *conditions.done])
    named = set(re.findall(r"\$(f\d+)", whole))
    assert named == set(re.findall(r"\$(f\d+)", conditions.anonymous_event)) == set(conditions.values)
    words = frozenset[str]().union(*map(blank_words, (*OF_EVENTS, *OF_VISITS)))
    assert set(re.findall("'(.*?)'", whole)) <= {"", "pageview", *words}


@given(asked=grown(comparisons(("event:page",))), visits=VISITS)
def test_page_filter_applies_to_the_entry_page_for_bounces(
    database: duckdb.DuckDBPyConnection, asked: Filter, visits: list[Visit]
) -> None:
    load(database, visits)
    conditions = compile_filter(asked, GOALS)
    found = dict(run(database, f"SELECT visit_id, {conditions.landing} FROM hand_made AS visit", conditions.values))
    assert found == {
        visit_id: holds(asked, {"pathname": visit.page(0)}, visit) for visit_id, visit in enumerate(visits)
    }


@pytest.mark.parametrize("dimension", [*EVENT_COLUMNS, *FIRST_COLUMNS])
def test_dimension_conditions_use_their_column(database: duckdb.DuckDBPyConnection, dimension: str) -> None:
    column = (EVENT_COLUMNS | FIRST_COLUMNS)[dimension]
    conditions = compiled(["is", dimension, [column]])
    every = ", ".join(f"'{name}' AS {name}" for name in [*EVENT_COLUMNS.values(), *FIRST_COLUMNS.values()])
    row = f"(SELECT {every}) AS event, (SELECT {{'{column}': '{column}'}} AS opening) AS visit"
    for text in (conditions.visit, conditions.event or "true", conditions.anonymous_event):
        assert run(database, f"SELECT count(*) FROM {row} WHERE {text}", conditions.values) == [(1,)]
    assert conditions.columns == {column}
    assert conditions.opening_columns == (() if conditions.event else (column,))


def test_visit_filter_selects_whole_visits_by_their_opening_event() -> None:
    conditions = compiled(["is", "visit:country", ["DE"]], ["contains", "visit:source", ["oo"]])
    assert conditions.event is conditions.touching is conditions.landing is None
    assert "visit.opening.country_code" in conditions.visit
    assert "visit.opening.referrer_source" in conditions.visit
    assert conditions.opening_columns == ("country_code", "referrer_source")
    assert conditions.opening == conditions.anonymous_event


def test_filter_mixing_visit_and_event_dimensions_is_applied_to_both() -> None:
    either = ["or", [["is", "visit:country", ["DE"]], ["is", "event:page", ["/a"]]]]
    conditions = compiled(either, ["is", "visit:channel", ["Email"]], ["is", "event:hostname", ["x"]])
    assert conditions.event is not None
    assert {"visit.opening.country_code", "event.pathname"} <= set(
        re.findall(r"[a-z]+(?:\.[a-z_]+)+", conditions.event)
    )
    assert "country_code" not in f"{conditions.opening} {conditions.visit}"
    assert conditions.touching is not None
    assert set(re.findall(r"event\.\w+", conditions.touching)) == {"event.hostname"}


def test_page_filter_takes_bounces_of_visits_that_entered_there() -> None:
    conditions = compiled(["is", "event:page", ["/a"]], ["is", "visit:country", ["DE"]], ["is", "event:name", ["x"]])
    assert conditions.landing == "(visit.entry_page IS NOT NULL AND visit.entry_page IN ($f1))"
    assert conditions.values["f1"] == "/a"
    assert conditions.needs_entry_page
    assert not conditions.needs_exit_page
    assert compiled(["or", [["is", "event:page", ["/a"]], ["is", "visit:country", ["DE"]]]]).landing is None
    assert compiled(["has_done", ["is", "event:page", ["/a"]]]).landing is None


def test_has_done_condition_is_computed_once_as_a_flag() -> None:
    done = ["has_done", ["is", "event:name", ["signup"]]]
    conditions = compiled(done, ["or", [["not", done], ["is", "visit:country", ["DE"]]]])
    assert len(conditions.done) == 1
    assert conditions.visit.count("visit.done_0") == 2
    assert (conditions.event, conditions.opening) == (None, None)
    # Who has done it touched such an event, so only visitors with one need be looked at.
    assert conditions.touching == conditions.done[0]


def test_a_page_of_entry_or_exit_needs_path_and_name_of_events() -> None:
    conditions = compiled(["is", "visit:exit_page", ["/a"]])
    assert (conditions.needs_entry_page, conditions.needs_exit_page) == (False, True)
    assert conditions.columns == {"event_name", "pathname"}
    assert (conditions.opening, conditions.opening_columns) == (None, ())


def test_patterns_are_listed_as_bound() -> None:
    conditions = compiled(
        ["matches", "event:page", ["^/a", "("]],
        ["has_done", ["matches_not", "event:name", ["^b"], {"case_sensitive": False}]],
        ["contains", "event:page", ["["]],
    )
    assert conditions.patterns == ("(", "^/a", "(?i)^b")
    assert set(conditions.patterns) <= set(conditions.values.values())
