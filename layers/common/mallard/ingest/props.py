"""Custom properties: a flat JSON object as text, with repairs."""

import json
import re
from bisect import bisect_left
from collections.abc import Mapping
from itertools import islice
from typing import Any, TypeAlias

from mallard.normalize.names import nfc_text, plain_key
from mallard.normalize.strict_json import parse_json

MAX_PROPS_LENGTH = 4096
MAX_PROPS_COUNT = 30
NO_BOUND = 4 * MAX_PROPS_LENGTH
"""Bytes of the longest text that MAX_PROPS_LENGTH allows."""

MAX_GIVEN_LENGTH = 64 * 1024
"""Of an object that is given as text, before it is read."""

MAX_LOOKED_AT = 4 * MAX_PROPS_COUNT
"""Properties that are looked at for those that can be kept."""

MAX_NESTED_VALUES = 500
"""Values inside all nested ones together; a property with more is left out."""

MAX_EXACT = 2**53
"""Up to here a whole number is the same with and without a point."""

HALVES = re.compile(r"[\ud800-\udfff]")
"""Surrogates alone, which JSON can say and no text can hold."""

Scalar: TypeAlias = str | int | float | bool
Neat: TypeAlias = tuple[str | None, str | None]
"""The text to store (None: no properties), and a sentence where something was repaired or left out."""


def neat_props(value: Any, most_bytes: int = NO_BOUND) -> Neat:
    """Properties, an object or one as a string: scalars as they are, nested values as JSON text, nulls left out.

    A whole number has no point (``5.0`` is ``5``), and letters are composed. What does not fit is repaired: halves of
    a character are removed, the longest texts are cut, and what is over MAX_PROPS_COUNT is left out. The text has
    MAX_PROPS_LENGTH characters at most, and ``most_bytes`` in UTF-8.
    """
    if value is None:
        return None, None
    if isinstance(value, str):
        value, problem = _object(value)
        if problem:
            return None, problem
    if not isinstance(value, dict):
        return None, "p must be a JSON object, or one as a string."
    value, crowded = _uncrowded(value)
    if crowded:
        text, problem = _repaired(value, most_bytes)
        return text, problem or f"p holds nested values of over {MAX_NESTED_VALUES} values."
    if len(value) <= MAX_PROPS_COUNT:
        text = _fast(value, most_bytes)
        if text is not None:
            return (None if text == "{}" else text), None
    return _repaired(value, most_bytes)


def _uncrowded(value: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """The properties without those whose nested values are too many, and True where there are such."""
    if not any(isinstance(each, dict | list) for each in islice(value.values(), MAX_LOOKED_AT)):
        return value, False
    stored, left = {}, MAX_NESTED_VALUES
    for key, each in islice(value.items(), MAX_LOOKED_AT):
        count = _count_within(each, left)
        if count <= left:
            stored[key], left = each, left - count
    return stored, len(stored) < min(len(value), MAX_LOOKED_AT)


def _count_within(value: Any, most: int) -> int:
    """Values inside a nested one, ``most`` and some at least where there are more."""
    waiting, count = [value], 0
    while waiting and count <= most:
        each = waiting.pop()
        if isinstance(each, dict | list):
            count += len(each)
            if count <= most:
                waiting += each.values() if isinstance(each, dict) else each
    return count


def _object(text: str) -> tuple[Any, str | None]:
    if not text.strip():
        return {}, None
    if len(text) > MAX_GIVEN_LENGTH:
        return None, f"p is over {MAX_GIVEN_LENGTH // 1024} KB."
    try:
        value = parse_json(text)
    except (ValueError, RecursionError):
        return None, "p is not JSON."
    return value, None if isinstance(value, dict) else "p is not a JSON object."


def _fast(value: Mapping[str, Any], most_bytes: int) -> str | None:
    """The text where nothing needs repair, else None."""
    try:
        text = _json(
            {key: each if type(each) is str else _scalar(each) for key, each in value.items() if each is not None}
        )
        size = len(text.encode())
    except (ValueError, RecursionError):
        return None
    if len(text) > MAX_PROPS_LENGTH or size > most_bytes or nfc_text(text) != text:
        return None
    return text if all(map(str.isprintable, value)) else None


def _scalar(value: Any) -> Scalar:
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < MAX_EXACT else value
    return _json(value) if isinstance(value, dict | list) else value


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _repaired(value: Mapping[str, Any], most_bytes: int) -> Neat:
    stored: dict[str, Scalar] = {}
    problem = None
    for key, each in islice(value.items(), MAX_LOOKED_AT):
        name, scalar = plain_key(_tidy(key)), None if each is None else _of_any(each)
        if each is not None and (scalar is None or _is_halved(key) or _is_halved(each)):
            problem = "p holds a value that JSON cannot carry."
        if scalar is not None and (name or not key):
            stored.setdefault(name, scalar)
        if len(stored) > MAX_PROPS_COUNT:
            break
    if len(stored) > MAX_PROPS_COUNT:
        stored, problem = dict(islice(stored.items(), MAX_PROPS_COUNT)), f"p has over {MAX_PROPS_COUNT} properties."
    text = _json(stored)
    if len(text) > MAX_PROPS_LENGTH:
        text, problem = _fitting(stored, most_bytes), f"p is over {MAX_PROPS_LENGTH} characters."
    elif len(text.encode()) > most_bytes:
        text, problem = _fitting(stored, most_bytes), f"p is over {most_bytes} bytes."
    return (text if stored and text != "{}" else None), problem


def _of_any(value: Any) -> Scalar | None:
    """A value that is tidied, None where JSON cannot carry it."""
    try:
        scalar = _scalar(_tidied(value))
        _json(scalar)
    except (ValueError, RecursionError):
        return None
    return scalar


def _tidied(value: Any) -> Any:
    if isinstance(value, str):
        return _tidy(value)
    if isinstance(value, list):
        return [_tidied(each) for each in value]
    return {_tidy(key): _tidied(each) for key, each in value.items()} if isinstance(value, dict) else value


def _tidy(text: str) -> str:
    """Composed, without halves of characters."""
    return nfc_text(HALVES.sub("", text[:MAX_PROPS_LENGTH]))


def _is_halved(value: Any) -> bool:
    if isinstance(value, str):
        return HALVES.search(value) is not None
    return isinstance(value, dict | list) and HALVES.search(_json(value)) is not None


def _fitting(props: Mapping[str, Scalar], most_bytes: int) -> str:
    """As many characters of each text as fit, the longest cut first; the last properties go where none would."""
    stored, length, size = {}, 1, 1
    for key, each in props.items():
        # The braces of one property stand for its comma.
        empty = _json({key: "" if isinstance(each, str) else each})
        length, size = length + len(empty) - 1, size + len(empty.encode()) - 1
        if length > MAX_PROPS_LENGTH or size > most_bytes:
            break
        stored[key] = each
    fitting = bisect_left(range(MAX_PROPS_LENGTH), True, key=lambda most: not _fits(_cut(stored, most), most_bytes))
    return _json(_cut(stored, fitting - 1))


def _fits(props: Mapping[str, Scalar], most_bytes: int) -> bool:
    text = _json(props)
    return len(text) <= MAX_PROPS_LENGTH and len(text.encode()) <= most_bytes


def _cut(props: Mapping[str, Scalar], most: int) -> dict[str, Scalar]:
    return {key: each[:most] if isinstance(each, str) else each for key, each in props.items()}
