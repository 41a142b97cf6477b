"""Large tables of cases against a reference, divided between the quick suite, the heavy one and the soak."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import pytest

SAMPLED = (
    "sampled(number, checked): of its parameters' combinations one in so many is quick, "
    "the heavy suite has `checked` more (all others, unless given), and `make soak` the rest"
)
SOAK = "soak: the rest of a large table of cases; run by `make soak` only"
DIVIDED = "divided: heavy for the number of its like only; it runs as in `make test`"


def mark_heavy(items: Iterable[pytest.Item]) -> None:
    """Of tests marked ``sampled``: those whose turn it is not, as the places of their values in their lists say.

    Any two values still meet in a quick one where the other parameters have ``number`` values between them.
    Those for the soak are heavy too.
    """
    lists: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for item in items:
        sampled = item.get_closest_marker("sampled")
        if sampled is None or not hasattr(item, "callspec"):
            continue
        place = 0
        for name, value in item.callspec.params.items():
            values = lists[item.nodeid.partition("[")[0], name]
            if value not in values:
                values.append(value)
            place += values.index(value)
        for mark in marks_of(place, *sampled.args):
            item.add_marker(mark)


def marks_of(place: int, number: int, checked: int | None = None) -> list[str]:
    """The names of the marks that a case gets by the sum of its values' places."""
    turn = place % number
    if turn == 0:
        return []
    return ["heavy", "divided"] if checked is None or turn <= checked else ["heavy", "divided", "soak"]
