"""The cost of an answer: memory of its own statements, counted anew, and its way of counting as text."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from mallard.cli import EXIT_USAGE, main
from mallard.engine.base import PENDING
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.engine.memory_peak import measuring_memory
from mallard.stats.date_range import DateRange
from mallard.stats.grouping import Grouping, GroupQuery
from mallard.store.local import LocalStore
from mallard.table.layout import Partition
from mallard.table.writer import TableWriter
from support.random_events import SITE, random_rows, store_rows
from support.rows import DAY, deliveries, event

RANGE = DateRange(DAY, DAY + timedelta(days=1))
PAGES = Grouping(("event:page",), ("visitors", "pageviews"))


def write(store: LocalStore, site_id: str, count: int) -> None:
    rows = [event(n, site_id=site_id, visitor_id=n, pathname=f"/{n:0100}") for n in range(1, count + 1)]
    TableWriter(store).append(Partition(site_id, DAY), deliveries(rows))


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBEngine]:
    store = LocalStore(tmp_path_factory.mktemp("table"))
    write(store, "small.example", 10)
    write(store, "large.example", 20_000)
    engine = DuckDBEngine(store, lambda _: PENDING.empty_table(), memory_mb=256, threads=2, cache_seconds=60)
    yield engine
    engine.close()


def memory_of(engine: DuckDBEngine, site_id: str) -> int:
    with measuring_memory() as peak:
        engine.group(GroupQuery(site_id, RANGE, (PAGES,)))
    return peak.bytes


def test_memory_is_that_of_the_answer_s_own_statements(engine: DuckDBEngine) -> None:
    """In any order, and by the size of what is counted."""
    first, large, again = (memory_of(engine, site) for site in ("small.example", "large.example", "small.example"))
    # Twenty thousand paths of a hundred bytes, in one table at least.
    assert large > 2_000_000
    assert first == pytest.approx(again, rel=0.5)
    assert large > 2 * max(first, again)


def test_a_measured_answer_is_counted_anew(engine: DuckDBEngine) -> None:
    query = GroupQuery("large.example", RANGE, (PAGES,))
    cached = engine.group(query)
    assert engine.group(query) is cached
    with measuring_memory() as peak:
        counted = engine.group(query)
    assert counted is not cached
    assert counted == cached
    assert peak.bytes > 0


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    data = tmp_path / "data"
    store_rows(LocalStore(data), random_rows(Random(7), 50, datetime.now(UTC) - timedelta(days=1)), 1000)
    monkeypatch.setenv("MALLARD_DATA_DIR", str(data))
    return data


BODY = {
    "site_id": SITE,
    "metrics": ["visits"],
    "date_range": "7d",
    "dimensions": ["visit:browser"],
    "filters": [["is", "event:page", ["/a"]]],
}


def test_query_command_explains_a_body_in_a_file_or_as_text(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "body.json"
    file.write_text(json.dumps(BODY))
    for given in (str(file), json.dumps(BODY)):
        assert main(["query", "--explain", given]) == 0
        text = capsys.readouterr().out
        for line in (
            "events     ",
            "definition ",
            "files      ",
            "time       ",
            "memory     ",
            "written    ",
            "pending    0 ",
        ):
            assert f"\n{line}" in f"\n{text}"
        assert "$f0 = '/a'" in text
        assert "\nWITH\n" in text


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Give one statement of SQL, or --explain"),
        (["SELECT 1", "--explain", "{}"], "Give one statement of SQL, or --explain"),
        (["--explain", "missing.json"], "missing.json cannot be read"),
        (["--explain", "{"], "JSON"),
        (["--explain", "{}"], "site_id"),
        (["--explain", json.dumps({**BODY, "metrics": ["visitor"]})], "metrics[0] is 'visitor'"),
    ],
    ids=str,
)
def test_wrong_explanations_are_errors_of_usage(
    arguments: list[str], sentence: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["query", *arguments]) == EXIT_USAGE
    assert sentence in capsys.readouterr().err
