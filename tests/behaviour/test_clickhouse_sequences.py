"""ClickHouse is the referee: what its sequence functions say of random streams of events, our statements say.

``MALLARD_TEST_CASES`` asks for more of them than a day's check. ClickHouse sorts by the second only, and leaves the
order within one to chance where a visitor has many events; so the long streams here have no two in a second.

Where a pattern ends in what may be nothing, such as ``.*`` or ``(?t<=5)``, and the events are over, ClickHouse looks
for more of the pattern behind its end and answers by what lies there: asked for ``sequenceMatch`` and
``sequenceCount`` at once it contradicts itself. Such patterns are left to the plain matcher.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from random import Random

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bench.peer_chdb import Session, chdb_session

from mallard.reports.behaviour.pattern import parse_pattern
from mallard.reports.behaviour.sequence_sql import sequence_sql
from support.behaviour_sequences import Event, holds_of_nothing, parts_of, random_events, random_pattern

pytestmark = pytest.mark.heavy

CASES = int(os.environ.get("MALLARD_TEST_CASES", "1200"))
CASES_AT_ONCE = 10
"""All of one statement: they have its pattern in common."""

Counts = Counter[tuple[str, str, int, int]]
"""By case, part, number and seconds."""

_SETTINGS = "SETTINGS max_threads = 1, output_format_json_quote_64bit_integers = 0"
"""One thread reads a file from its beginning to its end."""


@pytest.fixture(scope="module")
def clickhouse() -> Iterator[Session]:
    with chdb_session() as session:
        yield session


def settled_pattern(random: Random, steps: int, length: int = 7) -> str:
    """One that ends in something."""
    while holds_of_nothing(parts_of(pattern := random_pattern(random, steps, length))[-1]):
        continue
    return pattern


def visitor_events(cases: Sequence[Sequence[Sequence[Event]]]) -> pa.Table:
    """The events of each case's visitors in order: ``steps`` as bits."""
    rows = [
        {
            "value": str(case),
            "visitor_id": visitor,
            "timestamp": 1000 * second,
            "ordinal": number,
            "steps": sum(1 << step for step in steps),
        }
        for case, visitors in enumerate(cases)
        for visitor, events in enumerate(visitors)
        for number, (second, steps) in enumerate(events)
    ]
    names = {"value": pa.string(), "visitor_id": pa.int64(), "ordinal": pa.int64(), "steps": pa.int64()}
    return pa.Table.from_pylist(rows, schema=pa.schema({**names, "timestamp": pa.timestamp("ms")}))


def ours(table: pa.Table, pattern: str, steps: int) -> Counts:
    conditions = [f"event.steps & {1 << step} <> 0" for step in range(1, steps + 1)]
    sql = sequence_sql(
        parse_pattern(pattern, steps), conditions, " OR ".join(conditions), by_value=True, with_details=True
    )
    with duckdb.connect(config={"asof_loop_join_threshold": 0}) as database:
        # In no order, as they come from the table.
        database.register("sorted", table)
        database.execute("CREATE TABLE visitor_events AS SELECT * FROM sorted ORDER BY hash(ordinal, visitor_id)")
        return Counts({(value, *key): count for value, *key, count in database.execute(sql).fetchall()})


def theirs(session: Session, file: Path, pattern: str, steps: int) -> Counts:
    conditions = ", ".join(f"bitTest(assumeNotNull(steps), {step})" for step in range(1, steps + 1))
    functions = ", ".join(
        f"{name}('{pattern}')(second, {conditions})"
        for name in ("sequenceMatch", "sequenceCount", "sequenceMatchEvents")
    )
    found, rows = (
        Counts(),
        str(
            session.query(
                f"""
            SELECT value, {functions}
            FROM (
                SELECT *, toUInt32(intDiv(toUnixTimestamp64Milli(assumeNotNull(timestamp)), 1000)) AS second
                FROM file('{file}', Parquet)
            )
            GROUP BY value, visitor_id {_SETTINGS}""",
                "JSONCompactEachRow",
            )
        ),
    )
    for value, matches, count, seconds in map(json.loads, rows.splitlines()):
        found[value, "converting", 0, 0] += matches
        found[value, "matches", 0, 0] += count
        # Of visitors without a match it tells how far they came.
        for number, (one, next_one) in enumerate(pairwise(seconds if matches else ()), 1):
            found[value, "seconds", number, next_one - one] += 1
    return +found


def test_sequences_equal_clickhouse(tmp_path: Path, clickhouse: Session) -> None:
    random, file, matched = Random(CASES), tmp_path / "visitor_events.parquet", 0
    for _ in range(-(-CASES // CASES_AT_ONCE)):
        steps = random.choice([2, 2, 3, 4, 8])
        pattern = settled_pattern(random, steps, random.choice([3, 5, 9]))
        cases = [[random_events(random, steps) for _ in range(random.randrange(1, 12))] for _ in range(CASES_AT_ONCE)]
        table = visitor_events(cases)
        pq.write_table(table, file)
        found = ours(table, pattern, steps)
        assert found == theirs(clickhouse, file, pattern, steps), pattern
        matched += bool(found)
    assert matched > CASES / CASES_AT_ONCE / 2


@pytest.mark.parametrize("seed", range(4))
def test_sequences_of_thousands_of_visitors_equal_clickhouse(tmp_path: Path, clickhouse: Session, seed: int) -> None:
    random, file = Random(seed), tmp_path / "visitor_events.parquet"
    table = visitor_events([[random_events(random, 3) for _ in range(4000)]])
    pq.write_table(table, file)
    pattern = settled_pattern(random, 3)
    found = ours(table, pattern, 3)
    assert found == theirs(clickhouse, file, pattern, 3), pattern
    assert found["0", "converting", 0, 0] > 0


@pytest.mark.parametrize(
    "pattern", ["(?1).*(?2).*(?3)", "(?1)(?t<=9)(?2)", "(?2)(?t>=100)(?1)(?3)", "(?1)(?2).(?3)", "(?3)(?t==8).(?1)"]
)
def test_sequences_in_long_streams_equal_clickhouse(tmp_path: Path, clickhouse: Session, pattern: str) -> None:
    random, file = Random(pattern), tmp_path / "visitor_events.parquet"
    visitors = [
        [(second, steps) for second, (_, steps) in zip(range(0, 9000, 3), random_events(random, 3, 3000), strict=False)]
        for _ in range(6)
    ]
    table = visitor_events([visitors])
    pq.write_table(table, file)
    found = ours(table, pattern, 3)
    assert found == theirs(clickhouse, file, pattern, 3)
    assert sum(map(len, visitors)) > 2000
