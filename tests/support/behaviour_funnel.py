"""Funnels once more, in plain Python: one visitor's events, read from the first to the last."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from random import Random

import pyarrow as pa

from mallard.reports.behaviour.funnel_sql import FunnelSql

MODES = ("strict_order", "strict_increase", "strict_once", "strict_deduplication", "allow_reentry")


@dataclass(frozen=True, slots=True)
class Seen:
    """An event: its moment in milliseconds, its id, and which steps it is (0 is the first)."""

    ms: int
    event_id: int
    steps: frozenset[int]


@dataclass(slots=True)
class _Level:
    """Ways to a step: the moment each began and last came on, and the events it used."""

    ways: list[tuple[int, int, frozenset[int]]] = field(default_factory=list)


def reached(events: Iterable[Seen], steps: int, window_ms: int, modes: frozenset[str]) -> int:
    """How many steps a visitor came through."""
    levels = [_Level() for _ in range(steps)]

    def furthest() -> int:
        return sum(bool(level.ways) for level in levels)

    for ms, number, event_id in _places(events, with_strangers="strict_order" in modes):
        if number < 0:
            if levels[0].ways:
                break
            continue
        if number == 0:
            levels[0].ways = [*(levels[0].ways if "strict_once" in modes else []), (ms, ms, frozenset({event_id}))]
            continue
        if "strict_deduplication" in modes and levels[number].ways:
            break
        before = levels[number - 1].ways
        if not before:
            if "strict_order" in modes and levels[0].ways and "allow_reentry" not in modes:
                break
            continue
        ways = [
            (begun, ms, used | {event_id})
            for begun, last, used in before
            if ms <= begun + window_ms
            and ("strict_increase" not in modes or last < ms)
            and ("strict_once" not in modes or event_id not in used)
        ]
        if ways and "strict_once" in modes:
            levels[number].ways = list(dict.fromkeys([*levels[number].ways, *ways]))
        elif ways:
            # Only the latest way is remembered.
            levels[number].ways = ways
    return furthest()


def _places(events: Iterable[Seen], *, with_strangers: bool) -> Iterator[tuple[int, int, int]]:
    """Moment, step and id, in order; -1 is the step of an event that is none."""
    found = []
    for event in events:
        steps = event.steps or (frozenset({-1}) if with_strangers else frozenset())
        found += [(event.ms, step, event.event_id) for step in steps]
    yield from sorted(found)


def all_modes() -> list[frozenset[str]]:
    """Every choice of modes that makes sense: re-entry is a way of order."""
    chosen = [frozenset(each) for count in range(len(MODES) + 1) for each in combinations(MODES, count)]
    return [each for each in chosen if "allow_reentry" not in each or "strict_order" in each]


def random_events(random: Random, steps: int, count: int, span_ms: int) -> list[Seen]:
    """Few moments, so that many are equal; some events are several steps, some none."""
    found = []
    for event_id in range(count):
        kind = random.random()
        chosen = random.sample(range(steps), min(steps, random.choice([2, 2, 3]))) if kind < 0.2 else []
        if kind > 0.35:
            chosen = [random.randrange(steps)]
        found.append(Seen(random.randrange(span_ms + 1), event_id, frozenset(chosen)))
    return found


def walking_events(random: Random, steps: int, span_ms: int) -> list[Seen]:
    """A visitor who does the steps more or less in order, with repeats, and strangers in between."""
    moments = sorted(random.randrange(span_ms + 1) for _ in range(steps * 2))
    found, step = [], 0
    for event_id, ms in enumerate(moments):
        kind = random.random()
        choices = [{step}] * 7 + [{max(step - 1, 0)}, {step, step + 1}, set()]
        chosen = choices[int(kind * 10)]
        step += kind < 0.7
        found.append(Seen(ms, event_id, frozenset(each for each in chosen if each < steps)))
    return found


def statement(steps: int, window_ms: int, modes: frozenset[str]) -> str:
    """The product's, over ``trail_table``."""
    flags = [f"event.s{step + 1}" for step in range(steps)]
    mask = " + ".join(f"CASE WHEN {flag} THEN {1 << step} ELSE 0 END" for step, flag in enumerate(flags))
    return str(FunnelSql(steps, " OR ".join(flags), mask, window_ms, modes, by_value=True))


def trail_table(cases: Sequence[Sequence[Sequence[Seen]]], steps: int) -> pa.Table:
    """The table ``visitor_events`` of cases of visitors' events: ``value`` is the case, ``s1`` … are the steps."""
    rows = [
        (str(case), visitor, event)
        for case, visitors in enumerate(cases)
        for visitor, events in enumerate(visitors)
        for event in events
    ]
    flags = {f"s{step + 1}": pa.array([step in event.steps for *_, event in rows], pa.bool_()) for step in range(steps)}
    return pa.table(
        {
            "value": pa.array([value for value, *_ in rows], pa.string()),
            "visitor_id": pa.array([visitor for _, visitor, _ in rows], pa.int64()),
            "ms": pa.array([event.ms for *_, event in rows], pa.int64()),
            "timestamp": pa.array([event.ms for *_, event in rows], pa.timestamp("ms")),
            "event_id": pa.array([event.event_id for *_, event in rows], pa.int64()),
            "ordinal": pa.array([event.event_id for *_, event in rows], pa.int64()),
            "hour_order": pa.nulls(len(rows), pa.int64()),
            **flags,
        }
    )


def counts_of(levels: Iterable[int], steps: int) -> list[int]:
    """How many visitors reached at least each step, from how far each came."""
    found = list(levels)
    return [sum(level >= step for level in found) for step in range(1, steps + 1)]
