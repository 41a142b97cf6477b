"""ClickHouse is the referee: windowFunnel and retention say of random streams of events what our statements say.

``MALLARD_TEST_CASES`` asks for more of them than a day's check.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bench.peer_chdb import Session, chdb_session

from mallard.reports.behaviour.retention import retention_sql
from support.behaviour_funnel import Seen, all_modes, random_events, statement, trail_table, walking_events

pytestmark = pytest.mark.heavy

CASES = int(os.environ.get("MALLARD_TEST_CASES", "1200"))
CASES_AT_ONCE = 25
"""All of one statement: they have its steps, window and modes in common."""

_SETTINGS = "SETTINGS max_threads = 1, output_format_json_quote_64bit_integers = 0"

Counts = Counter[tuple[str, int]]
"""By case and step."""


@pytest.fixture(scope="module")
def clickhouse() -> Iterator[Session]:
    with chdb_session() as session:
        yield session


def rows_of(session: Session, sql: str) -> list[list[object]]:
    return [json.loads(line) for line in str(session.query(f"{sql} {_SETTINGS}", "JSONCompactEachRow")).splitlines()]


def ours(visitor_events: pa.Table, steps: int, window_ms: int, modes: frozenset[str]) -> Counts:
    found = Counts()
    with duckdb.connect() as database:
        database.register("visitor_events", visitor_events)
        for value, step, visitors in database.execute(statement(steps, window_ms, modes)).fetchall():
            found[value, step] += visitors if step else 0
    return +found


def theirs(session: Session, file: Path, steps: int, window_ms: int, modes: frozenset[str]) -> Counts:
    """In our order: by moment, then by id."""
    conditions = ", ".join(f"assumeNotNull(toUInt8(s{step + 1}))" for step in range(steps))
    options = "".join(f", '{mode}'" for mode in sorted(modes))
    found = Counts()
    for value, level in rows_of(
        session,
        f"""
        SELECT value, windowFunnel({window_ms}{options})(assumeNotNull(toUInt64(ms)), {conditions})
        FROM (SELECT * FROM file('{file}', Parquet) ORDER BY value, visitor_id, ms, event_id)
        GROUP BY value, visitor_id""",
    ):
        assert isinstance(level, int)
        for step in range(1, level + 1):
            found[str(value), step] += 1
    return found


def random_visitor(random: Random, steps: int, span_ms: int) -> list[Seen]:
    if random.random() < 0.4:
        return walking_events(random, steps, span_ms)
    return random_events(random, steps, random.randrange(12), span_ms)


@pytest.mark.parametrize("modes", all_modes(), ids=lambda modes: "+".join(sorted(modes)) or "default")
def test_funnel_equals_clickhouse(tmp_path: Path, clickhouse: Session, modes: frozenset[str]) -> None:
    random, file = Random(f"{CASES} {sorted(modes)}"), tmp_path / "visitor_events.parquet"
    for _ in range(-(-CASES // (CASES_AT_ONCE * len(all_modes())))):
        steps, span = random.choice([1, 2, 2, 3, 3, 4, 5, 8]), random.choice([0, 3, 10, 40])
        # At the edge of the window, and beyond it.
        window = random.choice([0, 1, span // 2, span, span + 1])
        cases = [
            [random_visitor(random, steps, span) for _ in range(random.randrange(1, 6))] for _ in range(CASES_AT_ONCE)
        ]
        visitor_events = trail_table(cases, steps)
        pq.write_table(visitor_events, file)
        assert ours(visitor_events, steps, window, modes) == theirs(clickhouse, file, steps, window, modes), (
            steps,
            window,
        )


@pytest.mark.parametrize("modes", [[], ["strict_increase"], ["strict_order"], ["strict_deduplication", "strict_once"]])
def test_funnel_of_thousands_of_visitors_equals_clickhouse(
    tmp_path: Path, clickhouse: Session, modes: list[str]
) -> None:
    random, file = Random(str(modes)), tmp_path / "visitor_events.parquet"
    visitor_events = trail_table([[random_visitor(random, 6, 200) for _ in range(5000)]], 6)
    pq.write_table(visitor_events, file)
    found = ours(visitor_events, 6, 60, frozenset(modes))
    assert found == theirs(clickhouse, file, 6, 60, frozenset(modes))
    assert found["0", 1] > 3000


@pytest.mark.parametrize("intervals", [2, 5, 12, 70])
def test_retention_equals_clickhouse(tmp_path: Path, clickhouse: Session, intervals: int) -> None:
    """ClickHouse is asked of one cohort at a time: its function knows no first interval but the one it is given."""
    random, file, count = Random(intervals), tmp_path / "visitor_events.parquet", min(intervals, 6)
    for _ in range(max(1, CASES // 500)):
        seen = [
            (str(case), visitor, random.randrange(intervals))
            for case in range(CASES_AT_ONCE)
            for visitor in range(random.randrange(1, 40))
            for _ in range(random.randrange(1, 6))
        ]
        values, visitors, numbers = zip(*seen, strict=True)
        visitor_events = pa.table(
            {"value": values, "visitor_id": visitors, "date": pa.array(numbers, pa.int32()).cast("date32")}
        )
        pq.write_table(visitor_events.append_column("n", pa.array(numbers, pa.int64())), file)
        with duckdb.connect() as database:
            database.register("visitor_events", visitor_events)
            sql = retention_sql("day", count, intervals, by_value=True)
            found = database.execute(sql, {"begin": "1970-01-01"}).fetchall()
        theirs = [row for cohort in range(intervals) for row in rows_of(clickhouse, _retention(file, cohort, count))]
        assert sorted(found) == sorted(map(tuple, theirs))


def _retention(file: Path, cohort: int, count: int) -> str:
    seen = ", ".join(f"assumeNotNull(n = {cohort + each})" for each in range(count))
    sums = ", ".join(f"sum(kept[{each + 1}])" for each in range(count))
    return f"""
        SELECT assumeNotNull(value), {cohort}, {sums}
        FROM (
            SELECT value, visitor_id, retention({seen}) AS kept, min(n) AS first
            FROM file('{file}', Parquet) GROUP BY value, visitor_id
        )
        WHERE first = {cohort} GROUP BY value"""
