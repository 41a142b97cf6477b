"""Searches the live objects of this process for a text."""

import gc
from typing import Any


def objects_holding(word: str) -> list[Any]:
    """Texts and bytes that are reachable from a tracked object and hold the word, but for the word itself."""
    packed = word.encode()
    ours = {id(word), id(packed)}
    seen: set[int] = set()
    waiting = gc.get_objects()
    ours |= {id(seen), id(waiting), id(ours)}
    found: list[Any] = []
    while waiting:
        each = waiting.pop()
        if id(each) in seen or id(each) in ours:
            continue
        seen.add(id(each))
        if isinstance(each, str):
            if word in each:
                found.append(each)
        elif isinstance(each, bytes | bytearray):
            if packed in each:
                found.append(each)
        else:
            waiting += gc.get_referents(each)
    return found
