"""Reader of one list of filters: its groups, comparisons and segments, and their limits."""

import json
import reprlib
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeAlias

from mallard.errors import QueryError
from mallard.normalize.strict_json import is_encodable
from mallard.stats.dimensions import GOAL, OF_EVENTS, OF_VISITS, PROPS, SEED_NAMES, is_of_event
from mallard.stats.filter_tree import (
    CONTAINS,
    IS,
    MATCHES,
    OPERATORS,
    Done,
    EventSequence,
    Filter,
    Leaf,
    Not,
    all_of,
    leaves,
    one_of_them,
)
from mallard.stats.filter_values import written_leaf

MAX_DEPTH = 6
MAX_LEAVES = 60
MAX_VALUES = 500
"""In all leaves together."""
MAX_VALUE_LENGTH = 2048
MAX_PATTERN_LENGTH = 500
MAX_PATTERNS = 20
"""In all leaves together: each is compiled, which takes longer than to compare."""
MAX_PROPERTY_LENGTH = 300
MAX_SEQUENCE = 10
"""Filters of one sequence."""
MAX_SEQUENCES = 3
MAX_SEGMENTS = 10
"""Named by one list of filters."""

SEGMENT = "segment"
SEQUENCE = "sequence"
GROUPS = ("and", "or", "not", "has_done", "has_not_done", SEQUENCE)
GOAL_OPERATORS = (IS, CONTAINS)
"""Operators that v2 documents for goals."""

EXAMPLE = '[["is", "visit:country", ["DE"]]]'

Segments: TypeAlias = Callable[[int], list[Any] | None]
"""From the id of a segment to its filters as JSON; None where there is none."""


class FilterReader:
    """Reads the filters of one request, and counts the parts that have a limit."""

    def __init__(self, segments: Segments | None = None, *, strict: bool = False) -> None:
        self._segments = segments
        self._strict = strict
        self._leaves = self._values = self._patterns = self._sequences = self._named = 0

    def several(self, given: Any, place: str, depth: int = 1) -> tuple[Filter, ...]:
        """The filters of a list, at least one. QueryError names the place."""
        if not isinstance(given, list) or not given:
            refuse(place, given, "a list of at least one filter")
        return tuple(self._filter(each, f"{place}[{number}]", depth) for number, each in enumerate(given))

    def _filter(self, given: Any, place: str, depth: int) -> Filter:
        if not isinstance(given, list) or not given:
            refuse(place, given, 'a list such as ["is", "visit:country", ["DE"]]')
        operator = given[0]
        if depth > MAX_DEPTH:
            raise QueryError(f"{place} is nested too deep: {MAX_DEPTH} levels are allowed.")
        if operator in OPERATORS:
            return self._segment(given, place) if given[1:2] == [SEGMENT] else self._leaf(given, place)
        if operator not in GROUPS:
            refuse(f"{place}[0]", operator, f"one of {', '.join((*OPERATORS, *GROUPS))}")
        if len(given) != 2:
            refuse(place, given, f"[{json.dumps(operator)}, ...] with one more part")
        return self._group(operator, given[1], f"{place}[1]", depth + 1)

    def _group(self, operator: str, given: Any, place: str, depth: int) -> Filter:
        if operator in ("and", "or"):
            parts = self.several(given, place, depth)
            return all_of(parts) if operator == "and" else one_of_them(parts)
        if operator == SEQUENCE:
            return self._sequence(given, place, depth)
        part = self._filter(given, place, depth)
        if operator == "not":
            if any(isinstance(each, EventSequence) for each in leaves(part)):
                raise QueryError(f"{place} holds a sequence, which cannot stand in not.")
            return Not(part)
        _check_of_events(part, place, "has_done")
        return Done(part) if operator == "has_done" else Not(Done(part))

    def _sequence(self, given: Any, place: str, depth: int) -> Filter:
        parts = self.several(given, place, depth)
        if len(parts) > MAX_SEQUENCE:
            raise QueryError(f"{place} has {len(parts)} filters, but a sequence may have {MAX_SEQUENCE}.")
        self._sequences += 1
        if self._sequences > MAX_SEQUENCES:
            raise QueryError(f"{place} is one too many: filters may hold {MAX_SEQUENCES} sequences.")
        for number, part in enumerate(parts):
            _check_of_events(part, f"{place}[{number}]", SEQUENCE)
        return EventSequence(parts)

    def _segment(self, given: list[Any], place: str) -> Filter:
        if len(given) != 3 or given[0] != IS or not isinstance(given[2], list) or not given[2]:
            refuse(place, given, '["is", "segment", [an id, …]]')
        if self._segments is None:
            raise QueryError(f"{place} is a segment, which cannot stand here: write out its filters.")
        self._named += len(given[2])
        if self._named > MAX_SEGMENTS:
            raise QueryError(f"{place} is one too many: filters may name {MAX_SEGMENTS} segments.")
        places = ((each, f"{place}[2][{number}]") for number, each in enumerate(given[2]))
        return one_of_them(tuple(self._expanded(each, where) for each, where in places))

    def _expanded(self, given: Any, place: str) -> Filter:
        segment = segment_id(given)
        assert self._segments is not None
        found = self._segments(segment) if segment is not None else None
        if found is None:
            refuse(place, given, "the id of a segment of this site")
        known, self._segments = self._segments, None
        try:
            return all_of(self.several(found, f"The segment {segment}: filters"))
        finally:
            self._segments = known

    def _leaf(self, given: list[Any], place: str) -> Leaf:
        if not 3 <= len(given) <= 4:
            refuse(place, given, f"[{json.dumps(given[0])}, a dimension, a list of values], and options if any")
        self._leaves += 1
        if self._leaves > MAX_LEAVES:
            raise QueryError(f"{place} is one too many: filters may hold {MAX_LEAVES} comparisons.")
        dimension = _dimension(given[1], f"{place}[1]")
        if self._strict:
            _check_documented(given, dimension, place)
        values = self._texts(given[2], f"{place}[2]")
        if given[0].startswith(MATCHES):
            self._count_patterns(values, f"{place}[2]")
        return written_leaf(given[0], dimension, values, case_sensitive=_case_sensitive(given[3:], f"{place}[3]"))

    def _count_patterns(self, values: list[str], place: str) -> None:
        self._patterns += len(values)
        if self._patterns > MAX_PATTERNS:
            raise QueryError(f"{place} holds too many patterns: filters may hold {MAX_PATTERNS} in all.")
        for number, value in enumerate(values):
            if len(value) > MAX_PATTERN_LENGTH:
                refuse(f"{place}[{number}]", value, f"a pattern of at most {MAX_PATTERN_LENGTH} characters")

    def _texts(self, given: Any, place: str) -> list[str]:
        if not isinstance(given, list) or not given:
            refuse(place, given, "a list of at least one text")
        self._values += len(given)
        if self._values > MAX_VALUES:
            raise QueryError(f"{place} holds too many values: filters may hold {MAX_VALUES} in all.")
        return [_text(value, f"{place}[{number}]") for number, value in enumerate(given)]


