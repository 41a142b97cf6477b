"""Parser of funnel windows: ``1 day``, ``30 minutes``."""

import re

from mallard.errors import QueryError
from mallard.reports.behaviour.parameter_reader import Reader

UNITS = {"second": 1000, "minute": 60_000, "hour": 3_600_000, "day": 86_400_000, "week": 604_800_000}
"""Milliseconds."""
MAX_WINDOW_MS = 400 * UNITS["day"]
DEFAULT_WINDOW = "1 day"


def read_window(text: str | None, name: str = "window") -> int:
    """Milliseconds, those of DEFAULT_WINDOW where it is not given. QueryError where it is wrong."""
    reader = Reader(name, DEFAULT_WINDOW if text is None else text)
    number = re.match(r"\s*(\d{1,9})\s*", reader.whole, re.ASCII)
    if number is None or int(number[1]) == 0:
        reader.fail(f"a number from 1 and a unit, as in {DEFAULT_WINDOW}")
    reader.position = number.end()
    word = reader.whole[number.end() :].rstrip()
    unit = UNITS.get(word.removesuffix("s") if len(word) > 1 else word)
    if unit is None:
        reader.fail(f"a unit: one of {', '.join(UNITS)}", len(word) or 1)
    window_ms = int(number[1]) * unit
    if window_ms > MAX_WINDOW_MS:
        raise QueryError(f"{name} is {text!r}, but may be {MAX_WINDOW_MS // UNITS['day']} days at most.")
    return window_ms
