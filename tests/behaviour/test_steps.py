"""Steps are read as the grammar says, mean the events they should, and errors point at the character."""

from collections.abc import Sequence
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallard.errors import QueryError
from mallard.normalize.names import stored_label
from mallard.reports.behaviour.step_conditions import compile_steps
from mallard.reports.behaviour.step_objects import Step
from mallard.reports.behaviour.steps import MAX_STEPS, parse_steps
from mallard.sites.settings import Goal
from mallard.stats.filters import All, Leaf

PRICING = Leaf("is", "event:page", ("/pricing",))
SIGNUP = Leaf("is", "event:name", ("signup",))
PRO = Leaf("is", "event:props:plan", ("pro",))


@pytest.mark.parametrize(
    ("text", "filters"),
    [
        ("page:/pricing,event:signup", [PRICING, SIGNUP]),
        (" page:/pricing , event:signup ", [PRICING, SIGNUP]),
        ("event:Sign up", [Leaf("is", "event:name", ("Sign up",))]),
        ('page:"/pricing"', [PRICING]),
        (r'page:"/a,b[1]\"\\"', [Leaf("is", "event:page", ('/a,b[1]"\\',))]),
        ("goal:Signup", [Leaf("is", "event:goal", ("Signup",))]),
        ("event:signup[plan=pro]", [All((SIGNUP, PRO))]),
        ("event:signup[plan!=pro|team]", [All((SIGNUP, Leaf("is_not", "event:props:plan", ("pro", "team"))))]),
        ("event:signup[plan~pro]", [All((SIGNUP, Leaf("contains", "event:props:plan", ("pro",))))]),
        ('event:signup["a=b"!~"x|y]"]', [All((SIGNUP, Leaf("contains_not", "event:props:a=b", ("x|y]",))))]),
        (
            "event:signup[plan=pro][visit:country=DE],page:/pricing",
            [All((SIGNUP, PRO, Leaf("is", "visit:country", ("DE",)))), PRICING],
        ),
        ('[{"page": "/pricing"}, {"event": "signup"}]', [PRICING, SIGNUP]),
        ('[{"event": "signup", "filters": [["is", "event:props:plan", ["pro"]]]}]', [All((SIGNUP, PRO))]),
        ('[{"filters": [["is", "event:name", ["signup"]]]}]', [SIGNUP]),
    ],
)
def test_steps_are_filters(text: str, filters: Sequence[Any]) -> None:
    assert [each.filter for each in parse_steps(text)] == filters


def test_step_keeps_its_written_text() -> None:
    assert [each.text for each in parse_steps(" page:/a , event:x[a=b]")] == ["page:/a", "event:x[a=b]"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "steps is missing; it lists what visitors do, such as page:/pricing,event:signup."),
        ("page:/a,evnt:x", "steps has 'evnt' at character 9 (page:/a,▸evnt:x), but there must be page:, event:, goal:"),
        ("page:/a, ", "steps ends after character 9 (page:/a, ▸), but there must be page:, event:, goal:"),
        ("page", "steps has 'page' at character 1 (▸page), but there must be page:,"),
        ("page:pricing", "steps has 'pricing' at character 6 (page:▸pricing), but there must be a page, which begins"),
        ("event:", "steps ends after character 6 (event:▸), but there must be a text of 1 to 2048 characters."),
        ("event:a[", "steps ends after character 8 (event:a[▸), but there must be a text of 1 to 300 characters."),
        ("event:a[b", "steps ends after character 9 (event:a[b▸), but there must be one of = != ~ !~."),
        ("event:a[b]", "steps has ']' at character 10 (event:a[b▸]), but there must be one of = != ~ !~."),
        ("event:a[b=]", "steps has ']' at character 11 (event:a[b=▸]), but there must be a text of 1 to 2048"),
        ("event:a[b=c", "steps ends after character 11 (event:a[b=c▸), but there must be | and another value, or ]."),
        ("event:a[b=c]d", "steps has 'd' at character 13 (event:a[b=c]▸d), but there must be a comma and another"),
        ('event:"a', 'steps ends after character 8 (event:"a▸), but there must be " at the end of a text in quotes.'),
        ("event:" + "a" * 2049, "steps has 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' at character 7 (event:▸aaaaaaaaa"),
        ('[{"event": "a"},]', "steps has ']' at character 17 ("),
        ("[{]", "steps has ']' at character 3 ([{▸]), but there must be JSON (Expecting property name"),
        ("[1]", "steps[0] is 1, but must be an object such as"),
        ("[{}]", "steps[0] is {}, but must be an object such as"),
        ('[{"event": 1}]', "steps[0].event is 1, but must be a text of 1 to 2048 characters."),
        ('[{"evnt": "a"}]', 'steps[0] is {"evnt": "a"}, but must be an object such as'),
        (r'[{"event": "\ud800"}]', "steps[0].event is"),
        ('[{"filters": []}]', "but must be a step: its filters are empty."),
        ('[{"filters": [["is", "x", ["y"]]]}]', "In steps[0]: filters[0][1] is 'x', but must be one of event:page"),
        ('[{"filters": [["is", "visit:entry_page", ["/"]]]}]', "a step is one event, which has no visit:entry_page."),
        ('[{"filters": [["has_done", ["is", "event:page", ["/"]]]]}]', "a step is one event, which has no has_done."),
        ("[" * 5000, "steps is no JSON that can be read."),
        (",".join(["page:/a"] * (MAX_STEPS + 1)), "steps has 33 steps, but must have 1 to 32."),
        ("event:a" + "[b=c]" * 60, "steps holds 61 comparisons, but may hold 60."),
        ("event:" + "é" * 9000, "steps is over 16 KB."),
    ],
)
def test_a_wrong_step_is_refused_at_its_character(text: str, sentence: str) -> None:
    with pytest.raises(QueryError) as refused:
        parse_steps(text)
    assert sentence in str(refused.value)


