"""A pattern in SQL finds what a plain matcher finds that goes back, visitor by visitor."""

import time
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from random import Random
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mallard.reports.behaviour.pattern import parse_pattern
from mallard.reports.behaviour.sequence_sql import KEYS, sequence_sql
from support.behaviour_sequences import (
    Event,
    count_matches,
    first_match,
    parts_of,
    random_events,
    random_pattern,
    seconds_of_steps,
)

TRAIL = pa.schema(
    [
        ("visitor_id", pa.int64()),
        ("timestamp", pa.timestamp("ms")),
        ("ordinal", pa.int64()),
        ("steps", pa.int64()),
        ("value", pa.string()),
    ]
)

DUCKDB: dict[str, str | bool | int | float | list[str]] = {"threads": 1, "asof_loop_join_threshold": 0}
"""As ``engine/duckdb/database.py`` has it."""


def visitor_events(random: Random, visitors: Sequence[Sequence[Event]]) -> pa.Table:
    """Their events in no order; within a second they are in the order of milliseconds, or of ids."""
    rows = []
    for visitor, events in enumerate(visitors):
        apart = random.random() < 0.5
        rows += [
            {
                "visitor_id": visitor,
                "timestamp": 1000 * second + (number if apart else 0),
                "ordinal": number + random.randrange(2) * 10**15 if apart else number,
                "steps": sum(1 << step for step in steps),
            }
            for number, (second, steps) in enumerate(events)
        ]
    random.shuffle(rows)
    return pa.Table.from_pylist(rows, schema=TRAIL)


def counted(table: pa.Table, pattern: str, steps: int) -> Counter[tuple[str, int, int]]:
    conditions = [f"event.steps & {1 << step} <> 0" for step in range(1, steps + 1)]
    sql = sequence_sql(
        parse_pattern(pattern, steps), conditions, " OR ".join(conditions), with_total=True, with_details=True
    )
    with duckdb.connect(config=DUCKDB) as connection:
        connection.register("visitor_events", table)
        rows = connection.execute(sql).to_arrow_table()
    assert rows.column_names == [*KEYS, "visitors"]
    return +Counter({(row["part"], row["number"], row["seconds"]): row["visitors"] or 0 for row in rows.to_pylist()})


def recomputed(visitors: Sequence[Sequence[Event]], pattern: str) -> Counter[tuple[str, int, int]]:
    parts, found = parts_of(pattern), Counter({("total", 0, 0): len(visitors)})
    for events in visitors:
        seen = [each for each in events if each[1]]
        if not first_match(parts, seen):
            continue
        found["converting", 0, 0] += 1
        found["matches", 0, 0] += count_matches(parts, seen)
        seconds = seconds_of_steps(parts, seen)
        found.update(("seconds", number, b - a) for number, (a, b) in enumerate(pairwise(seconds), 1))
    return found


@settings(max_examples=40)
@given(st.randoms(use_true_random=False), st.integers(2, 4), st.integers(1, 8))
def test_sequence_sql_equals_a_plain_matcher_for_any_pattern(random: Random, steps: int, count: int) -> None:
    pattern = random_pattern(random, steps)
    visitors = [random_events(random, steps) for _ in range(count)]
    assert counted(visitor_events(random, visitors), pattern, steps) == recomputed(visitors, pattern)


def events(*met: tuple[int, Any]) -> list[Event]:
    return [(second, frozenset(steps if isinstance(steps, tuple) else (steps,))) for second, steps in met]


@pytest.mark.parametrize(
    ("pattern", "visitor", "matches"),
    [
        pytest.param("(?1).*(?2)", events((0, 1), (5, 2)), 1, id="one after the other"),
        pytest.param("(?1).*(?2)", events((0, 2), (5, 1)), 0, id="the other way round"),
        pytest.param("(?1).*(?2)", events((0, (1, 2))), 0, id="one event is not two"),
        pytest.param("(?1).*(?2)", events((0, (1, 2)), (0, (1, 2))), 1, id="two equal ones are"),
        pytest.param("(?1)(?2)", events((0, 1), (5, 3), (6, 2)), 0, id="nothing that is seen lies between"),
        pytest.param("(?1).(?2)", events((0, 1), (5, 3), (6, 2)), 1, id="just one lies between"),
        pytest.param("(?1)(?t<=10)(?2)", events((0, 1), (10, 2)), 1, id="just in time"),
        pytest.param("(?1)(?t<10)(?2)", events((0, 1), (10, 2)), 0, id="just not"),
        pytest.param("(?1)(?t<=10)(?2)", events((0, 1), (4, 3), (5, 1), (15, 2)), 1, id="from a later beginning"),
        pytest.param("(?1)(?t>=10)(?2)", events((0, 1), (9, 2), (10, 2)), 1, id="not before its time"),
        pytest.param("(?1)(?t==10)(?2)", events((0, 1), (1, 1), (9, 2), (11, 2)), 1, id="at that very second"),
        pytest.param("(?1).*(?t<=1)(?2)", events((0, 1), (99, 2)), 1, id="after .* seconds count from where it ends"),
        pytest.param("(?1)(?t<=5)", events((0, 1), (9, 2)), 0, id="something must come soon"),
        pytest.param("(?1)(?t<=5)", events((0, 2), (9, 1)), 1, id="or nothing at all"),
        pytest.param("(?1)(?t>5)", events((0, 2), (9, 1)), 0, id="later than nothing is never"),
        pytest.param("(?1)(?1)", events((0, 1), (1, 1), (2, 1), (3, 1), (4, 1)), 2, id="matches do not overlap"),
        pytest.param("(?1).*(?2)", events((0, 1), (1, 1), (2, 2), (3, 2), (4, 1), (5, 2)), 2, id="first comes first"),
    ],
)
def test_sequence_sql_reproduces_worked_examples(pattern: str, visitor: list[Event], matches: int) -> None:
    found = counted(visitor_events(Random(1), [visitor]), pattern, 3)
    assert found == recomputed([visitor], pattern)
    assert (found["matches", 0, 0], found["converting", 0, 0]) == (matches, min(1, matches))


HOSTILE = [
    "(?1).*(?1).*(?1).*(?1).*(?1).*(?1).*(?1).*(?1).*(?2)",
    "(?1)(?t>=1)(?1)(?t>=1)(?1)(?t>=1)(?1)(?t==7)(?1)(?t<=3)(?1)(?t<1)(?2)",
    ".".join(["(?1).*"] * 12) + "(?2)(?3)",
    "(?1)(?t==0)" * 10 + "(?2)",
]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("pattern", HOSTILE)
def test_hostile_pattern_over_many_events_of_one_visitor_ends(pattern: str) -> None:
    # ClickHouse gives up here: a million tries do not suffice.
    visitor = [(number // 2, frozenset([1])) for number in range(100_000)] + events((60_000, 3), (60_001, 2))
    begun = time.process_time()
    found = counted(visitor_events(Random(1), [visitor]), pattern, 3)
    assert found["total", 0, 0] == 1
    assert time.process_time() - begun < 20
