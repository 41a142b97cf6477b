"""A filter is read as it was meant or refused in a sentence that says where, and nothing else ever comes of a text."""

import json
import random
from collections.abc import Callable
from typing import Any, get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mallard.errors import QueryError
from mallard.stats.dimensions import DIMENSIONS, FIRST_COLUMNS, OF_EVENTS, OF_VISITS, SEED_NAMES, is_of_event
from mallard.stats.filters import (
    GROUPS,
    MAX_DEPTH,
    MAX_FILTER_BYTES,
    MAX_LEAVES,
    MAX_PATTERN_LENGTH,
    MAX_PROPERTY_LENGTH,
    MAX_VALUE_LENGTH,
    MAX_VALUES,
    OPERATORS,
    All,
    Any_,
    Done,
    Filter,
    Leaf,
    Not,
    parse_filters,
    read_filters,
)

COUNTRY = ["is", "visit:country", ["DE"]]
PAGE = ["is", "event:page", ["/"]]
IN_GERMANY = Leaf("is", "visit:country", ("DE",))
AT_HOME = Leaf("is", "event:page", ("/",))


def parsed(given: Any) -> Filter | None:
    return parse_filters(json.dumps(given))


def refusal(given: Any) -> str:
    with pytest.raises(QueryError) as caught:
        parsed(given)
    return str(caught.value)


@pytest.mark.parametrize("text", [None, "[]", " [ ] ", "null"])
def test_empty_filters_are_none(text: str | None) -> None:
    assert parse_filters(text) is None


def test_every_operator_makes_a_leaf() -> None:
    for operator in OPERATORS:
        assert parsed([[operator, "event:page", ["/b", "/a"]]]) == Leaf(operator, "event:page", ("/a", "/b"))


def test_filter_ignores_case_on_request() -> None:
    assert parsed([[*COUNTRY, {"case_sensitive": False}]]) == Leaf("is", "visit:country", ("DE",), case_sensitive=False)
    assert parsed([[*COUNTRY, {"case_sensitive": True}]]) == parsed([[*COUNTRY, {}]]) == IN_GERMANY


def test_filter_list_is_a_conjunction() -> None:
    assert parsed([COUNTRY, PAGE]) == All((IN_GERMANY, AT_HOME))


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (["and", [COUNTRY, PAGE]], All((IN_GERMANY, AT_HOME))),
        (["or", [COUNTRY, PAGE]], Any_((IN_GERMANY, AT_HOME))),
        (["not", COUNTRY], Not(IN_GERMANY)),
        (["has_done", PAGE], Done(AT_HOME)),
        (["has_not_done", PAGE], Not(Done(AT_HOME))),
        (["has_done", ["and", [PAGE, ["not", PAGE]]]], Done(All((AT_HOME, Not(AT_HOME))))),
        (["or", [COUNTRY]], IN_GERMANY),
        (["or", [["or", [COUNTRY, PAGE]], PAGE]], Any_((IN_GERMANY, AT_HOME, AT_HOME))),
    ],
)
def test_filter_groups_parse_to_a_tree(given: list[Any], meant: Filter) -> None:
    assert parsed([given]) == meant


def test_top_level_and_equals_the_list() -> None:
    assert parsed([["and", [COUNTRY, PAGE]]]) == parsed([COUNTRY, PAGE]) == parsed([["and", [COUNTRY]], PAGE])


def test_equal_filters_hash_alike_in_any_order_of_values() -> None:
    one, other = (parsed([["is", "visit:country", values]]) for values in (["DE", "AT"], ["AT", "DE", "AT"]))
    assert one == other
    assert hash(one) == hash(other)


def test_filters_of_a_query_body_parse_like_the_parameter() -> None:
    assert read_filters([COUNTRY, ["or", [PAGE, COUNTRY]]]) == parsed([COUNTRY, ["or", [PAGE, COUNTRY]]])


@pytest.mark.parametrize("dimension", [*OF_EVENTS, *OF_VISITS, "event:props:plan", "event:props:a/b~c:ä"])
def test_every_dimension_can_be_filtered_by(dimension: str) -> None:
    assert parsed([["is", dimension, ["x"]]]) == Leaf("is", dimension, ("x",))


