"""Fields of a JSON body, and the sentences for wrong ones."""

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from mallard.errors import QueryError
from mallard.normalize.strict_json import is_encodable

MAX_TEXT_LENGTH = 500


def read_object(given: Any, place: str, keys: Sequence[str]) -> dict[str, Any]:
    """The object, which has none but these keys. QueryError."""
    if not isinstance(given, dict):
        refuse(place, given, f"an object with some of {', '.join(keys)}")
    for key in given:
        if key not in keys:
            raise QueryError(f"{place} has {key[:40]!r}, but may have {', '.join(keys)}.")
    return given


def read_flag(given: Mapping[str, Any], place: str, name: str) -> bool:
    """A field of the object at ``place``, false where it is not there. QueryError."""
    flag = given.get(name, False)
    if not isinstance(flag, bool):
        refuse(f"{place}.{name}", flag, "true or false")
    return bool(flag)


def read_text(given: Mapping[str, Any], place: str, name: str) -> str | None:
    """A text of at most MAX_TEXT_LENGTH characters; None where it is not there. QueryError."""
    if name not in given:
        return None
    text = given[name]
    if not isinstance(text, str) or not 0 < len(text) <= MAX_TEXT_LENGTH or "\0" in text or not is_encodable(text):
        refuse(f"{place}.{name}", text, f"a text of 1 to {MAX_TEXT_LENGTH} characters")
    return str(text)


def read_choice(given: Mapping[str, Any], place: str, name: str, allowed: Sequence[str], default: str) -> str:
    """One of the allowed texts. QueryError."""
    if name not in given:
        return default
    if not isinstance(given[name], str) or given[name] not in allowed:
        refuse(f"{place}.{name}", given[name], f"one of {', '.join(allowed)}")
    return str(given[name])


def read_whole(given: Mapping[str, Any], place: str, name: str, least: int, most: int, default: int) -> int:
    """A whole number within bounds. QueryError."""
    number = given.get(name, default)
    if type(number) is not int or not least <= number <= most:
        refuse(f"{place}.{name}", number, f"a whole number from {least} to {most}")
    return int(number)


def refuse(place: str, given: Any, allowed: str) -> NoReturn:
    """QueryError that names the place, shows what was given, and says what is allowed."""
    text = repr(given)
    raise QueryError(f"{place} is {text if len(text) <= 60 else f'{text[:59]}…'}, but must be {allowed}.")
