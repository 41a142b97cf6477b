"""Parser of steps: from the text of a parameter to SQL conditions.

``page:/pricing,event:signup[plan=pro]`` is two steps; docs/behaviour.md has the grammar. JSON says the same and all
that filters can say. Whatever is wrong is a QueryError that points at the character.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from mallard.engine.cancellation import IS_ANONYMOUS
from mallard.engine.sql.event_conditions import EventConditions, compile_for_events
from mallard.engine.sql.goal_conditions import page_pattern
from mallard.errors import QueryError
from mallard.normalize.names import page_from_input, search_forms
from mallard.normalize.strict_json import is_encodable, parse_json
from mallard.reports.behaviour.parameter_reader import Reader
from mallard.sites.settings import Goal
from mallard.stats.dimensions import EVENT_COLUMNS, FIRST_COLUMNS, GOAL, PAGE, PROPS
from mallard.stats.filter_values import written_leaf
from mallard.stats.filters import (
    CONTAINS,
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

MAX_STEPS = 32
MAX_ANONYMOUS_STEPS = 8
"""Of public sites and shared links: each step costs."""

MAX_STEPS_BYTES = 16 * 1024
MAX_TEXT_LENGTH = 2048
MAX_CONDITIONS = 60
"""Of all steps together."""
MAX_PATTERNS = 64
"""Of all steps together: a page with ``*`` is one."""

KINDS = {"page": PAGE, "event": "event:name", "goal": GOAL}
OPERATORS = {"=": IS, "!=": "is_not", "~": CONTAINS, "!~": "contains_not"}
OWN_DIMENSIONS = (*EVENT_COLUMNS, GOAL, *FIRST_COLUMNS)
"""Dimensions of an event without its visit."""

_EXAMPLE = "page:/pricing,event:signup"


@dataclass(frozen=True, slots=True)
class Step:
    """``filter`` is a condition on one event; ``text`` names the step in responses and errors."""

    text: str
    filter: Filter


def parse_steps(text: str | None, *, at_least: int = 1, name: str = "steps") -> tuple[Step, ...]:
    """The steps of a parameter, whose ``name`` sentences say. QueryError points at what is wrong."""
    if not text or not text.strip():
        raise QueryError(f"{name} is missing; it lists what visitors do, such as {_EXAMPLE}.")
    if len(text) > MAX_STEPS_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_STEPS_BYTES:
        raise QueryError(f"{name} is over {MAX_STEPS_BYTES // 1024} KB.")
    steps = _from_json(text, name) if text.lstrip().startswith("[") else _from_text(Reader(name, text))
    is_anonymous = IS_ANONYMOUS.get()
    most = MAX_ANONYMOUS_STEPS if is_anonymous else MAX_STEPS
    if not at_least <= len(steps) <= most:
        more = "; log in or send an API key for more" if is_anonymous and len(steps) > most else ""
        raise QueryError(f"{name} has {len(steps)} steps, but must have {at_least} to {most}{more}.")
    _check_size(steps, name)
    return steps


def compile_steps(steps: Sequence[Step], goals: Sequence[Goal]) -> EventConditions:
    """The conditions of steps over the row ``event``, for a site with these goals; values are named ``$s0``, ``$s1`` …

    QueryError for a goal there is not.
    """
    return compile_for_events([each.filter for each in steps], goals, "s")


def _from_text(reader: Reader) -> tuple[Step, ...]:
    steps = []
    while True:
        reader.skip_spaces()
        begin = reader.position
        wanted = _step(reader)
        steps.append(Step(reader.since(begin), wanted))
        reader.skip_spaces()
        if reader.at_end:
            return tuple(steps)
        if not reader.take(","):
            reader.fail("a comma and another step, or the end", 1)


def _step(reader: Reader) -> Filter:
    kind = reader.word(":,[ ")
    if kind not in KINDS or not reader.take(":"):
        reader.back(len(kind))
        reader.fail(f"{', '.join(f'{each}:' for each in KINDS)} as in {_EXAMPLE}", len(kind) or 1)
    begin = reader.position
    value = _checked(reader, reader.text(",["), begin, MAX_TEXT_LENGTH)
    if kind == "page" and not value.startswith(("/", "*")):
        reader.back(reader.position - begin)
        reader.fail("a page, which begins with / as in page:/blog/*", len(value))
    parts: list[Filter] = [_of_kind(kind, value)]
    while reader.take("["):
        parts.append(_condition(reader))
    return parts[0] if len(parts) == 1 else All(tuple(parts))


def _condition(reader: Reader) -> Leaf:
    """A condition between brackets: a property or a dimension, an operator, and values with | between."""
    begin = reader.position
    key = _checked(reader, reader.text("=!~],["), begin, MAX_PROPERTY_LENGTH)
    operator = next((each for each in ("!=", "!~", "=", "~") if reader.take(each)), None)
    if operator is None:
        reader.fail(f"one of {' '.join(OPERATORS)}", 1)
    values = []
    while True:
        begin = reader.position
        values.append(_checked(reader, reader.text("|]["), begin, MAX_TEXT_LENGTH))
        if reader.take("]"):
            return written_leaf(OPERATORS[operator], _dimension(key), values)
        if not reader.take("|"):
            reader.fail("| and another value, or ]", 1)


def _dimension(key: str) -> str:
    return key if key in OWN_DIMENSIONS else f"{PROPS}{key}"


def _checked(reader: Reader, value: str, begin: int, limit: int) -> str:
    length = reader.position - begin
    if not _is_text(value, limit):
        reader.back(length)
        reader.fail(f"a text of 1 to {limit} characters", length or 1)
    return value


def _is_text(value: str, limit: int) -> bool:
    """True for 1 to ``limit`` characters without halves of surrogate pairs, which nothing can encode."""
    return 0 < len(value) <= limit and "\0" not in value and is_encodable(value)


def _of_kind(kind: str, value: str) -> Leaf:
    if kind == "page" and "*" in value:
        return Leaf(
            MATCHES, PAGE, tuple(sorted(f"^{page_pattern(each)}$" for each in search_forms(value, page_from_input)))
        )
    return written_leaf(IS, KINDS[kind], (value,))


def _from_json(text: str, name: str) -> tuple[Step, ...]:
    try:
        given = parse_json(text)
    except json.JSONDecodeError as error:
        Reader(name, text, error.pos).fail(f"JSON ({error.msg})", 1)
    except (ValueError, RecursionError):
        raise QueryError(f"{name} is no JSON that can be read.") from None
    return tuple(_object(each, f"{name}[{number}]") for number, each in enumerate(given))


def _object(given: Any, place: str) -> Step:
    if not isinstance(given, dict) or not given or set(given) - {*KINDS, "filters"}:
        _refuse(place, given, 'an object such as {"event": "signup", "filters": [["is", "event:props:plan", ["pro"]]]}')
    parts: list[Filter] = []
    for kind in (each for each in KINDS if each in given):
        value = given[kind]
        if not isinstance(value, str) or not _is_text(value, MAX_TEXT_LENGTH):
            _refuse(f"{place}.{kind}", value, f"a text of 1 to {MAX_TEXT_LENGTH} characters")
        parts.append(_of_kind(kind, value))
    parts += _filters_of(given, place)
    if not parts:
        _refuse(place, given, "a step: its filters are empty")
    return Step(json.dumps(given, ensure_ascii=False), parts[0] if len(parts) == 1 else All(tuple(parts)))


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


def _check_size(steps: Sequence[Step], name: str) -> None:
    found = [leaf for step in steps for leaf in leaves(step.filter) if isinstance(leaf, Leaf)]
    if len(found) > MAX_CONDITIONS:
        raise QueryError(f"{name} holds {len(found)} comparisons, but may hold {MAX_CONDITIONS}.")
    patterns = sum(len(leaf.values) for leaf in found if leaf.positive == MATCHES)
    if patterns > MAX_PATTERNS:
        raise QueryError(f"{name} holds {patterns} patterns, but may hold {MAX_PATTERNS}.")


def _refuse(place: str, given: Any, allowed: str) -> NoReturn:
    text = json.dumps(given, ensure_ascii=False)
    raise QueryError(f"{place} is {text if len(text) <= 60 else f'{text[:59]}…'}, but must be {allowed}.")
