"""SQL conditions of goals that a filter names."""

import re
from collections.abc import Iterable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from mallard.engine.sql.operators import BoundSql, any_of, one_of, pattern, property_of_event, quoted
from mallard.errors import QueryError
from mallard.event import ENGAGEMENT, PAGEVIEW
from mallard.normalize.names import nfc_text, page_from_input, search_forms, stored_label
from mallard.sites.settings import Goal
from mallard.stats.dimensions import PAGE, PROPS, blank_words
from mallard.stats.filters import CONTAINS, IS, Filter, Leaf
from mallard.stats.stats_query import goals_named

NAME = "event:name"
NAMES_SHOWN = 20


def goals_meant(leaf: Leaf, goals: Sequence[Goal], *, pings: bool = False) -> tuple[Goal, ...]:
    """Goals named by the leaf, negated or not. QueryError for an unknown goal.

    ``pings``: engagement pings are looked at; without them a goal with a ``scroll_threshold`` is a QueryError.
    """
    names = _known(leaf, goals) if leaf.positive == IS else _alike(leaf, goals)
    meant = tuple(goal for goal in goals if goal.name in names)
    for goal in meant:
        if goal.scroll_threshold is not None and not pings:
            raise QueryError(
                f"The goal {goal.name!r} has a scroll_threshold and cannot be used here: no single event reaches it."
            )
    return meant


def goals_of_rows(tree: Filter | None, goals: Sequence[Goal]) -> tuple[Goal, ...]:
    """The goals that rows are counted under: those that the filter names, as an event may meet others besides.

    QueryError for an unknown goal.
    """
    found = tuple(goals)
    for leaf in goals_named(tree):
        named = goals_meant(leaf, goals, pings=True)
        found = tuple(each for each in found if each in named)
    return found


def of_scrolling(goals: Iterable[Goal]) -> tuple[Goal, ...]:
    """The goals that engagement pings reach, and no events."""
    return tuple(each for each in goals if each.scroll_threshold is not None)


def goal_condition(goals: Iterable[Goal], bound: BoundSql) -> str:
    """SQL that is true of an event, or an engagement ping, that meets one of the goals; it is never NULL."""
    plain: dict[str, list[str]] = {"event_name": [], "pathname": []}
    conditions = []
    for goal in goals:
        if goal.scroll_threshold is not None:
            conditions.append(_condition(goal, bound))
        elif goal.event is not None and not goal.props:
            plain["event_name"] += search_forms(goal.event, stored_label)
        elif goal.page is not None and not goal.props and not any("*" in each for each in _pages(goal.page)):
            plain["pathname"] += _pages(goal.page)
        else:
            conditions.append(_condition(goal, bound))
    if names := plain["event_name"]:
        conditions.append(one_of("event.event_name", names, bound, blank_words(NAME)))
    if pages := plain["pathname"]:
        conditions.append(f"(event.event_name = '{PAGEVIEW}' AND {one_of('event.pathname', pages, bound)})")
    return any_of(conditions)


def goal_columns(goals: Iterable[Goal]) -> set[str]:
    """The columns that ``goal_condition`` looks at."""
    found = set()
    for goal in goals:
        found |= {"event_name"} | ({"pathname"} if goal.page is not None else set())
        found |= {"props"} if goal.props else set()
        found |= {"scroll_depth"} if goal.scroll_threshold is not None else set()
    return found


def page_pattern(page: str) -> str:
    """A goal's page as a regular expression for a whole path: ``*`` is any text without a slash, ``**`` any text."""
    parts = re.split(r"(\*\*|\*)", page)
    wild = {"*": "[^/]*", "**": ".*"}
    return "(?s)" + "".join(wild.get(part) or re.escape(part) for part in parts)


def _condition(goal: Goal, bound: BoundSql) -> str:
    if goal.event is not None:
        parts = [one_of("event.event_name", search_forms(goal.event, stored_label), bound, blank_words(NAME))]
    else:
        assert goal.page is not None
        patterns = (bound(page_pattern(each)) for each in _pages(goal.page))
        matched = any_of(f"regexp_full_match(event.pathname, {each})" for each in patterns)
        there = "event.pathname IS NOT NULL"
        if goal.page.startswith("*"):
            there += f" AND event.pathname NOT IN ({', '.join(quoted(blank_words(PAGE)))})"
        parts = [f"event.event_name = '{PAGEVIEW}'", there, matched]
        if goal.scroll_threshold is not None:
            reached = f"coalesce(event.scroll_depth >= {goal.scroll_threshold:d}, false)"
            parts = [f"event.event_name = '{ENGAGEMENT}'", there, matched, reached]
    for key, value in goal.props:
        parts.append(
            one_of(property_of_event(key, bound), search_forms(value, nfc_text), bound, blank_words(f"{PROPS}{key}"))
        )
    return f"({' AND '.join(parts)})"


def _pages(page: str) -> tuple[str, ...]:
    return search_forms(page, page_from_input)


def _known(leaf: Leaf, goals: Sequence[Goal]) -> set[str]:
    wanted = {_named(leaf, value): value for value in leaf.values}
    found = {goal.name for goal in goals if _named(leaf, goal.name) in wanted}
    unknown = set(wanted) - {_named(leaf, name) for name in found}
    if unknown:
        raise QueryError(f"{wanted[min(unknown)][:80]!r} is no goal of this site; {_listed(goals)}.")
    return found


def _alike(leaf: Leaf, goals: Sequence[Goal]) -> set[str]:
    names = [goal.name for goal in goals]
    if leaf.positive == CONTAINS:
        return {name for name in names if any(_cased(leaf, value) in _cased(leaf, name) for value in leaf.values)}
    found: set[str] = set()
    for value in leaf.values:
        try:
            # Arrow has the same engine of regular expressions as the database: RE2.
            matching = pc.match_substring_regex(pa.array(names, pa.string()), pattern(leaf, value))
        except pa.ArrowInvalid as error:
            raise QueryError(f"{value[:40]!r} is no regular expression (RE2): {error}.") from error
        found |= {name for name, matches in zip(names, matching.to_pylist(), strict=True) if matches}
    return found


def _listed(goals: Sequence[Goal]) -> str:
    if not goals:
        return "it has none"
    more = f" and {len(goals) - NAMES_SHOWN} more" if len(goals) > NAMES_SHOWN else ""
    return f"there are {', '.join(goal.name for goal in goals[:NAMES_SHOWN])}{more}"


def _cased(leaf: Leaf, text: str) -> str:
    return nfc_text(text) if leaf.case_sensitive else nfc_text(text).lower()


def _named(leaf: Leaf, text: str) -> str:
    return _cased(leaf, stored_label(text))
