"""A filter's SQL selects what a plain reading of its tree selects, whatever is missing, and is never NULL."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mallard.errors import QueryError
from mallard.query.conditions import MAX_GOALS, Conditions, compile_filter
from mallard.query.filter_dimensions import EVENT_COLUMNS, FIRST_COLUMNS
from mallard.query.filters import (
    OPERATORS,
    All,
    Any_,
    Done,
    Filter,
    Leaf,
    Not,
    parse_filters,
)
from mallard.query.goal_conditions import page_pattern
from mallard.sites.settings import Goal

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
    is_stranger: bool = False

    def page(self, at: int) -> str | None:
        viewed = [event["pathname"] for event in self.events if event["event_name"] == "pageview"]
        return viewed[at] if viewed and not self.is_stranger else None


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
        case Leaf(dimension="event:goal"):
            return meets_a_goal(part, event) is not part.is_negated
        case Leaf():
            return compares(part, value_of(part.dimension, event, visit))


def value_of(dimension: str, event: Row, visit: Visit) -> str | None:
    if dimension in ("visit:entry_page", "visit:exit_page"):
        return visit.page(0 if dimension == "visit:entry_page" else -1)
    if dimension.startswith("event:props:"):
        return property_of(event, dimension.removeprefix("event:props:"))
    row = visit.events[0] if dimension.startswith("visit:") else event
    value: str | None = row[COLUMNS[dimension]]
    return value


def property_of(event: Row, key: str) -> str | None:
    value = json.loads(event["props"] or "{}").get(key)
    return value if value is None or isinstance(value, str) else json.dumps(value)


def compares(leaf: Leaf, value: str | None) -> bool:
    def cased(text: str) -> str:
        return text if leaf.case_sensitive else text.lower()

    wanted = [cased(each) for each in leaf.values]
    if leaf.operator in ("is", "is_not"):
        blanks = {cased(each) for each in BLANKS.get(leaf.dimension, {"(unknown)", "(not set)"})}
        return (bool(blanks & set(wanted)) if value is None else cased(value) in wanted) is not leaf.is_negated
    if value is None and leaf.dimension.startswith("event:props:"):
        return False
    text = value or ""
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


TEXTS = ("/a", "/a/b", "/a/b/c", "/A", "x", "", "ä/Ä", "Direct", "(not set)", "(none)", "it's", "pro", "DE", "/\n")
WORDS = (*TEXTS, "Direct / None", "(unknown)", "direct", "DIRECT", "/", "a")
PATTERNS = ("^/a", "b$", "[A-Z]", "x|pro", "", "^$", "b/c", r"\(n")
PLAIN = st.sampled_from(TEXTS)
MISSING = st.none() | PLAIN


def props() -> st.SearchStrategy[str | None]:
    value = PLAIN | st.sampled_from([None, True, 5, 1.5])
    some = st.dictionaries(st.sampled_from(["plan", "a/b~c", "a"]), value, min_size=1)
    return st.none() | some.map(lambda found: json.dumps(found, ensure_ascii=False))


EVENTS = st.fixed_dictionaries(
    {
        **dict.fromkeys(COLUMNS.values(), MISSING),
        "event_name": st.sampled_from(["pageview", "pageview", "signup", "buy", "x"]),
        "props": props(),
    }
)
VISITS = st.lists(st.lists(EVENTS, min_size=1, max_size=4).map(Visit), min_size=1, max_size=4)
STRANGERS = st.lists(EVENTS, min_size=1, max_size=8)

OF_EVENTS = ("event:page", "event:hostname", "event:name", "event:goal", "event:props:plan", "event:props:a/b~c")
OF_VISITS = ("visit:source", "visit:channel", "visit:country", "visit:entry_page", "visit:exit_page")


@st.composite
def comparisons(draw: st.DrawFn, dimensions: tuple[str, ...]) -> Leaf:
    operator, dimension = draw(st.sampled_from(OPERATORS)), draw(st.sampled_from(dimensions))
    words: tuple[str, ...] = PATTERNS if operator.startswith("matches") else WORDS
    case_sensitive = draw(st.booleans())
    if dimension == "event:goal" and operator.startswith("is"):
        words = tuple(goal.name if case_sensitive else goal.name.upper() for goal in GOALS)
    values = draw(st.lists(st.sampled_from(words), min_size=1, max_size=3))
    return Leaf(operator, dimension, tuple(sorted(set(values))), case_sensitive)


def grown(leaf: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    """Trees with NOT inside NOT and groups in groups."""
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: All(tuple(parts))),
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: Any_(tuple(parts))),
            inner.map(Not),
        ),
        max_leaves=5,
    )


DONE = grown(comparisons(OF_EVENTS)).map(Done)
FILTERS = grown(comparisons(OF_EVENTS) | comparisons(OF_VISITS) | DONE)


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


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
    named = set(re.findall(r"\$(f\d+)", sql))
    return database.execute(sql, {name: value for name, value in values.items() if name in named}).fetchall()


def judged(database: duckdb.DuckDBPyConnection, condition: str, values: Mapping[str, object]) -> dict[int, bool | None]:
    """What a condition over an event's own columns says of each."""
    return dict(run(database, f"SELECT event_id, {condition} FROM every AS event ORDER BY event_id", values))