@pytest.mark.parametrize("name", DIMENSIONS)
def test_breakdown_dimensions_can_all_be_filtered(name: str) -> None:
    leaf = parsed([["is", name, ["x"]]])
    assert leaf == Leaf("is", SEED_NAMES[name], ("x",))
    breakdown = DIMENSIONS[name]
    assert is_of_event(SEED_NAMES[name]) is not breakdown.of_visit
    if breakdown.of_first_event:
        assert FIRST_COLUMNS[SEED_NAMES[name]] == breakdown.column


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"is": 1}, "filters is {'is': 1}, but must be a list of filters"),
        (COUNTRY, "filters[0] is 'is', but must be a filter itself"),
        ([COUNTRY, PAGE, ["is", "event:pag", ["/"]]], "filters[2][1] is 'event:pag', but must be one of event:page, "),
        ([["iz", "event:page", ["/"]]], "filters[0][0] is 'iz', but must be one of is, is_not, contains, "),
        ([[["is"], "event:page", ["/"]]], "filters[0][0] is ['is'], but must be one of is, "),
        ([[]], "filters[0] is [], but must be a list such as"),
        (["is"], "filters[0] is 'is', but"),
        ([COUNTRY, 7], "filters[1] is 7, but must be a list such as"),
        ([["is", "event:page"]], "filters[0] is ['is', 'event:page'], but must be [\"is\", a dimension, a list of"),
        ([["is", "event:page", "/"]], "filters[0][2] is '/', but must be a list of at least one text"),
        ([["is", "event:page", []]], "filters[0][2] is [], but must be a list of at least one text"),
        (
            [["is", "event:page", ["/", 5.5]]],
            "filters[0][2][1] is 5.5, but must be a text of at most 2048 characters, or a whole number",
        ),
        ([["is", "event:page", ["/", "\ud800"]]], "filters[0][2][1] is '\\ud800', but must be a text"),
        ([["is", "event:props:", ["x"]]], "filters[0][1] is 'event:props:', but must be event:props: with a prop"),
        ([["is", "event:props:\ud800", ["x"]]], "filters[0][1] is 'event:props:\\ud800', but must be event:props: "),
        ([["is", "event:props:a\0", ["x"]]], "filters[0][1] is 'event:props:a\\x00', but must be event:props: "),
        ([[*PAGE, True]], 'filters[0][3] is True, but must be an object such as {"case_sensitive": false}'),
        ([[*PAGE, {"case": False}]], "filters[0][3] is {'case': False}, but must be an object such as"),
        ([[*PAGE, {"case_sensitive": 0}]], "filters[0][3].case_sensitive is 0, but must be true or false"),
        ([["or", []]], "filters[0][1] is [], but must be a list of at least one filter"),
        ([["or", COUNTRY]], "filters[0][1][0] is 'is', but must be a list such as"),
        ([["not"]], "filters[0] is ['not'], but must be [\"not\", ...] with one more part"),
        ([["or", [PAGE, ["not", ["is", "x", ["y"]]]]]], "filters[0][1][1][1][1] is 'x', but must be one of"),
        ([["has_done", COUNTRY]], "filters[0][1] asks for 'visit:country', but has_done takes event dimensions only"),
        ([["has_not_done", ["not", ["has_done", PAGE]]]], "filters[0][1] asks for 'has_done', but has_done takes"),
    ],
)
def test_invalid_filter_is_refused_with_place_value_and_allowed_values(given: Any, said: str) -> None:
    assert said in refusal(given)


@pytest.mark.parametrize(
    "text",
    ["", "is", '[["is"', "NaN", "[Infinity]", "[-Infinity]", "9" * 10_000, "[" * 10_000, '{"a":' * 3_000, "\ud800"],
)
def test_filters_that_are_no_json_are_refused(text: str) -> None:
    with pytest.raises(QueryError, match=r"^filters is .*but must be JSON such as"):
        parse_filters(text)


def test_deeply_nested_filter_is_refused_by_its_shape() -> None:
    with pytest.raises(QueryError, match=r"^filters\[0\]\[0\] is \[\[\[\.\.\.\]\]\], but must be one of is"):
        parse_filters("[" * 900 + "]" * 900)


def test_a_text_is_limited_by_its_bytes() -> None:
    assert parse_filters("[]".ljust(MAX_FILTER_BYTES)) is None
    umlauts = f'["{"ä" * (MAX_FILTER_BYTES // 2)}"]'
    for text in ("[]".ljust(MAX_FILTER_BYTES + 1), umlauts):
        with pytest.raises(QueryError, match="filters is over 16 KB"):
            parse_filters(text)


def test_depth_is_limited() -> None:
    def nested(levels: int) -> list[Any]:
        given: list[Any] = PAGE
        for _ in range(levels - 1):
            given = ["not", given]
        return [given]

    assert parsed(nested(MAX_DEPTH)) is not None
    assert (
        refusal(nested(MAX_DEPTH + 1))
        == "filters[0]" + "[1]" * MAX_DEPTH + " is nested too deep: 6 levels are allowed."
    )


