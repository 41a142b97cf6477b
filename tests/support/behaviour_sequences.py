"""Sequences and flow once more, in plain Python over one visitor's events: what the SQL is compared with.

A pattern is matched by going back: each part takes the earliest event it may, and where the rest fails, the next.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random

Part = tuple[str, int]
"""``("step", 2)``, ``(".", 0)``, ``(".*", 0)``, or a comparison and seconds."""

Event = tuple[int, frozenset[int]]
"""Its second, and the steps it meets, at least one."""

COMPARE: dict[str, Callable[[int, int], bool]] = {
    "<=": lambda left, right: left <= right,
    "<": lambda left, right: left < right,
    ">=": lambda left, right: left >= right,
    ">": lambda left, right: left > right,
    "==": lambda left, right: left == right,
}


@dataclass(frozen=True)
class Match:
    """``end`` is the number of the event behind it, ``seconds`` those of its steps."""

    end: int
    seconds: tuple[int, ...]


def parts_of(pattern: str) -> tuple[Part, ...]:
    """Of a valid pattern."""
    found = re.findall(r"\(\?(\d+)\)|\(\?t(<=|<|>=|>|==)(\d+)\)|(\.\*|\.)", pattern)
    return tuple(
        ("step", int(step)) if step else (comparison, int(seconds)) if comparison else (rest, 0)
        for step, comparison, seconds, rest in found
    )


def first_match(parts: Sequence[Part], events: Sequence[Event], start: int = 0) -> Match | None:
    """The match that going back finds first, from the event of that number on."""

    @cache
    def match(number: int, place: int, base: int) -> Match | None:
        """From a part on, at a place; seconds count from the event ``base``."""
        if number == len(parts):
            return Match(place, ())
        kind, value = parts[number]
        if place == len(events):
            return Match(place, ()) if all(map(holds_of_nothing, parts[number:])) else None
        second, steps = events[place]
        if kind == "step":
            rest = match(number + 1, place + 1, place) if value in steps else None
            return Match(rest.end, (second, *rest.seconds)) if rest else None
        if kind == ".":
            return match(number + 1, place + 1, place)
        for later in range(place, len(events)):
            allowed = kind == ".*" or COMPARE[kind](events[later][0], events[base][0] + value)
            if allowed and (found := match(number + 1, later, later)):
                return found
        return None

    return next((found for each in range(start, len(events)) if (found := match(0, each, each))), None)


def count_matches(parts: Sequence[Part], events: Sequence[Event]) -> int:
    """One after the other, none over another."""
    count, place = 0, 0
    while found := first_match(parts, events, place):
        count, place = count + 1, found.end
    return count


def seconds_of_steps(parts: Sequence[Part], events: Sequence[Event]) -> tuple[int, ...]:
    """What ClickHouse tells of a visitor with a match: of its steps alone, whatever must follow them."""
    last = max(number for number, (kind, _) in enumerate(parts) if kind == "step")
    found = first_match(parts[: last + 1], events)
    assert found, "the whole has a match, so its beginning has one"
    return found.seconds


def holds_of_nothing(part: Part) -> bool:
    """Whether it is met where a visitor's events are over."""
    return part[0] in (".*", "<=", "<") or part == (">=", 0)


def random_pattern(random: Random, steps: int, length: int = 7) -> str:
    """Any, with at least one step."""
    while True:
        parts: list[str] = []
        for _ in range(random.randint(1, length)):
            timed = bool(parts) and "t" in parts[-1]
            kind = random.choice(["step"] * 4 + [".", ".*"] + ["time"] * 2)
            if kind == "step":
                parts.append(f"(?{random.randint(1, steps)})")
            elif kind != "time":
                parts.append(kind)
            elif not timed:
                parts.append(f"(?t{random.choice([*COMPARE])}{random.randint(0, 5)})")
        if any(part.startswith("(?") and "t" not in part for part in parts):
            return "".join(parts)


def random_events(random: Random, steps: int, most: int = 14) -> list[tuple[int, frozenset[int]]]:
    """Of one visitor, in order: equal seconds, repeats, several steps in one event, and events that meet none."""
    found, second = [], random.randint(0, 3)
    for _ in range(random.randint(1, most)):
        second += random.choice([0, 0, 1, 1, 2, 3, 5])
        met = frozenset(step for step in range(1, steps + 1) if random.random() < 0.4)
        found.append((second, met))
    return found