def segment_id(given: Any) -> int | None:
    """The id of a segment as a number or as a text of digits; None for anything else."""
    if type(given) is int and given > 0:
        return given
    is_number = isinstance(given, str) and given.isascii() and given.isdigit() and len(given) < 10
    return int(given) if is_number else None


def _text(value: Any, place: str) -> str:
    if type(value) is int and abs(value) < 10**18:
        return str(value)
    if not isinstance(value, str) or len(value) > MAX_VALUE_LENGTH or not is_encodable(value):
        refuse(place, value, f"a text of at most {MAX_VALUE_LENGTH} characters, or a whole number")
    return value


def _dimension(given: Any, place: str) -> str:
    if isinstance(given, str):
        if given in OF_EVENTS or given in OF_VISITS:
            return given
        if given in SEED_NAMES:
            return SEED_NAMES[given]
        if given.startswith(PROPS):
            return _property(given, place)
    return refuse(place, given, f"one of {', '.join((*OF_EVENTS, f'{PROPS}<key>', *OF_VISITS))}")


def _property(given: str, place: str) -> str:
    key = given.removeprefix(PROPS)
    if not key or len(key) > MAX_PROPERTY_LENGTH or "\0" in key or not is_encodable(key):
        refuse(place, given, f"{PROPS} with a property's name of 1 to {MAX_PROPERTY_LENGTH} characters")
    return given


def _case_sensitive(given: list[Any], place: str) -> bool:
    if not given:
        return True
    options = given[0]
    if not isinstance(options, Mapping) or set(options) - {"case_sensitive"}:
        refuse(place, options, 'an object such as {"case_sensitive": false}')
    flag = options.get("case_sensitive", True)
    if not isinstance(flag, bool):
        refuse(f"{place}.case_sensitive", flag, "true or false")
    return flag


def _check_documented(given: list[Any], dimension: str, place: str) -> None:
    if dimension == GOAL and given[0] not in GOAL_OPERATORS:
        refuse(f"{place}[0]", given[0], f"{' or '.join(GOAL_OPERATORS)} with {GOAL}; put that in not")
    if given[0].startswith(MATCHES) and len(given) > 3:
        raise QueryError(f"{place}[3] goes with is and contains; a pattern ignores case where it begins with (?i).")


def _check_of_events(part: Filter, place: str, name: str) -> None:
    """One event is looked at after the other: neither the visit's values nor another such group are an event's."""
    for each in leaves(part):
        if not isinstance(each, Leaf) or not is_of_event(each.dimension):
            what = (
                each.dimension
                if isinstance(each, Leaf)
                else SEQUENCE
                if isinstance(each, EventSequence)
                else "has_done"
            )
            raise QueryError(f"{place} asks for {shown(what)}, but {name} takes event dimensions only.")


def refuse(place: str, given: Any, allowed: str) -> NoReturn:
    """Raise a QueryError with the place, a short form of the value, and what is allowed."""
    raise QueryError(f"{place} is {shown(given)}, but must be {allowed}.")


_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 42
_SHORT.maxlevel = 2


def shown(value: Any) -> str:
    """In short, and however deep it is: ``repr`` itself gives up on lists in lists in lists."""
    text = _SHORT.repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
