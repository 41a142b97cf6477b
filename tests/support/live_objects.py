"""Searches the live objects of this process for texts."""

import gc
from typing import Any


def objects_holding(*words: str) -> list[str | bytes | bytearray]:
    """Texts and bytes that are reachable from a tracked object and hold one of the words, but for the words."""
    packed = [word.encode() for word in words]
    # What tests/conftest.py has frozen would not be looked at.
    gc.unfreeze()
    seen: set[int] = set()
    waiting = gc.get_objects()
    ours = {id(each) for each in (*words, *packed, words, packed, seen, waiting)}
    found: list[Any] = []
    while waiting:
        each = waiting.pop()
        if id(each) in seen or id(each) in ours:
            continue
        seen.add(id(each))
        if isinstance(each, str):
            if any(word in each for word in words):
                found.append(each)
        elif isinstance(each, bytes | bytearray):
            if any(word in each for word in packed):
                found.append(each)
        else:
            waiting += gc.get_referents(each)
    return found
