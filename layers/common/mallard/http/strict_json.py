"""What a JSON body may be: read as strictly as it is written, and bounded before anybody works with it."""

import json
import math
import re
from typing import Any, NoReturn

MAX_DEPTH = 32
MAX_VALUES = 50_000
MAX_DIGITS = 40

NO_JSON = "The body is not JSON."
NO_UTF8 = "The body is not UTF-8."
TOO_DEEP = f"The body is nested over {MAX_DEPTH} levels deep."
TOO_MANY = f"The body holds over {MAX_VALUES} values."
HALF = "The body holds half of a character: a surrogate alone."


_TEXT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*\\?(?:"|\Z)', re.DOTALL)
"""A text; one without an end goes to the end, so that no byte is looked at from two beginnings."""


class _FaultError(Exception):
    """What is wrong, as a sentence."""


def fault_in(body: bytes) -> str | None:
    """What is wrong with a JSON text, as a sentence; None where nothing is. Its time grows with its length only.

    A key given twice is refused: who reads the first and who reads the last would read two bodies.
    """
    if _is_crowded(body):
        return TOO_MANY
    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_int=_whole,
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
    """Whether there are surely too many values, before any is made: each comma and each bracket stands before one."""
    if len(body) <= MAX_VALUES:
        return False
    bare = _TEXT.sub(b"", body)
    return bare.count(b",") >= MAX_VALUES or bare.count(b"[") + bare.count(b"{") > MAX_VALUES


def _fault_of(value: Any) -> str | None:
    level, depth, seen = [value], 0, 0
    while level:
        if depth == MAX_DEPTH and any(isinstance(each, dict | list) for each in level):
            return TOO_DEEP
        depth, seen = depth + 1, seen + len(level)
        if seen > MAX_VALUES:
            return TOO_MANY
        if any(isinstance(each, str) and not _is_text(each) for each in level):
            return HALF
        level = [inner for each in level for inner in _inside(each)]
    return None


def _inside(value: Any) -> list[Any]:
    """Keys stand among the values."""
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value if isinstance(value, list) else []


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _FaultError("The body gives a key more than once.")
    return found


def _constant(word: str) -> NoReturn:
    raise _FaultError(f"The body holds {word}, which is no JSON.")


def _whole(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise _FaultError(f"The body holds a number of over {MAX_DIGITS} digits.")
    return int(text)


def _number(text: str) -> float:
    number = float(text)
    if math.isinf(number) or len(text) > 2 * MAX_DIGITS:
        raise _FaultError("The body holds a number that is too large, or has too many digits.")
    return number
