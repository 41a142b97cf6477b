"""Parser of filters in the JSON of Plausible's Stats API v2.

A filter is a list of conditions, all of which must hold: ``[["is", "visit:country", ["DE", "AT"]]]``. docs/filters.md
has every operator and dimension. Whatever is wrong is a QueryError that names the place, as in ``filters[2][1]``.
"""

import json
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from mallard.errors import QueryError
from mallard.normalize.strict_json import is_encodable, parse_json
from mallard.stats.dimensions import OF_EVENTS, OF_VISITS, PROPS, SEED_NAMES, is_of_event
from mallard.stats.filter_tree import CONTAINS as CONTAINS
from mallard.stats.filter_tree import IS as IS
from mallard.stats.filter_tree import MATCHES as MATCHES
from mallard.stats.filter_tree import OPERATORS as OPERATORS
from mallard.stats.filter_tree import All as All
from mallard.stats.filter_tree import Any_ as Any_
from mallard.stats.filter_tree import Done as Done
from mallard.stats.filter_tree import Filter as Filter
from mallard.stats.filter_tree import Leaf as Leaf
from mallard.stats.filter_tree import Not as Not
from mallard.stats.filter_values import written_leaf

MAX_FILTER_BYTES = 16 * 1024
MAX_DEPTH = 6
MAX_LEAVES = 60
MAX_VALUES = 500
"""In all leaves together."""
MAX_VALUE_LENGTH = 2048
MAX_PATTERN_LENGTH = 500
MAX_PATTERNS = 20
"""In all leaves together: each is compiled, which takes longer than to compare."""
MAX_PROPERTY_LENGTH = 300

GROUPS = ("and", "or", "not", "has_done", "has_not_done")


@dataclass(slots=True)
class _Reading:
    """Counts of parts that have a limit."""

    leaves: int = 0
    values: int = 0
    patterns: int = 0


def refuse_patterns(found: Filter | None) -> None:
    """QueryError where a filter holds a regular expression: anonymous reports must be cheap."""
    for leaf in all_leaves(found) if found else ():
        if leaf.positive == MATCHES:
            raise QueryError(
                f"filters holds {leaf.operator!r}, for which one logs in or sends an API key; use contains."
            )


def parse_filters(text: str | None) -> Filter | None:
    """The filter of a ``filters`` parameter; None for none and for ``[]``. QueryError says what is wrong, and where."""
    if text is None:
        return None
    if len(text) > MAX_FILTER_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_FILTER_BYTES:
        raise QueryError(f"filters is over {MAX_FILTER_BYTES // 1024} KB.")
    try:
        given = parse_json(text)
    except (ValueError, RecursionError):
        # ValueError: not JSON, or a number of thousands of digits.
        raise QueryError(f"filters is {_shown(text)}, but must be JSON such as {_EXAMPLE}.") from None
    return read_filters(given)


def read_filters(given: Any) -> Filter | None:
    """The same of JSON that is decoded already, as it stands in a query's body."""
    if given is None or given == []:
        return None
    if not isinstance(given, list):
        _refuse("filters", given, f"a list of filters such as {_EXAMPLE}")
    if isinstance(given[0], str):
        _refuse("filters[0]", given[0], f"a filter itself: filters is a list of filters such as {_EXAMPLE}")
    return _all(_several(given, "filters", 1, _Reading()))


_EXAMPLE = '[["is", "visit:country", ["DE"]]]'


def _several(given: Any, place: str, depth: int, reading: _Reading) -> tuple[Filter, ...]:
    if not isinstance(given, list) or not given:
        _refuse(place, given, "a list of at least one filter")
    return tuple(_filter(each, f"{place}[{number}]", depth, reading) for number, each in enumerate(given))


def _filter(given: Any, place: str, depth: int, reading: _Reading) -> Filter:
    if not isinstance(given, list) or not given:
        _refuse(place, given, 'a list such as ["is", "visit:country", ["DE"]]')
    operator = given[0]
    if depth > MAX_DEPTH:
        raise QueryError(f"{place} is nested too deep: {MAX_DEPTH} levels are allowed.")
    if operator in OPERATORS:
        return _leaf(given, place, reading)
    if operator not in GROUPS:
        _refuse(f"{place}[0]", operator, f"one of {', '.join((*OPERATORS, *GROUPS))}")
    if len(given) != 2:
        _refuse(place, given, f"[{json.dumps(operator)}, ...] with one more part")
    inner = f"{place}[1]"
    if operator in ("and", "or"):
        parts = _several(given[1], inner, depth + 1, reading)
        return _all(parts) if operator == "and" else _any(parts)
    part = _filter(given[1], inner, depth + 1, reading)
    if operator == "not":
        return Not(part)
    _check_of_events(part, inner)
    return Done(part) if operator == "has_done" else Not(Done(part))


