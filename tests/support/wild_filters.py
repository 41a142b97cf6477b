"""Random filters, and random events that often meet them: hypothesis strategies."""

import json

from hypothesis import strategies as st

from mallard.stats.filters import OPERATORS, All, Any_, Done, Filter, Leaf, Not
from support.filter_reading import COLUMNS, GOALS, Visit

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
