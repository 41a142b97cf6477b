"""Large tables of cases against a reference: some are quick, always the same ones, and the others are heavy."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import pytest

SAMPLED = "sampled(number): of its parameters' combinations one in so many is quick; the heavy suite has the others"


def mark_heavy(items: Iterable[pytest.Item]) -> None:
    """Of tests marked ``sampled``: those whose turn it is not, as the places of their values in their lists say.

    Any two values still meet in a quick one where the other parameters have ``number`` values between them.
    """
    lists: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for item in items:
        sampled = item.get_closest_marker("sampled")
        if sampled is None or not isinstance(item, pytest.Function):
            continue
        turn = 0
        for name, value in item.callspec.params.items():
            values = lists[item.nodeid.partition("[")[0], name]
            if value not in values:
                values.append(value)
            turn += values.index(value)
        if turn % sampled.args[0]:
            item.add_marker(pytest.mark.heavy)
