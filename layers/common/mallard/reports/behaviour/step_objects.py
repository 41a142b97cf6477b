"""Steps as JSON objects: conditions on one event, of a page, event, goal, properties or filters."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from mallard.engine.cancellation import IS_ANONYMOUS
from mallard.engine.sql.goal_conditions import page_pattern
from mallard.errors import QueryError
from mallard.normalize.names import page_from_input, search_forms
from mallard.normalize.strict_json import is_encodable
from mallard.stats.dimensions import EVENT_COLUMNS, FIRST_COLUMNS, GOAL, PAGE, PROPS
from mallard.stats.filter_values import written_leaf
from mallard.stats.filters import (
    IS,
    MATCHES,
    MAX_PROPERTY_LENGTH,
    All,
    Done,
    Filter,
    Leaf,
    leaves,
    read_filters,
    refuse_patterns,
)

MAX_TEXT_LENGTH = 2048
MAX_PROPS = 30
"""Of one step, as of a goal."""

KINDS = {"page": PAGE, "event": "event:name", "goal": GOAL}
OWN_DIMENSIONS = (*EVENT_COLUMNS, GOAL, *FIRST_COLUMNS)
"""Dimensions of an event without its visit."""

KEYS = (*KINDS, "filters", "props", "scroll_threshold")
WITH_MONEY = (*KEYS, "currency")
"""The keys of a step whose payments are summed."""


@dataclass(frozen=True, slots=True)
class Step:
    """``filter`` is a condition on one event; ``text`` names the step in responses and errors.

    ``scroll_threshold``: it is no event but an engagement ping, which tells that so many percent of the page were seen.
    ``currency``: of the payments that are summed.
    """

    text: str
    filter: Filter
    scroll_threshold: int | None = None
    currency: str | None = None


def read_step(given: Any, place: str, keys: Sequence[str] = KEYS) -> Step:
    """The step of an object with some of these ``keys``. QueryError names the ``place``."""
    if not isinstance(given, dict) or not given or set(given) - {*keys}:
        example = 'an object such as {"event": "signup", "filters": [["is", "event:props:plan", ["pro"]]]}'
        refuse_step(place, given, f"{example}, with some of {', '.join(keys)}")
    parts: list[Filter] = []
    for kind in (each for each in KINDS if each in given):
        value = given[kind]
        if not is_step_text(value):
            refuse_step(f"{place}.{kind}", value, f"a text of 1 to {MAX_TEXT_LENGTH} characters")
        if kind == "page" and not value.startswith(("/", "*", "(")):
            refuse_step(f"{place}.page", value, "a page, which begins with / as in /blog/*")
        parts.append(condition_of(kind, value))
    parts += [*_props(given.get("props", {}), f"{place}.props"), *_filters_of(given, place)]
    if not parts:
        refuse_step(place, given, "a step: its filters are empty")
    return Step(
        json.dumps(given, ensure_ascii=False),
        parts[0] if len(parts) == 1 else All(tuple(parts)),
        _threshold(given, place),
        _currency(given, place),
    )


def label_of(given: Mapping[str, Any]) -> str:
    """The page, event or goal of a step's object; else the whole of it as text."""
    named = [given[kind] for kind in KINDS if kind in given]
    return ", ".join(named) or json.dumps(given, ensure_ascii=False)


def condition_of(kind: str, value: str) -> Leaf:
    """The condition of one of KINDS; a page may have ``*`` as in goals."""
    if kind == "page" and "*" in value:
        return Leaf(
            MATCHES, PAGE, tuple(sorted(f"^{page_pattern(each)}$" for each in search_forms(value, page_from_input)))
        )
    return written_leaf(IS, KINDS[kind], (value,))


def is_step_text(value: Any, limit: int = MAX_TEXT_LENGTH) -> bool:
    """True for 1 to ``limit`` characters without halves of surrogate pairs, which nothing can encode."""
    return isinstance(value, str) and 0 < len(value) <= limit and "\0" not in value and is_encodable(value)


def refuse_step(place: str, given: Any, allowed: str) -> NoReturn:
    """QueryError that shows what was given, as JSON."""
    text = json.dumps(given, ensure_ascii=False)
    raise QueryError(f"{place} is {text if len(text) <= 60 else f'{text[:59]}…'}, but must be {allowed}.")


def _props(given: Any, place: str) -> list[Filter]:
    if not isinstance(given, dict) or len(given) > MAX_PROPS:
        refuse_step(place, given, f'an object of at most {MAX_PROPS} texts, such as {{"plan": "pro"}}')
    for key, value in given.items():
        if not is_step_text(key, MAX_PROPERTY_LENGTH):
            refuse_step(place, given, f"an object whose names have 1 to {MAX_PROPERTY_LENGTH} characters")
        if not is_step_text(value):
            refuse_step(f"{place}.{key[:40]}", value, f"a text of 1 to {MAX_TEXT_LENGTH} characters")
    return [written_leaf(IS, f"{PROPS}{key}", (value,)) for key, value in given.items()]


def _threshold(given: Mapping[str, Any], place: str) -> int | None:
    threshold = given.get("scroll_threshold")
    if "scroll_threshold" not in given:
        return None
    if type(threshold) is not int or not 0 <= threshold <= 100:
        refuse_step(f"{place}.scroll_threshold", threshold, "a whole percentage from 0 to 100")
    if "page" not in given or "event" in given or "goal" in given:
        raise QueryError(f"{place}.scroll_threshold goes with a page, and with neither event nor goal.")
    return threshold


def _currency(given: Mapping[str, Any], place: str) -> str | None:
    currency = given.get("currency")
    if "currency" not in given:
        return None
    if not isinstance(currency, str) or not re.fullmatch("[A-Z]{3}", currency):
        refuse_step(f"{place}.currency", currency, "an ISO 4217 code such as EUR")
    if "scroll_threshold" in given:
        raise QueryError(f"{place}.currency goes with an event or goal, not with scroll_threshold.")
    return currency


def _filters_of(given: dict[str, Any], place: str) -> list[Filter]:
    try:
        found = read_filters(given.get("filters"))
        # Pages with * are patterns too, but of ours: they hold nothing that takes long.
        if IS_ANONYMOUS.get():
            refuse_patterns(found)
    except QueryError as error:
        raise QueryError(f"In {place}: {error}") from None
    for leaf in leaves(found) if found else ():
        if not isinstance(leaf, Leaf) or not (leaf.dimension in OWN_DIMENSIONS or leaf.dimension.startswith(PROPS)):
            what = leaf.dimension if isinstance(leaf, Leaf) else "has_done" if isinstance(leaf, Done) else "sequence"
            raise QueryError(f"In {place}: a step is one event, which has no {what}.")
    return [found] if found else []