def test_comparisons_are_limited() -> None:
    assert parsed([PAGE] * MAX_LEAVES) is not None
    assert (
        refusal([PAGE] * MAX_LEAVES + [PAGE])
        == f"filters[{MAX_LEAVES}] is one too many: filters may hold 60 comparisons."
    )


def test_values_are_limited_in_all() -> None:
    halves = [["is", "event:page", [str(number) for number in range(MAX_VALUES // 2)]]] * 2
    assert parsed(halves) is not None
    assert refusal([*halves, PAGE]) == "filters[2][2] holds too many values: filters may hold 500 in all."


def test_values_patterns_and_names_of_properties_are_limited() -> None:
    assert parsed([["is", "event:page", ["x" * MAX_VALUE_LENGTH]]]) is not None
    assert "a text of at most 2048 characters" in refusal([["is", "event:page", ["x" * (MAX_VALUE_LENGTH + 1)]]])
    for operator in ("matches", "matches_not"):
        assert parsed([[operator, "event:page", ["x" * MAX_PATTERN_LENGTH]]]) is not None
        assert "[2][0] is" in refusal([[operator, "event:page", ["x" * (MAX_PATTERN_LENGTH + 1)]]])
    assert parsed([["is", "event:props:" + "x" * MAX_PROPERTY_LENGTH, ["y"]]]) is not None
    assert "of 1 to 300 characters" in refusal([["is", "event:props:" + "x" * (MAX_PROPERTY_LENGTH + 1), ["y"]]])


def test_a_long_value_is_shown_in_short() -> None:
    assert len(refusal([["x" * 3000, "event:page", ["/"]]])) < 300
    assert len(refusal([[["x" * 500] * 20, "event:page", ["/"]]])) < 300


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5)
WORDS = st.sampled_from([*OPERATORS, *GROUPS, *OF_EVENTS, *OF_VISITS, "event:props:x", "case_sensitive", "pages", "x"])
ANY_JSON = st.recursive(
    SCALARS | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=3), inner, max_size=2),
    max_leaves=20,
)


def trees() -> st.SearchStrategy[Any]:
    """JSON of filters, right ones and, by has_done and by depth, wrong ones."""
    dimensions = st.sampled_from([*OF_EVENTS, *OF_VISITS, *SEED_NAMES, "event:props:x"])
    options: st.SearchStrategy[list[Any]] = st.just([]) | st.booleans().map(lambda case: [{"case_sensitive": case}])
    leaf = st.builds(
        lambda operator, dimension, values, options: [operator, dimension, values, *options],
        st.sampled_from(OPERATORS),
        dimensions,
        st.lists(st.text(max_size=3), min_size=1, max_size=3),
        options,
    )
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.tuples(st.sampled_from(["and", "or"]), st.lists(inner, min_size=1, max_size=3)).map(list),
            st.tuples(st.sampled_from(["not", "has_done", "has_not_done"]), inner).map(list),
        ),
        max_leaves=8,
    )


def broken(tree: Any, chooser: random.Random) -> Any:
    """The tree with one part of it replaced by something else."""
    if not isinstance(tree, list) or not tree or chooser.random() < 0.2:
        return chooser.choice([None, 5, "x", [], {}, "is", ["is"], True])
    at = chooser.randrange(len(tree))
    return [*tree[:at], broken(tree[at], chooser), *tree[at + 1 :]]


def is_filter(found: Any) -> bool:
    return found is None or isinstance(found, get_args(Filter))


def is_filter_or_refused(read: Callable[[Any], Filter | None], given: Any) -> bool:
    try:
        found = read(given)
    except QueryError as error:
        return str(error).startswith("filters")
    hash(found)
    return found is None or isinstance(found, get_args(Filter))


@given(ANY_JSON)
@example([[["is"]]])
def test_any_json_is_a_valid_filter_or_refused(given: Any) -> None:
    for attempt in (given, [given], [["is", given, ["/"]]], [["is", "event:page", given]]):
        assert is_filter_or_refused(read_filters, attempt)


@given(st.text(st.characters()))
@example("[" * 5000)
@example("1e999")
@example("-" + "1" * 5000)
def test_any_text_is_a_filter_or_refused(text: str) -> None:
    assert is_filter_or_refused(parse_filters, text)


@given(trees(), st.randoms(use_true_random=False))
def test_filter_with_one_mutated_part_is_valid_or_refused(tree: Any, chooser: random.Random) -> None:
    for attempt in (tree, broken(tree, chooser)):
        assert is_filter_or_refused(parsed, [attempt])
