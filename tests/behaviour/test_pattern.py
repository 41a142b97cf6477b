"""Patterns are read as ClickHouse reads them, and whatever is wrong is pointed at."""

from contextlib import suppress
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallard.errors import QueryError
from mallard.reports.behaviour.pattern import (
    MAX_ACTIONS,
    MAX_PATTERN_LENGTH,
    MAX_SECONDS,
    Action,
    PatternEvent,
    PatternGap,
    in_order,
    parse_pattern,
    up_to_last_step,
)
from support.behaviour_sequences import random_pattern


def text_of(action: Action) -> str:
    if isinstance(action, PatternEvent):
        return "." if action.step is None else f"(?{action.step + 1})"
    return ".*" if action.comparison is None else f"(?t{action.comparison}{action.seconds})"


@pytest.mark.parametrize(
    ("pattern", "actions"),
    [
        ("(?1)(?2)", (PatternEvent(0), PatternEvent(1))),
        ("(?2).*(?1)", (PatternEvent(1), PatternGap(), PatternEvent(0))),
        (".(?1).*", (PatternEvent(None), PatternEvent(0), PatternGap())),
        ("(?1)(?t<=3600)(?2)", (PatternEvent(0), PatternGap("<=", 3600), PatternEvent(1))),
        ("(?1)(?t<1)(?2)", (PatternEvent(0), PatternGap("<", 1), PatternEvent(1))),
        ("(?1)(?t>=0)(?2)", (PatternEvent(0), PatternGap(">=", 0), PatternEvent(1))),
        ("(?1)(?t>60).(?t==007)", (PatternEvent(0), PatternGap(">", 60), PatternEvent(None), PatternGap("==", 7))),
        ("(?t<=5)(?1)", (PatternGap("<=", 5), PatternEvent(0))),
        ("(?01)", (PatternEvent(0),)),
        (f"(?1)(?t<={MAX_SECONDS})", (PatternEvent(0), PatternGap("<=", MAX_SECONDS))),
    ],
)
def test_pattern_parts_are_all_parsed(pattern: str, actions: tuple[Action, ...]) -> None:
    assert parse_pattern(pattern, 2) == actions


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [
        ("", "pattern ends after character 0 (▸), but there must be a step somewhere, such as (?1)."),
        (".*", "pattern ends after character 2 (.*▸), but there must be a step somewhere, such as (?1)."),
        ("(?1", "pattern ends after character 3 ((?1▸), but there must be )."),
        ("(?3)", "pattern has '3' at character 3 ((?▸3)), but there must be the number of a step, 1 to 2."),
        ("(?0)", "pattern has '0' at character 3 ((?▸0)), but there must be the number of a step, 1 to 2."),
        ("(?1) (?2)", "pattern has ' ' at character 5 ((?1)▸ (?2)), but there must be (?1) for a step,"),
        ("(?)", "pattern has ')' at character 3 ((?▸)), but there must be the number of a step, 1 to 2, or t and"),
        ("(?٣)", "pattern has '٣' at character 3 ((?▸٣)), but there must be the number of a step"),
        ("(?1)(?t!=5)", "pattern has '!' at character 8 ((?1)(?t▸!=5)), but there must be one of <= < >= > ==."),
        ("(?1)(?t=5)", "pattern has '=' at character 8 ((?1)(?t▸=5)), but there must be one of <= < >= > ==."),
        ("(?1)(?t<=)", "pattern has ')' at character 10 ((?1)(?t<=▸)), but there must be whole seconds."),
        ("(?1)(?t<1.5)", "pattern has '.' at character 10 ((?1)(?t<1▸.5)), but there must be )."),
        (
            "(?1)(?t<=5)(?t>3)(?2)",
            "pattern has '(?t' at character 12 ((?1)(?t<=5)▸(?t>3)(?2)), but there must be a step",
        ),
        ("(?1)(?t<=9999999999)", "pattern has '9999999999' at character 10 ((?1)(?t<=▸9999999999)), but there must be"),
        ("(?1)" * (MAX_ACTIONS + 1), f"but there must be an end: a pattern has at most {MAX_ACTIONS} parts."),
        ("." * (MAX_PATTERN_LENGTH + 1), "pattern has 501 characters, but may have 500."),
        ("(?1)(?" + "9" * 400, f"pattern has '{'9' * 30}' at character 7"),
    ],
)
def test_invalid_pattern_is_refused_with_its_position(pattern: str, sentence: str) -> None:
    with pytest.raises(QueryError) as error:
        parse_pattern(pattern, 2)
    assert sentence in str(error.value)


@given(st.randoms(use_true_random=False), st.integers(1, 5))
def test_pattern_round_trips_through_its_text(random: Random, steps: int) -> None:
    pattern = random_pattern(random, steps)
    assert "".join(map(text_of, parse_pattern(pattern, steps))) == pattern


@given(st.text(alphabet="(?)t<=>.*0123456789 x\x00é", max_size=40))
def test_any_text_is_a_pattern_or_refused(text: str) -> None:
    with suppress(QueryError):
        actions = parse_pattern(text, 9)
        assert any(isinstance(each, PatternEvent) for each in actions)
        assert len(actions) <= len(text)


def test_default_pattern_matches_the_steps_in_order() -> None:
    assert in_order(3) == parse_pattern("(?1).*(?2).*(?3)", 3)


def test_default_pattern_supports_32_steps() -> None:
    assert len(in_order(32)) == 63


def test_pattern_part_after_the_last_step_can_be_dropped() -> None:
    assert up_to_last_step(parse_pattern("(?1)(?t<5)(?2).(?t>3).*", 2)) == parse_pattern("(?1)(?t<5)(?2)", 2)
