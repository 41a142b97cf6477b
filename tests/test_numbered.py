"""Property tests that make check does not repeat."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from support.numbered import mark_numbered

OF_PROFILE = settings().max_examples


@given(st.integers())
def as_the_profile(_: int) -> None:
    """A property."""


@settings(deadline=None)
@given(st.integers())
def as_the_profile_without_deadline(_: int) -> None:
    """A property."""


@settings(max_examples=OF_PROFILE + 1)
@given(st.integers())
def of_its_own(_: int) -> None:
    """A property."""


class Machine(RuleBasedStateMachine):
    """A state machine."""

    @rule()
    def step(self) -> None:
        """Nothing."""


def case_of(max_examples: int) -> Any:
    """The test that a state machine is."""
    case = type("Case", (RuleBasedStateMachine,), {"step": Machine.step}).TestCase  # type: ignore[attr-defined]
    case.settings = settings(max_examples=max_examples)
    return case


class Item:
    """As much of a test as is looked at."""

    def __init__(self, test: Any, of: Any = None) -> None:
        self.obj, self.cls = test, of
        self.marks: list[str] = []

    def add_marker(self, mark: str) -> None:
        self.marks.append(mark)


@pytest.mark.parametrize(
    ("item", "marks"),
    [
        (Item(as_the_profile), []),
        (Item(as_the_profile_without_deadline), []),
        (Item(of_its_own), ["numbered"]),
        (Item(case_of(OF_PROFILE).runTest, case_of(OF_PROFILE)), []),
        (Item(case_of(OF_PROFILE + 1).runTest, case_of(OF_PROFILE + 1)), ["numbered"]),
        (Item(lambda: None), []),
        (Item(None), []),
    ],
)
def test_only_a_property_test_with_its_own_number_is_marked(item: Any, marks: list[str]) -> None:
    mark_numbered([item], OF_PROFILE)
    assert item.marks == marks
