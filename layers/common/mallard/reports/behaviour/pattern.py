"""Parser of event patterns in ClickHouse's grammar of sequenceMatch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from mallard.errors import QueryError
from mallard.reports.behaviour.parameter_reader import Reader

MAX_PATTERN_LENGTH = 500
MAX_ACTIONS = 63
"""As many steps as there may be, one after the other with ``.*`` between."""
MAX_SECONDS = 100 * 366 * 86_400
"""A hundred years: no range is longer."""

COMPARISONS = ("<=", "<", ">=", ">", "==")
"""As ClickHouse has them: it knows no ``!=``."""

_DIGITS = "0123456789"


@dataclass(frozen=True, slots=True)
class PatternEvent:
    """``(?N)``, an event that meets step N: ``step`` is N - 1. ``.``, any event that meets some step: None."""

    step: int | None


@dataclass(frozen=True, slots=True)
class PatternGap:
    """A gap between two events: ``.*``, anything, where ``comparison`` is None.

    Else ``(?t<=3600)``: anything, but what comes next is so many seconds after what came before.
    """

    comparison: str | None = None
    seconds: int = 0

    @property
    def may_end(self) -> bool:
        """True where it also holds at the end of a visitor's events, as in ClickHouse."""
        return self.comparison in (None, "<=", "<") or (self.comparison == ">=" and self.seconds == 0)


Action = PatternEvent | PatternGap


def parse_pattern(text: str, steps: int, name: str = "pattern") -> tuple[Action, ...]:
    """The actions of a pattern over so many steps. QueryError points at what is wrong."""
    if len(text) > MAX_PATTERN_LENGTH:
        raise QueryError(f"{name} has {len(text)} characters, but may have {MAX_PATTERN_LENGTH}.")
    reader, found = Reader(name, text), list[Action]()
    while not reader.at_end:
        if len(found) == MAX_ACTIONS:
            reader.fail(f"an end: a pattern has at most {MAX_ACTIONS} parts", len(text))
        found.append(_action(reader, steps, found))
    if not any(isinstance(each, PatternEvent) and each.step is not None for each in found):
        reader.fail("a step somewhere, such as (?1)")
    return tuple(found)


def in_order(steps: int) -> tuple[Action, ...]:
    """One step after the other, with anything between: ``(?1).*(?2).*(?3)``."""
    return parse_pattern(".*".join(f"(?{number})" for number in range(1, steps + 1)), steps)


def up_to_last_step(actions: Sequence[Action]) -> tuple[Action, ...]:
    """The actions without what comes after the last ``(?N)``: whose times are asked for is settled there."""
    steps = [number for number, each in enumerate(actions) if isinstance(each, PatternEvent) and each.step is not None]
    return tuple(actions[: steps[-1] + 1])


def _action(reader: Reader, steps: int, before: Sequence[Action]) -> Action:
    if reader.take(".*"):
        return PatternGap()
    if reader.take("."):
        return PatternEvent(None)
    begin = reader.position
    if not reader.take("(?"):
        reader.fail("(?1) for a step, . for any event, .* for any number of them, or (?t<=60) for the seconds between")
    action = _time(reader, begin, before) if reader.take("t") else _event(reader, steps)
    if not reader.take(")"):
        reader.fail(")")
    return action


def _event(reader: Reader, steps: int) -> PatternEvent:
    number, length = _number(reader, f"the number of a step, 1 to {steps}, or t and a comparison of seconds")
    if not 1 <= number <= steps:
        _fail_before(reader, f"the number of a step, 1 to {steps}", length)
    return PatternEvent(number - 1)


def _time(reader: Reader, begin: int, before: Sequence[Action]) -> PatternGap:
    if before and isinstance(before[-1], PatternGap) and before[-1].comparison:
        # ClickHouse has it so, too: of which two events should it be said?
        _fail_before(reader, "a step, . or .* between two conditions of time", reader.position - begin)
    comparison = next((each for each in COMPARISONS if reader.take(each)), None)
    if comparison is None:
        reader.fail(f"one of {' '.join(COMPARISONS)}")
    seconds, length = _number(reader, "whole seconds")
    if seconds > MAX_SECONDS:
        _fail_before(reader, f"at most {MAX_SECONDS} seconds", length)
    return PatternGap(comparison, seconds)


def _number(reader: Reader, allowed: str) -> tuple[int, int]:
    """The number that stands here, and how many characters it has."""
    begin = reader.position
    while reader.whole[reader.position : reader.position + 1] in [*_DIGITS]:
        reader.position += 1
    digits = reader.since(begin)
    if not digits:
        reader.fail(allowed)
    return int(digits), len(digits)


def _fail_before(reader: Reader, allowed: str, length: int) -> NoReturn:
    """At the ``length`` characters that were read last."""
    reader.back(length)
    reader.fail(allowed, length)
