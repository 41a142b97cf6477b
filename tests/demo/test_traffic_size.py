"""Large demo traffic: in parts, the same events as ever, and in bounded memory."""

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mallard.demo import traffic
from mallard.demo.traffic import generate

SITE = "example.com"
AFTERNOON = datetime(2025, 6, 30, 15, 20, 7, 250000, tzinfo=UTC)
MIDNIGHT = datetime(2025, 6, 30, 0, 0, 30, tzinfo=UTC)

LATER = ["interactive"]

CROWD = 300_000
MAX_GROWTH_MB = 100
"""Of six crowds of a date over one, and with `mallard demo` of nine over three; whole dates took 600 MB and more."""

PEAK = "print(int(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1]) // 1024)"


def made(events: int, days: int, seed: int = 1, end: datetime = AFTERNOON) -> Iterator[tuple[date, pa.Table]]:
    return generate(SITE, events=events, days=days, random_seed=seed, end=end)


def digest(tables: Iterator[tuple[date, pa.Table]]) -> str:
    """Without the columns that came after the digests below, which traffic leaves empty."""
    found = hashlib.blake2b(digest_size=12)
    for day, table in tables:
        assert all(table[name].null_count == table.num_rows for name in LATER)
        for row in table.drop_columns(LATER).to_pylist():
            found.update(repr((day, *row.values())).encode())
    return found.hexdigest()


@pytest.mark.parametrize(
    ("events", "days", "seed", "end", "golden"),
    [
        (2_000, 5, 7, AFTERNOON, "394e3051d86db4806a4c5a38"),
        (20_000, 1, 1, AFTERNOON, "98b3c15bb8d9d7946d3e0fc8"),
        (3_000, 2, 3, MIDNIGHT, "64876cbe807bbf9e82e26675"),
        pytest.param(600_000, 1, 1, AFTERNOON, "6643d6465b302c8bbcd43523", marks=pytest.mark.heavy),
    ],
)
def test_traffic_of_a_seed_is_the_same_in_each_version(
    events: int, days: int, seed: int, end: datetime, golden: str
) -> None:
    """A second run of `mallard demo` stores nothing twice, after an upgrade too."""
    assert digest(made(events, days, seed, end)) == golden


def test_parts_of_a_date_are_its_rows_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = dict(made(5_000, 2))
    monkeypatch.setattr(traffic, "BATCH_ROWS", 700)
    parts: dict[date, list[pa.Table]] = {}
    for day, table in made(5_000, 2):
        assert 0 < table.num_rows <= 700
        parts.setdefault(day, []).append(table)
    assert {day: pa.concat_tables(tables).combine_chunks() for day, tables in parts.items()} == whole


def test_a_busy_date_comes_in_crowds_without_a_common_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "CROWD_ROWS", 1_500)
    end = MIDNIGHT - timedelta(seconds=25)
    tables = [table for _, table in made(10_000, 1, end=end)]
    rows = pa.concat_tables(tables)
    assert [table.num_rows for table in tables] == [1428, 1428, 1428, 1429, 1429, 1429, 1429]
    assert len(rows["event_id"].unique()) == rows.num_rows == 10_000
    # Within five seconds: many share a millisecond.
    assert len(rows["timestamp"].unique()) < 5_100
    assert rows["timestamp"].to_pylist() <= [end.replace(tzinfo=None)] * 10_000
    assert digest(made(10_000, 1, end=end)) == digest(made(10_000, 1, end=end))
    # Each crowd has visitors of its own.
    visitors = [set(table["visitor_id"].drop_null().to_pylist()) for table in tables]
    assert len(set().union(*visitors)) == sum(map(len, visitors))


def peak_mb(code: str, *arguments: str, data: Path) -> int:
    begin = "import re, sys; from pathlib import Path; from mallard.demo import traffic; "
    done = subprocess.run(
        [sys.executable, "-c", f"{begin}traffic.CROWD_ROWS = {CROWD}; {code}; {PEAK}", *arguments],
        env={"MALLARD_DATA_DIR": str(data)},
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout.split()[-1])


@pytest.mark.heavy
def test_traffic_of_a_date_takes_the_memory_of_one_crowd(tmp_path: Path) -> None:
    code = (
        "from datetime import UTC, datetime; end = datetime(2025, 6, 29, 23, 59, tzinfo=UTC);"
        " given = dict(events=int(sys.argv[1]), days=1, random_seed=1, end=end);"
        " assert sum(rows.num_rows for _, rows in traffic.generate('example.com', **given)) == int(sys.argv[1])"
    )
    one, six = (peak_mb(code, f"{count * CROWD}", data=tmp_path) for count in (1, 6))
    assert six < one + MAX_GROWTH_MB


@pytest.mark.heavy
def test_demo_of_a_busy_date_takes_bounded_memory(tmp_path: Path) -> None:
    code = "from mallard.cli import main; assert main(sys.argv[1:]) == 0"
    words = ("demo", "--days", "1", "--until", "2025-06-29T23:59", "--events")
    # From three on: the writer keeps the last rows and the ids of what it wrote.
    three, nine = (peak_mb(code, *words, f"{count * CROWD}", data=tmp_path / f"{count}") for count in (3, 9))
    assert nine < three + MAX_GROWTH_MB
    files = (tmp_path / "9" / "events").rglob("*.parquet")
    assert sum(pq.read_metadata(file).num_rows for file in files) == 9 * CROWD
