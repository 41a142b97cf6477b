"""Goals in filters: which are meant, which are refused, and which events meet them."""

from collections.abc import Iterator

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallard.engine.sql.conditions import MAX_GOALS
from mallard.engine.sql.goal_conditions import page_pattern
from mallard.errors import QueryError
from mallard.sites.settings import Goal
from support.filter_reading import (
    GOALS,
    SCHEMA,
    Visit,
    compiled,
    fits,
    judged,
    load,
    run,
)


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def test_unknown_goal_is_refused_with_the_known_goals() -> None:
    with pytest.raises(QueryError, match=r"^'Sign' is no goal of this site; there are Signup, Buy pro, Section, "):
        compiled(["is_not", "event:goal", ["Home", "Sign"]])
    with pytest.raises(QueryError, match=r"^'Signup' is no goal of this site; it has none\.$"):
        compiled(["is", "event:goal", ["Signup"]], goals=())
    many = tuple(Goal(f"Goal {number}", event="x") for number in range(30))
    with pytest.raises(QueryError, match=r"Goal 18, Goal 19 and 10 more\.$"):
        compiled(["has_done", ["is", "event:goal", ["Signup"]]], goals=many)


def test_scroll_goal_is_refused_when_a_filter_matches_it() -> None:
    goals = (*GOALS, Goal("Read", page="/a", scroll_threshold=50))
    for operator, value in (("is", "Read"), ("contains_not", "ead"), ("matches", "^R")):
        with pytest.raises(QueryError, match=r"^The goal 'Read' has a scroll_threshold and cannot be used here"):
            compiled([operator, "event:goal", [value]], goals=goals)
    assert compiled(["is", "event:goal", ["Home"]], goals=goals) == compiled(["is", "event:goal", ["Home"]])


def test_a_wrong_pattern_of_goals_is_refused() -> None:
    with pytest.raises(QueryError, match=r"^'a\(' is no regular expression \(RE2\): "):
        compiled(["matches", "event:goal", ["a("]])


def test_goal_filter_without_matching_names_matches_no_goal(database: duckdb.DuckDBPyConnection) -> None:
    assert run(database, f"SELECT {compiled(['contains', 'event:goal', ['zz']]).anonymous_event}", {}) == [(False,)]
    assert run(database, f"SELECT {compiled(['contains_not', 'event:goal', ['zz']]).anonymous_event}", {}) == [(True,)]


def test_filter_can_match_the_maximum_number_of_goals(database: duckdb.DuckDBPyConnection) -> None:
    goals = tuple(Goal(f"Goal {number}", page=f"/{number}/**") for number in range(MAX_GOALS))
    conditions = compiled(["contains", "event:goal", ["Goal"]], goals=goals)
    load(
        database,
        [Visit([{**dict.fromkeys(SCHEMA.names), "event_name": "pageview", "pathname": f"/{MAX_GOALS - 1}/x"}])],
    )
    assert judged(database, conditions.anonymous_event, conditions.values) == {0: True}
    with pytest.raises(QueryError, match="mean 1001 goals, but may mean 1000"):
        compiled(["contains", "event:goal", ["Goal"]], ["is", "event:goal", ["Goal 1"]], goals=goals)


def test_page_goal_pattern_escapes_every_character(database: duckdb.DuckDBPyConnection) -> None:
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
        ("/line/**", ["/line/\n/x"], ["/line"]),
    ],
)
def test_page_goal_matches_whole_paths(
    database: duckdb.DuckDBPyConnection, page: str, met: list[str], missed: list[str]
) -> None:
    conditions = compiled(["is", "event:goal", ["It"]], goals=(Goal("It", page=page),))
    views = [{**dict.fromkeys(SCHEMA.names), "event_name": "pageview", "pathname": path} for path in met + missed]
    load(database, [Visit(views)])
    assert list(judged(database, conditions.anonymous_event, conditions.values).values()) == [
        *(True for _ in met),
        *(False for _ in missed),
    ]


@pytest.mark.parametrize("page", ["/a", "/*", "/**"])
def test_page_goal_matches_pageviews_only(database: duckdb.DuckDBPyConnection, page: str) -> None:
    conditions = compiled(["is", "event:goal", ["It"]], goals=(Goal("It", page=page),))
    events = [{**dict.fromkeys(SCHEMA.names), "event_name": name, "pathname": "/a"} for name in ("pageview", "signup")]
    load(database, [Visit(events)])
    assert list(judged(database, conditions.anonymous_event, conditions.values).values()) == [True, False]


def test_event_goal_requires_all_of_its_properties(database: duckdb.DuckDBPyConnection) -> None:
    goal = Goal("It", event="buy", props=(("plan", "pro"), ("seats", "5")))
    conditions = compiled(["is", "event:goal", ["It"]], goals=(goal,))
    given = ['{"plan":"pro","seats":5,"more":1}', '{"plan":"pro"}', '{"plan":"pro","seats":6}', None]
    load(database, [Visit([{**dict.fromkeys(SCHEMA.names), "event_name": "buy", "props": props} for props in given])])
    assert list(judged(database, conditions.anonymous_event, conditions.values).values()) == [True, False, False, False]


@pytest.mark.parametrize(
    ("goal", "columns"),
    [
        (Goal("It", event="x"), {"event_name"}),
        (Goal("It", page="/a"), {"event_name", "pathname"}),
        (Goal("It", event="x", props=(("plan", "pro"),)), {"event_name", "props"}),
        (Goal("It", page="/*", props=(("plan", "pro"),)), {"event_name", "pathname", "props"}),
    ],
)
def test_goal_condition_declares_its_columns(goal: Goal, columns: set[str]) -> None:
    assert compiled(["has_done", ["is", "event:goal", ["It"]]], goals=(goal,)).columns == columns


@given(page=st.text("/ab*.", max_size=6), path=st.text("/ab.\n", max_size=6))
def test_page_goal_star_matches_one_segment_and_two_stars_many(
    database: duckdb.DuckDBPyConnection, page: str, path: str
) -> None:
    values = {"path": f"/{path}", "pattern": page_pattern(f"/{page}")}
    found = database.execute("SELECT regexp_full_match($path, $pattern)", values).fetchall()
    assert found == [(fits(f"/{page}", f"/{path}"),)]
