"""A funnel's statement means what reading a visitor's events one after the other means, in every mode."""

from collections import Counter
from random import Random

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.behaviour_funnel import (
    Seen,
    all_modes,
    counts_of,
    random_events,
    reached,
    statement,
    trail_table,
    walking_events,
)

Case = list[list[Seen]]

DATABASE = duckdb.connect()
"""One for all examples."""


def counted(cases: list[Case], steps: int, window_ms: int, modes: frozenset[str]) -> list[list[int]]:
    """For each case how many of its visitors reached at least each step, by the statement."""
    DATABASE.register("visitor_events", trail_table(cases, steps))
    found = DATABASE.execute(statement(steps, window_ms, modes)).fetchall()
    sums: Counter[tuple[str, int]] = Counter()
    for value, step, visitors in found:
        sums[value, step] += visitors
    return [[sums[str(case), step] for step in range(1, steps + 1)] for case in range(len(cases))]


def read_over(case: Case, steps: int, window_ms: int, modes: frozenset[str]) -> list[int]:
    return counts_of((reached(events, steps, window_ms, modes) for events in case), steps)


def visitors(steps: int) -> st.SearchStrategy[Case]:
    event = st.tuples(st.integers(0, 6), st.frozensets(st.integers(0, steps - 1), max_size=3))
    return st.lists(st.lists(event, max_size=7).map(_numbered), min_size=1, max_size=4)


def _numbered(events: list[tuple[int, frozenset[int]]]) -> list[Seen]:
    return [Seen(ms, event_id, steps) for event_id, (ms, steps) in enumerate(events)]


@settings(max_examples=80)
@given(data=st.data(), steps=st.integers(1, 4), window_ms=st.integers(0, 7), modes=st.sampled_from(all_modes()))
def test_funnel_equals_a_plain_reading_of_events(
    data: st.DataObject, steps: int, window_ms: int, modes: frozenset[str]
) -> None:
    case = data.draw(visitors(steps))
    assert counted([case], steps, window_ms, modes) == [read_over(case, steps, window_ms, modes)]


@pytest.mark.parametrize("modes", all_modes(), ids=lambda modes: "+".join(sorted(modes)) or "default")
def test_funnel_counts_each_visitor_separately(modes: frozenset[str]) -> None:
    random = Random(",".join(sorted(modes)))
    steps, span = random.choice([2, 3, 5]), random.choice([4, 40])
    window = random.choice([span // 2, span])
    cases = [
        [
            random_events(random, steps, random.randrange(10), span)
            if random.random() < 0.5
            else walking_events(random, steps, span)
            for _ in range(random.randrange(1, 5))
        ]
        for _ in range(30)
    ]
    assert counted(cases, steps, window, modes) == [read_over(case, steps, window, modes) for case in cases]


@settings(max_examples=20)
@given(st.randoms(use_true_random=False))
def test_funnel_ignores_the_order_of_simultaneous_events(random: Random) -> None:
    case = [random_events(random, 3, 8, 3)]
    shuffled = [[Seen(event.ms, number, event.steps) for number, event in enumerate(random.sample(case[0], 8))]]
    assert counted([case], 3, 2, frozenset()) == counted([shuffled], 3, 2, frozenset())


def test_a_funnel_of_32_steps_is_counted() -> None:
    events = [Seen(step, step, frozenset({step})) for step in range(32)]
    assert counted([[events]], 32, 31, frozenset()) == [[1] * 32]
    assert counted([[events]], 32, 30, frozenset()) == [[1] * 31 + [0]]
    assert counted([[events]], 32, 31, frozenset({"strict_order"})) == [[1] * 32]


def a(ms: int, *steps: int) -> Seen:
    return Seen(ms, ms, frozenset(steps))


@pytest.mark.parametrize(
    ("modes", "events", "level"),
    [
        ([], [a(0, 0), a(9, 1)], 2),
        ([], [a(0, 0), a(11, 1)], 1),
        ([], [a(0, 0), a(10, 0), a(15, 1), a(20, 2)], 3),
        ([], [a(0, 0), a(5, 1), a(12, 0), a(13, 2)], 2),
        ([], [a(0, 0, 1, 2)], 3),
        (["strict_once"], [a(0, 0, 1, 2)], 1),
        (["strict_once"], [a(0, 0, 1), a(1, 1, 2), a(2, 2)], 3),
        (["strict_order"], [a(0), a(1, 0), a(2), a(3, 1)], 1),
        (["strict_order"], [a(0, 0), a(1, 2), a(2, 1)], 1),
        (["strict_order", "allow_reentry"], [a(0, 0), a(1, 2), a(2, 1), a(3, 2)], 3),
        (["strict_deduplication"], [a(0, 0), a(1, 1), a(2, 1), a(3, 2)], 2),
        (["strict_deduplication"], [a(0, 0), a(1, 0), a(2, 1), a(3, 2)], 3),
    ],
)
def test_funnel_mode_changes_the_level_reached(modes: list[str], events: list[Seen], level: int) -> None:
    assert counted([[events]], 3, 10, frozenset(modes)) == [[1] * level + [0] * (3 - level)]


def test_strict_increase_needs_a_later_timestamp() -> None:
    at_once = [Seen(0, 0, frozenset({0})), Seen(0, 1, frozenset({1}))]
    assert counted([[at_once]], 2, 10, frozenset()) == [[1, 1]]
    assert counted([[at_once]], 2, 10, frozenset({"strict_increase"})) == [[1, 0]]


@pytest.mark.parametrize("modes", [["strict_once"], ["strict_once", "strict_deduplication"]])
def test_funnel_of_a_hundred_simultaneous_events_ends_in_good_time(modes: list[str]) -> None:
    events = [Seen(0, number, frozenset(range(8))) for number in range(100)]
    level = reached(events[:9], 8, 10, frozenset(modes))
    assert counted([[events]], 8, 10, frozenset(modes)) == [[1] * level + [0] * (8 - level)]


@pytest.mark.parametrize("modes", [["strict_once"], ["strict_order", "strict_once", "strict_deduplication"], []])
def test_funnel_of_thousands_of_simultaneous_events_ends_in_good_time(modes: list[str]) -> None:
    random = Random(1)
    events = [Seen(0, number, frozenset(random.sample(range(6), 3))) for number in range(3000)]
    # The second of the events that are step 2 repeats it.
    level = 2 if "strict_deduplication" in modes else 6
    assert counted([[events]], 6, 10, frozenset(modes)) == [[1] * level + [0] * (6 - level)]
