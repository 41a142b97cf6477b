"""Strict JSON: parser of values, and validation of whole bodies."""

import json
import math
import re
from typing import Any, NoReturn

import msgspec

MAX_DEPTH = 32
MAX_VALUES = 50_000
MAX_DIGITS = 40
"""Of a number in a body that is checked."""

SHORT_LENGTH = 4096
MAX_LONG_DIGITS = 400
"""Of a whole number in a text over SHORT_LENGTH: reading one takes time by its square."""

NO_JSON = "The body is not JSON."
NO_UTF8 = "The body is not UTF-8."
TOO_DEEP = f"The body is nested over {MAX_DEPTH} levels deep."
TOO_MANY = f"The body holds over {MAX_VALUES} values."
HALF = "The body holds half of a character: a surrogate alone."


_TEXT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*\\?(?:"|\Z)', re.DOTALL)
"""A text; one without an end extends to the end of the body, so that no byte is matched twice."""


_LONG_NUMBER = re.compile(rf"[0-9]{{{MAX_LONG_DIGITS + 1}}}")
_LONG_NUMBER_BYTES = re.compile(_LONG_NUMBER.pattern.encode())
_JSON = msgspec.json.Decoder()


class _FaultError(Exception):
    """An error of a JSON body; the message is a sentence."""


def parse_json(text: str | bytes) -> Any:
    """The value of a JSON text; NaN and Infinity are rejected.

    Raises ValueError (JSONDecodeError where the standard library gives a position) or RecursionError. msgspec parses
    in a seventh of json's time and is stricter: its values equal those of json.
    """
    if len(text) > SHORT_LENGTH and _has_long_number(text):
        return json.loads(text, parse_constant=_refuse_constant, parse_int=_short_int)
    try:
        return _JSON.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return json.loads(text, parse_constant=_refuse_constant)


def is_encodable(text: str) -> bool:
    """True where a text can be encoded in UTF-8: it has no lone surrogate."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def fault_in(body: bytes) -> str | None:
    """The error of a JSON body, as a sentence; None for a valid one. Runs in linear time.

    Duplicate keys are rejected: parsers differ in which of them they read.
    """
    if _is_crowded(body):
        return TOO_MANY
    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_int=_integer,
            parse_float=_number,
        )
    except _FaultError as fault:
        return str(fault)
    except UnicodeDecodeError:
        return NO_UTF8
    except RecursionError:
        return TOO_DEEP
    except ValueError:
        return NO_JSON
    return _fault_of(value)


def _is_crowded(body: bytes) -> bool:
    """True where there are surely too many values, by the number of commas and brackets, without parsing."""
    if len(body) <= MAX_VALUES:
        return False
    structure = _TEXT.sub(b"", body)
    return structure.count(b",") >= MAX_VALUES or structure.count(b"[") + structure.count(b"{") > MAX_VALUES


def _fault_of(value: Any) -> str | None:
    level, depth, count = [value], 0, 0
    while level:
        if depth == MAX_DEPTH and any(isinstance(each, dict | list) for each in level):
            return TOO_DEEP
        depth, count = depth + 1, count + len(level)
        if count > MAX_VALUES:
            return TOO_MANY
        if any(isinstance(each, str) and not is_encodable(each) for each in level):
            return HALF
        level = [child for each in level for child in _inside(each)]
    return None


def _inside(value: Any) -> list[Any]:
    """The values inside a value, keys included."""
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value if isinstance(value, list) else []


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value_by_key = dict(pairs)
    if len(value_by_key) < len(pairs):
        raise _FaultError("The body gives a key more than once.")
    return value_by_key


def _constant(word: str) -> NoReturn:
    raise _FaultError(f"The body holds {word}, which is no JSON.")


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise _FaultError(f"The body holds a number of over {MAX_DIGITS} digits.")
    return int(text)


def _number(text: str) -> float:
    number = float(text)
    if math.isinf(number) or len(text) > 2 * MAX_DIGITS:
        raise _FaultError("The body holds a number that is too large, or has too many digits.")
    return number


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(word)


def _has_long_number(text: str | bytes) -> bool:
    return (_LONG_NUMBER.search(text) if isinstance(text, str) else _LONG_NUMBER_BYTES.search(text)) is not None


def _short_int(digits: str) -> int:
    if len(digits) > MAX_LONG_DIGITS:
        raise ValueError(f"a whole number of over {MAX_LONG_DIGITS} digits")
    return int(digits)
