"""Counts the work of a call: lines of Python that run, and characters that costly C functions are given."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import groupby
from types import FrameType
from typing import Any, Literal
from unicodedata import combining, normalize
from unittest.mock import patch

from mallard.ingest import props
from mallard.ingest.enrich import bots
from mallard.normalize import names

CHARACTERS_PER_UNIT = 16
"""Of text that C code reads or writes once, in the time of one line of Python."""

BOT_UNITS = 55
"""Of each character of an agent: the list's pattern is tried at each, in some two microseconds."""


class Work:
    """``units`` of some 0.04 µs of processor time each."""

    def __init__(self) -> None:
        self.units = 0

    def lines(self, frame: FrameType, event: str, given: Any) -> Any:
        """A trace function of ``sys.settrace``."""
        if event == "line":
            self.units += 1
        return self.lines

    def normalize(self, form: Literal["NFC"], text: str) -> str:
        """``unicodedata.normalize``, whose time grows with the square of the marks in a row."""
        runs = (len(list(run)) for is_mark, run in groupby(text, lambda each: combining(each) > 0) if is_mark)
        self.units += len(text) // 4 + sum(run * run for run in runs) // CHARACTERS_PER_UNIT
        return normalize(form, text)

    def dumped(self, value: Any) -> str:
        """``props._json``, by the length of what it writes."""
        text = _json(value)
        self.units += len(text) // CHARACTERS_PER_UNIT
        return text

    def is_bot(self, agent: str) -> bool:
        """The list of bots, by the length of the agent."""
        self.units += BOT_UNITS * len(agent)
        return bool(_is_bot(agent))


_json, _is_bot = props._json, bots._list.is_bot


@contextmanager
def counted() -> Iterator[Work]:
    """Count what runs inside."""
    work, before = Work(), sys.gettrace()
    patched = (
        patch.object(names, "normalize", work.normalize),
        patch.object(props, "_json", work.dumped),
        patch.object(bots._list, "is_bot", work.is_bot),
    )
    for each in patched:
        each.start()
    sys.settrace(work.lines)
    try:
        yield work
    finally:
        sys.settrace(before)
        for each in patched:
            each.stop()


def work_of(call: Callable[[], object]) -> int:
    """The units of a call."""
    with counted() as work:
        call()
    return work.units
