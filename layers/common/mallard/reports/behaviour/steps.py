"""Parser of steps: from the text of a parameter, or from JSON, to conditions on events.

``page:/pricing,event:signup[plan=pro]`` is two steps; docs/behaviour.md has the grammar. JSON says the same and all
that filters can say. Whatever is wrong is a QueryError that points at the character.
"""

import json
from collections.abc import Sequence
from typing import Any

from mallard.engine.cancellation import IS_ANONYMOUS
from mallard.errors import QueryError
from mallard.normalize.strict_json import parse_json
from mallard.reports.behaviour.parameter_reader import Reader
from mallard.reports.behaviour.step_objects import (
    KEYS,
    KINDS,
    MAX_TEXT_LENGTH,
    OWN_DIMENSIONS,
    Step,
    condition_of,
    is_step_text,
    read_step,
)
from mallard.stats.dimensions import PROPS
from mallard.stats.filter_values import written_leaf
from mallard.stats.filters import CONTAINS, IS, MATCHES, MAX_PROPERTY_LENGTH, All, Filter, Leaf, leaves

MAX_STEPS = 32
MAX_ANONYMOUS_STEPS = 8
"""Of public sites and shared links: each step costs."""

MAX_STEPS_BYTES = 16 * 1024
MAX_CONDITIONS = 60
"""Of all steps together."""
MAX_PATTERNS = 64
"""Of all steps together: a page with ``*`` is one."""

OPERATORS = {"=": IS, "!=": "is_not", "~": CONTAINS, "!~": "contains_not"}

_EXAMPLE = "page:/pricing,event:signup"


def parse_steps(text: str | None, *, at_least: int = 1, name: str = "steps") -> tuple[Step, ...]:
    """The steps of a parameter, whose ``name`` sentences say. QueryError points at what is wrong."""
    if not text or not text.strip():
        raise QueryError(f"{name} is missing; it lists what visitors do, such as {_EXAMPLE}.")
    if len(text) > MAX_STEPS_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_STEPS_BYTES:
        raise QueryError(f"{name} is over {MAX_STEPS_BYTES // 1024} KB.")
    steps = _from_json(text, name) if text.lstrip().startswith("[") else _from_text(Reader(name, text))
    return _checked_steps(steps, at_least, name)


def read_steps(given: Sequence[Any], name: str, *, at_least: int = 1, keys: Sequence[str] = KEYS) -> tuple[Step, ...]:
    """The same of JSON that is decoded already, objects with some of these ``keys``."""
    steps = tuple(read_step(each, f"{name}[{number}]", keys) for number, each in enumerate(given))
    return _checked_steps(steps, at_least, name)


def _checked_steps(steps: tuple[Step, ...], at_least: int, name: str) -> tuple[Step, ...]:
    is_anonymous = IS_ANONYMOUS.get()
    most = MAX_ANONYMOUS_STEPS if is_anonymous else MAX_STEPS
    if not at_least <= len(steps) <= most:
        more = "; log in or send an API key for more" if is_anonymous and len(steps) > most else ""
        raise QueryError(f"{name} has {len(steps)} steps, but must have {at_least} to {most}{more}.")
    _check_size(steps, name)
    return steps


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
    parts: list[Filter] = [condition_of(kind, value)]
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
    if not is_step_text(value, limit):
        reader.back(length)
        reader.fail(f"a text of 1 to {limit} characters", length or 1)
    return value


def _from_json(text: str, name: str) -> tuple[Step, ...]:
    try:
        given = parse_json(text)
    except json.JSONDecodeError as error:
        Reader(name, text, error.pos).fail(f"JSON ({error.msg})", 1)
    except (ValueError, RecursionError):
        raise QueryError(f"{name} is no JSON that can be read.") from None
    return tuple(read_step(each, f"{name}[{number}]") for number, each in enumerate(given))


def _check_size(steps: Sequence[Step], name: str) -> None:
    found = [leaf for step in steps for leaf in leaves(step.filter) if isinstance(leaf, Leaf)]
    if len(found) > MAX_CONDITIONS:
        raise QueryError(f"{name} holds {len(found)} comparisons, but may hold {MAX_CONDITIONS}.")
    patterns = sum(len(leaf.values) for leaf in found if leaf.positive == MATCHES)
    if patterns > MAX_PATTERNS:
        raise QueryError(f"{name} holds {patterns} patterns, but may hold {MAX_PATTERNS}.")