def _leaf(given: list[Any], place: str, reading: _Reading) -> Leaf:
    if not 3 <= len(given) <= 4:
        _refuse(place, given, f"[{json.dumps(given[0])}, a dimension, a list of values], and options if any")
    reading.leaves += 1
    if reading.leaves > MAX_LEAVES:
        raise QueryError(f"{place} is one too many: filters may hold {MAX_LEAVES} comparisons.")
    dimension = _dimension(given[1], f"{place}[1]")
    values = _values(given[2], f"{place}[2]", reading)
    if given[0].startswith(MATCHES):
        reading.patterns += len(values)
        if reading.patterns > MAX_PATTERNS:
            raise QueryError(f"{place}[2] holds too many patterns: filters may hold {MAX_PATTERNS} in all.")
        for number, value in enumerate(values):
            if len(value) > MAX_PATTERN_LENGTH:
                _refuse(f"{place}[2][{number}]", value, f"a pattern of at most {MAX_PATTERN_LENGTH} characters")
    return written_leaf(given[0], dimension, values, case_sensitive=_case_sensitive(given[3:], f"{place}[3]"))


def _dimension(given: Any, place: str) -> str:
    if isinstance(given, str):
        if given in OF_EVENTS or given in OF_VISITS:
            return given
        if given in SEED_NAMES:
            return SEED_NAMES[given]
        if given.startswith(PROPS):
            return _property(given, place)
    return _refuse(place, given, f"one of {', '.join((*OF_EVENTS, f'{PROPS}<key>', *OF_VISITS))}")


def _property(given: str, place: str) -> str:
    key = given.removeprefix(PROPS)
    if not key or len(key) > MAX_PROPERTY_LENGTH or "\0" in key or not is_encodable(key):
        _refuse(place, given, f"{PROPS} with a property's name of 1 to {MAX_PROPERTY_LENGTH} characters")
    return given


def _values(given: Any, place: str, reading: _Reading) -> list[str]:
    if not isinstance(given, list) or not given:
        _refuse(place, given, "a list of at least one text")
    reading.values += len(given)
    if reading.values > MAX_VALUES:
        raise QueryError(f"{place} holds too many values: filters may hold {MAX_VALUES} in all.")
    for number, value in enumerate(given):
        if not isinstance(value, str) or len(value) > MAX_VALUE_LENGTH or not is_encodable(value):
            _refuse(f"{place}[{number}]", value, f"a text of at most {MAX_VALUE_LENGTH} characters")
    return given


def _case_sensitive(given: list[Any], place: str) -> bool:
    if not given:
        return True
    options = given[0]
    if not isinstance(options, Mapping) or set(options) - {"case_sensitive"}:
        _refuse(place, options, 'an object such as {"case_sensitive": false}')
    flag = options.get("case_sensitive", True)
    if not isinstance(flag, bool):
        _refuse(f"{place}.case_sensitive", flag, "true or false")
    return flag


def _check_of_events(part: Filter, place: str) -> None:
    """has_done looks at one event after the other: neither the visit's values nor another has_done are an event's."""
    for each in leaves(part):
        if isinstance(each, Done) or not is_of_event(each.dimension):
            what = "has_done" if isinstance(each, Done) else each.dimension
            raise QueryError(f"{place} asks for {_shown(what)}, but has_done takes event dimensions only.")


def both(first: Filter | None, second: Filter | None) -> Filter | None:
    """The conjunction of two filters; None passes everything."""
    if first is None or second is None:
        return first or second
    return _all((first, second))


def leaves(part: Filter) -> list[Leaf | Done]:
    """The comparisons of the tree; a Done is one, as its own are about other events."""
    if isinstance(part, Leaf | Done):
        return [part]
    if isinstance(part, Not):
        return leaves(part.filter)
    return [leaf for each in part.filters for leaf in leaves(each)]


def all_leaves(part: Filter) -> list[Leaf]:
    """The comparisons of the tree, within what was done too."""
    return [each for leaf in leaves(part) for each in (all_leaves(leaf.filter) if isinstance(leaf, Done) else [leaf])]


def _all(parts: tuple[Filter, ...]) -> Filter:
    flat = tuple(each for part in parts for each in (part.filters if isinstance(part, All) else (part,)))
    return flat[0] if len(flat) == 1 else All(flat)


def _any(parts: tuple[Filter, ...]) -> Filter:
    flat = tuple(each for part in parts for each in (part.filters if isinstance(part, Any_) else (part,)))
    return flat[0] if len(flat) == 1 else Any_(flat)


def _refuse(place: str, given: Any, allowed: str) -> NoReturn:
    raise QueryError(f"{place} is {_shown(given)}, but must be {allowed}.")


_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 42
_SHORT.maxlevel = 2


def _shown(value: Any) -> str:
    """In short, and however deep it is: ``repr`` itself gives up on lists in lists in lists."""
    text = _SHORT.repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