def visits_sql(conditions: Conditions) -> str:
    """The visits as the engine hands them to the conditions."""
    flags = "".join(f", bool_or({each}) AS done_{number}" for number, each in enumerate(conditions.done))
    of_visit = f"SELECT visit_id{flags} FROM every AS event GROUP BY visit_id"
    return f"(SELECT * FROM hand_made JOIN ({of_visit}) USING (visit_id)) AS visit"


@given(asked=FILTERS, events=STRANGERS)
def test_an_event_of_no_visit_is_judged_by_its_own_columns(
    database: duckdb.DuckDBPyConnection, asked: Filter, events: list[Row]
) -> None:
    strangers = [Visit([event], is_stranger=True) for event in events]
    load(database, strangers)
    conditions = compile_filter(asked, GOALS)
    expected = {number * 100: holds(asked, events[number], each) for number, each in enumerate(strangers)}
    assert judged(database, conditions.stranger, conditions.values) == expected


@given(asked=FILTERS, visits=VISITS)
def test_the_events_of_visits_are_judged_with_their_visit(
    database: duckdb.DuckDBPyConnection, asked: Filter, visits: list[Visit]
) -> None:
    load(database, visits)
    conditions = compile_filter(asked, GOALS)
    condition = f"({conditions.visit}) AND ({conditions.event or 'true'})"
    source = f"every AS event JOIN {visits_sql(conditions)} ON visit.visit_id = event.visit_id"
    found = dict(run(database, f"SELECT event_id, {condition} FROM {source}", conditions.values))
    assert found == {row["event_id"]: holds(asked, row, visits[row["visit_id"]]) for row in numbered(visits)}


