"""Suites that the cases of a large table belong to."""

import pytest

from support.sampled import marks_of


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((3,), [[], ["heavy", "divided"], ["heavy", "divided"], []]),
        ((3, 1), [[], ["heavy", "divided"], ["heavy", "divided", "soak"], []]),
        ((1,), [[], [], [], []]),
    ],
)
def test_marks_of_give_each_case_one_suite(arguments: tuple[int, ...], expected: list[list[str]]) -> None:
    assert [marks_of(place, *arguments) for place in range(4)] == expected