def test_fewer_steps_than_are_needed_are_refused() -> None:
    with pytest.raises(QueryError, match="steps has 1 steps, but must have 2 to 32"):
        parse_steps("page:/a", at_least=2)


@given(st.text(alphabet='pagevnto:/*,[]=!~|"\\ é{}', max_size=60))
def test_any_text_is_valid_steps_or_refused_with_a_sentence(text: str) -> None:
    sentence = "steps are read."
    try:
        assert all(isinstance(each, Step) for each in parse_steps(text))
    except QueryError as refused:
        sentence = str(refused)
    assert sentence.startswith(("steps", "In steps"))
    assert sentence.endswith(".")


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=50))
def test_quoted_step_name_may_be_any_text(name: str) -> None:
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    found = parse_steps(f'event:"{quoted}"')[0].filter
    assert isinstance(found, Leaf)
    assert (found.operator, found.dimension) == ("is", "event:name")
    assert set(found.values) == {name, stored_label(name)}


EVENTS = [
    ("pageview", "/pricing", "DE", None),
    ("pageview", "/blog/a", None, None),
    ("pageview", "/blog/a/b", "US", "{}"),
    ("signup", "/pricing", "DE", '{"plan": "pro"}'),
    ("signup", None, "DE", '{"plan": "free", "/x~y": 1}'),
    ("signup", "/", None, None),
    ("Café", "/café/b", "DE", '{"é": "é"}'),
    ("pageview", "/search?q=red shoes", None, None),
    ("Signup ", "/old%20", None, None),
]
GOALS = (Goal("Buy", event="signup", props=(("plan", "pro"),)), Goal("Read", page="/blog/*"))


@pytest.mark.parametrize(
    ("step", "met"),
    [
        ("page:/pricing", [0, 3]),
        ("page:/blog/*", [1]),
        ("page:/blog/**", [1, 2]),
        ("page:**/a", [1]),
        ("event:signup", [3, 4, 5]),
        ("event:pageview", [0, 1, 2, 7]),
        ("goal:Buy", [3]),
        ("goal:Read", [1]),
        ("event:signup[plan=pro]", [3]),
        ("event:signup[plan=pro|free]", [3, 4]),
        ("event:signup[plan!=pro]", [4, 5]),
        ("event:signup[plan=(none)]", [5]),
        ("event:signup[plan~r]", [3, 4]),
        ("event:signup[plan!~o]", [4]),
        ("event:signup[/x~0y=1]", []),
        ('event:signup["/x~y"=1]', [4]),
        ("page:/pricing[visit:country=DE][event:name=pageview]", [0]),
        ("page:/nowhere", []),
        ("page:/caf%C3%A9/b", [6]),
        ("page:/caf%C3%A9/*", [6]),
        ("page:/cafe\u0301/*", [6]),
        ("page:/search?q=*", [7]),
        ("page:/search?q=red+shoes", [7]),
        ("page:/search?q=red%20shoes", [7]),
        ('event:" Cafe\u0301 "', [6]),
        ("event:Café[e\u0301=e\u0301]", [6]),
        ('event:"Signup "', [8]),
        ("page:/old%20", [8]),
    ],
)
def test_step_matches_the_events_it_describes(step: str, met: list[int]) -> None:
    compiled = compile_steps(parse_steps(step), GOALS)
    with duckdb.connect() as database:
        database.execute(
            "CREATE TABLE events (number INTEGER, event_name TEXT, pathname TEXT, country_code TEXT, props TEXT)"
        )
        database.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?)", [(n, *row) for n, row in enumerate(EVENTS)])
        sql = f"SELECT number FROM events AS event WHERE {compiled.sql[0]} ORDER BY number"
        assert [number for (number,) in database.execute(sql, dict(compiled.values)).fetchall()] == met


def test_step_with_an_unknown_goal_is_refused() -> None:
    with pytest.raises(QueryError, match="'Sell' is no goal of this site; there are Buy, Read"):
        compile_steps(parse_steps("goal:Sell"), GOALS)


def test_step_values_are_bound_and_not_in_the_sql() -> None:
    compiled = compile_steps(parse_steps("event:a'; DROP TABLE events --"), ())
    assert "DROP" not in "".join(compiled.sql)