@given(asked=FILTERS, visits=VISITS)
def test_selected_visits_open_and_touch_as_promised(
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
def test_what_opens_a_visit_is_all_that_is_asked_of_first_events(asked: Filter) -> None:
    conditions = compile_filter(asked, GOALS)
    assert conditions.opening == conditions.stranger
    assert conditions.touching is conditions.event is None


@given(asked=grown(comparisons(OF_EVENTS)))
def test_what_touches_a_visit_is_all_that_is_asked_of_events(asked: Filter) -> None:
    conditions = compile_filter(asked, GOALS)
    assert conditions.touching == conditions.stranger == conditions.event
    assert (conditions.opening, conditions.visit) == (None, "true")


@given(asked=FILTERS, visits=VISITS)
def test_no_condition_is_null_and_each_names_only_the_columns_it_tells(
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
    texts = [conditions.visit, conditions.event, conditions.opening, conditions.touching, conditions.stranger]
    for text in (*texts, conditions.landing, *conditions.done):
        if text is not None:
            assert run(database, f"SELECT count(*) FROM {source} WHERE ({text}) IS NULL", conditions.values) == [(0,)]


@given(asked=FILTERS)
def test_every_value_is_bound_and_stands_in_the_whole_filter(asked: Filter) -> None:
    conditions = compile_filter(asked, GOALS)
    texts = [getattr(conditions, each.name) for each in fields(conditions)]
    whole = " ".join([*(text for text in texts if isinstance(text, str)), *conditions.done])
    named = set(re.findall(r"\$(f\d+)", whole))
    assert named == set(re.findall(r"\$(f\d+)", conditions.stranger)) == set(conditions.values)
    assert set(re.findall("'(.*?)'", whole)) <= {"", "pageview"}


def compiled(*given: Any, goals: tuple[Goal, ...] = GOALS) -> Conditions:
    asked = parse_filters(json.dumps(given))
    assert asked is not None
    return compile_filter(asked, goals)


@pytest.mark.parametrize("dimension", [*EVENT_COLUMNS, *FIRST_COLUMNS])
def test_every_dimension_is_its_column(database: duckdb.DuckDBPyConnection, dimension: str) -> None:
    column = (EVENT_COLUMNS | FIRST_COLUMNS)[dimension]
    conditions = compiled(["is", dimension, [column]])
    every = ", ".join(f"'{name}' AS {name}" for name in [*EVENT_COLUMNS.values(), *FIRST_COLUMNS.values()])
    row = f"(SELECT {every}) AS event, (SELECT {{'{column}': '{column}'}} AS opening) AS visit"
    for text in (conditions.visit, conditions.event or "true", conditions.stranger):
        assert run(database, f"SELECT count(*) FROM {row} WHERE {text}", conditions.values) == [(1,)]
    assert conditions.columns == {column}
    assert conditions.opening_columns == (() if conditions.event else (column,))


def test_a_filter_on_visits_selects_whole_visits_by_how_they_opened() -> None:
    conditions = compiled(["is", "visit:country", ["DE"]], ["contains", "visit:source", ["oo"]])
    assert conditions.event is conditions.touching is conditions.landing is None
    assert "visit.opening.country_code" in conditions.visit
    assert "visit.opening.referrer_source" in conditions.visit
    assert conditions.opening_columns == ("country_code", "referrer_source")
    assert conditions.opening == conditions.stranger


def test_what_mixes_visit_and_event_is_asked_of_both() -> None:
    either = ["or", [["is", "visit:country", ["DE"]], ["is", "event:page", ["/a"]]]]
    conditions = compiled(either, ["is", "visit:channel", ["Email"]], ["is", "event:hostname", ["x"]])
    assert conditions.event is not None
    assert {"visit.opening.country_code", "event.pathname"} <= set(
        re.findall(r"[a-z]+(?:\.[a-z_]+)+", conditions.event)
    )
    assert "country_code" not in f"{conditions.opening} {conditions.visit}"
    assert conditions.touching is not None
    assert set(re.findall(r"event\.\w+", conditions.touching)) == {"event.hostname"}


def test_a_filter_on_a_page_takes_bounces_of_the_visits_that_entered_there() -> None:
    conditions = compiled(["is", "event:page", ["/a"]], ["is", "visit:country", ["DE"]], ["is", "event:name", ["x"]])
    assert conditions.landing == "(visit.entry_page IS NOT NULL AND visit.entry_page IN ($f1))"
    assert conditions.values["f1"] == "/a"
    assert conditions.needs_entry_page
    assert not conditions.needs_exit_page
    assert compiled(["or", [["is", "event:page", ["/a"]], ["is", "visit:country", ["DE"]]]]).landing is None
    assert compiled(["has_done", ["is", "event:page", ["/a"]]]).landing is None


def test_what_was_done_before_is_a_flag_once() -> None:
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


def test_patterns_are_told_as_they_are_bound() -> None:
    conditions = compiled(
        ["matches", "event:page", ["^/a", "("]],
        ["has_done", ["matches_not", "event:name", ["^b"], {"case_sensitive": False}]],
        ["contains", "event:page", ["["]],
    )
    assert conditions.patterns == ("(", "^/a", "(?i)^b")
    assert set(conditions.patterns) <= set(conditions.values.values())


def test_an_unknown_goal_is_refused_with_those_there_are() -> None:
    with pytest.raises(QueryError, match=r"^'Sign' is no goal of this site; there are Signup, Buy pro, Section, "):
        compiled(["is_not", "event:goal", ["Home", "Sign"]])
    with pytest.raises(QueryError, match=r"^'Signup' is no goal of this site; it has none\.$"):
        compiled(["is", "event:goal", ["Signup"]], goals=())
    many = tuple(Goal(f"Goal {number}", event="x") for number in range(30))
    with pytest.raises(QueryError, match=r"Goal 18, Goal 19 and 10 more\.$"):
        compiled(["has_done", ["is", "event:goal", ["Signup"]]], goals=many)


def test_a_goal_of_scrolling_is_refused_where_it_is_meant() -> None:
    goals = (*GOALS, Goal("Read", page="/a", scroll_threshold=50))
    for operator, value in (("is", "Read"), ("contains_not", "ead"), ("matches", "^R")):
        with pytest.raises(QueryError, match=r"^The goal 'Read' has a scroll_threshold and cannot be filtered by"):
            compiled([operator, "event:goal", [value]], goals=goals)
    assert compiled(["is", "event:goal", ["Home"]], goals=goals) == compiled(["is", "event:goal", ["Home"]])


def test_a_wrong_pattern_of_goals_is_refused() -> None:
    with pytest.raises(QueryError, match=r"^'a\(' is no regular expression \(RE2\): "):
        compiled(["matches", "event:goal", ["a("]])


def test_no_goal_is_met_where_no_name_is_alike(database: duckdb.DuckDBPyConnection) -> None:
    assert run(database, f"SELECT {compiled(['contains', 'event:goal', ['zz']]).stranger}", {}) == [(False,)]
    assert run(database, f"SELECT {compiled(['contains_not', 'event:goal', ['zz']]).stranger}", {}) == [(True,)]


def test_as_many_goals_as_a_site_has_can_be_asked_for_at_once(database: duckdb.DuckDBPyConnection) -> None:
    goals = tuple(Goal(f"Goal {number}", page=f"/{number}/**") for number in range(MAX_GOALS))
    conditions = compiled(["contains", "event:goal", ["Goal"]], goals=goals)
    load(
        database,
        [Visit([{**dict.fromkeys(SCHEMA.names), "event_name": "pageview", "pathname": f"/{MAX_GOALS - 1}/x"}])],
    )
    assert judged(database, conditions.stranger, conditions.values) == {0: True}
    with pytest.raises(QueryError, match="mean 1001 goals, but may mean 1000"):
        compiled(["contains", "event:goal", ["Goal"]], ["is", "event:goal", ["Goal 1"]], goals=goals)


def test_every_character_of_a_page_stands_for_itself(database: duckdb.DuckDBPyConnection) -> None:
    for character in map(chr, range(1, 256)):
        pattern = page_pattern(f"/{character}é/*")
        sql = "SELECT regexp_full_match($itself, $pattern), regexp_full_match($twice, $pattern)"
        values = {"itself": f"/{character}é/x", "twice": f"/{character}{character}é/x", "pattern": pattern}
        assert database.execute(sql, values).fetchall() == [(True, character == "*")], character


@pytest.mark.parametrize(
    ("page", "met", "missed"),
    [
        ("/blog/*", ["/blog/", "/blog/a", "/blog/a.b"], ["/blog", "/blog/a/b", "/x/blog/a"]),
        ("/blog/**", ["/blog/", "/blog/a", "/blog/a/b/"], ["/blog", "/blogs/a", "/x/blog/a"]),
        ("/*/edit", ["/7/edit", "//edit"], ["/edit", "/7/8/edit", "/7/edit/"]),
        ("**/end", ["/end", "/a/b/end"], ["/end/", "end"]),
        ("/a.b", ["/a.b"], ["/axb"]),
    ],
)
def test_a_page_of_a_goal_is_met_by_whole_paths(
    database: duckdb.DuckDBPyConnection, page: str, met: list[str], missed: list[str]
) -> None:
    conditions = compiled(["is", "event:goal", ["It"]], goals=(Goal("It", page=page),))
    views = [{**dict.fromkeys(SCHEMA.names), "event_name": "pageview", "pathname": path} for path in met + missed]
    load(database, [Visit(views)])
    assert list(judged(database, conditions.stranger, conditions.values).values()) == [
        *(True for _ in met),
        *(False for _ in missed),
    ]


@pytest.mark.parametrize(
    ("operator", "values", "passing"),
    [
        ("is", ["Google"], {"Google"}),
        ("is", ["Direct"], {"Direct", None}),
        ("is", ["Direct / None", "Google"], {"Google", None}),
        ("is_not", ["Google"], {"Direct", "", None}),
        ("is_not", ["Google", "Direct / None"], {"Direct", ""}),
        ("contains", ["oo", "ire"], {"Google", "Direct"}),
        ("contains_not", ["oo"], {"Direct", "", None}),
        ("matches", ["^$"], {"", None}),
        ("matches_not", ["^$"], {"Google", "Direct"}),
    ],
)
def test_a_missing_source_reads_direct(
    database: duckdb.DuckDBPyConnection, operator: str, values: list[str], passing: set[str | None]
) -> None:
    sources = ["Google", "Direct", "", None]
    conditions = compiled([operator, "visit:source", values])
    load(database, [Visit([{**dict.fromkeys(SCHEMA.names), "referrer_source": source}]) for source in sources])
    found = judged(database, conditions.stranger, conditions.values)
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
def test_an_event_without_a_property_passes_is_not_alone(
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
    found = judged(database, conditions.stranger, conditions.values)
    assert [plan for plan, passes in zip(plans, found.values(), strict=True) if passes] == passing


@given(page=st.text("/ab*.", max_size=6), path=st.text("/ab.\n", max_size=6))
def test_a_star_stays_within_a_segment_and_two_go_on(database: duckdb.DuckDBPyConnection, page: str, path: str) -> None:
    values = {"path": f"/{path}", "pattern": page_pattern(f"/{page}")}
    found = database.execute("SELECT regexp_full_match($path, $pattern)", values).fetchall()
    assert found == [(fits(f"/{page}", f"/{path}"),)]
