"""SQL over ``events`` and ``visits`` counts as reports do, wherever the events lie, and in every format."""

import io
import json
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mallard.engine.base import PENDING
from mallard.engine.cancellation import CURRENT, Cancellation
from mallard.engine.duckdb import sql_files
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.engine.duckdb.sql_access import MAX_SITES, MAX_SQL_CHARACTERS, SqlAccess
from mallard.engine.duckdb.sql_process import SqlLimits, SqlProcesses
from mallard.engine.omitted_files import noting
from mallard.engine.sql_query import SqlQuery
from mallard.errors import MallardError, QueryError, QueryTooLargeError, QueryTooLongError
from mallard.maintenance.erasure import carry_out, request_erasure
from mallard.maintenance.rollup_builder import build_rollups
from mallard.reports.preset_counts import count_presets
from mallard.reports.sql_report import SQL_FORMATS, sql_bytes
from mallard.stats.date_range import DateRange
from mallard.stats.query import DAY, Query
from mallard.store.base import Store
from mallard.store.local import LocalStore
from mallard.table.layout import Partition
from mallard.table.visits_file import VISITS
from support.damage import damage
from support.moto import moto_server
from support.random_events import SITE, pending_rows, random_rows, store_rows, with_rounded_times
from support.reference import Row
from support.s3 import Server

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
TODAY = NOW.date()
RANGE = DateRange(TODAY - timedelta(days=6), TODAY + timedelta(days=1))
OTHER = "localhost:8000"
LIMITS = SqlLimits(128, 2, 60)

BY_DAY = """
SELECT date, visits, visit_pageviews, bounces, duration_ms, events, pageviews
FROM (
    SELECT date, count(*) AS visits, sum(pageviews) AS visit_pageviews, count(*) FILTER (bounced) AS bounces,
        sum(duration_ms) AS duration_ms
    FROM visits WHERE site_id = '{site}' GROUP BY date
) FULL JOIN (
    SELECT date, count(*) AS events, count(*) FILTER (event_name = 'pageview') AS pageviews
    FROM events WHERE site_id = '{site}' AND event_name <> 'engagement' GROUP BY date
) USING (date)
ORDER BY date
"""
NAMES = ("visits", "visit_pageviews", "bounces", "duration_ms", "events", "pageviews")


def expected(engine: DuckDBEngine) -> list[dict[str, Any]]:
    """The same numbers as reports have them."""
    query = Query(
        SITE, RANGE, ("visits", "views_per_visit", "bounce_rate", "visit_duration", "events", "pageviews"), DAY
    )
    rows = count_presets(engine, [query]).rows[0]
    found = [{"date": date.fromisoformat(row["value"]), **{name: row[name] for name in NAMES}} for row in rows]
    return sorted(found, key=lambda row: row["date"])


@contextmanager
def opened(store: Store, pending: Sequence[Row] = ()) -> Iterator[tuple[DuckDBEngine, SqlAccess]]:
    waiting = pending_rows(list(pending)) if pending else PENDING.empty_table()
    engine = DuckDBEngine(
        store, lambda site: waiting if site == SITE else PENDING.empty_table(), memory_mb=256, threads=2
    )
    try:
        yield engine, SqlAccess(lambda: engine, SqlProcesses(LIMITS, {}), lambda: NOW)
    finally:
        engine.close()


@pytest.fixture(scope="module")
def bucket() -> Iterator[Callable[[], Store]]:
    with moto_server() as address:
        server = Server(address)
        yield server.new_store


def build_visits(store: Store) -> int:
    """Visits files of closed days; their number."""
    with opened(store) as (engine, _):
        build_rollups(store, engine, NOW)
    return sum(1 for _ in store.list(VISITS))


@pytest.mark.parametrize("place", ["folder", "bucket"])
@pytest.mark.parametrize("share", [0.0, 0.5], ids=["exact times", "rounded times"])
def test_sql_counts_as_reports_do(place: str, share: float, tmp_path: Path, bucket: Callable[[], Store]) -> None:
    """Some days have visits files, some events wait, and some of these were flushed meanwhile."""
    store = LocalStore(tmp_path) if place == "folder" else bucket()
    rows = random_rows(Random(f"sql {share}"), 400, NOW)
    rows = with_rounded_times(Random(1), rows, share) if share else rows
    store_rows(store, rows[:300], 1000)
    assert build_visits(store) >= 3
    store_rows(store, rows[300:320], 1000)
    # Of another site with the same visitors, whose visits are others.
    store_rows(store, rows[:50], 1000, site_id=OTHER)
    with opened(store, rows[310:]) as (engine, sql):
        found = sql.answer(SqlQuery(BY_DAY.format(site=SITE), (SITE, OTHER))).to_pylist()
        assert found == expected(engine)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> LocalStore:
    store = LocalStore(tmp_path_factory.mktemp("small"))
    store_rows(store, random_rows(Random(3), 60, NOW), 1000)
    return store


def test_dates_bound_both_views(small: LocalStore) -> None:
    day = TODAY - timedelta(days=2)
    text = "SELECT (SELECT list(DISTINCT date) FROM events) AS e, (SELECT list(DISTINCT date) FROM visits) AS v"
    with opened(small) as (_, sql):
        rows = sql.answer(SqlQuery(text, (SITE,), day, day + timedelta(days=1))).to_pylist()
    assert rows == [{"e": [day], "v": [day]}]


def test_views_of_sites_without_events_are_empty(tmp_path: Path) -> None:
    with opened(LocalStore(tmp_path)) as (_, sql):
        text = "SELECT (SELECT count(*) FROM events) AS e, (SELECT count(*) FROM visits) AS v"
        for sites in ((), (SITE,)):
            assert sql.answer(SqlQuery(text, sites)).to_pylist() == [{"e": 0, "v": 0}]


def test_erased_rows_are_in_no_view(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store_rows(store, random_rows(Random(3), 200, NOW), 1000)
    assert build_visits(store)
    day = TODAY - timedelta(days=2)
    carry_out(store, request_erasure(store, SITE, day, day, NOW), clock=lambda: NOW)
    text = f"SELECT 1 FROM events WHERE date = '{day}' UNION ALL SELECT 1 FROM visits WHERE date = '{day}'"
    with opened(store) as (_, sql):
        assert sql.answer(SqlQuery(text, (SITE,))).num_rows == 0
        assert sql.answer(SqlQuery("SELECT DISTINCT date FROM visits", (SITE,))).num_rows >= 3


def test_a_damaged_file_is_left_out_and_noted(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store_rows(store, random_rows(Random(3), 200, NOW), 1000)
    day = TODAY - timedelta(days=2)
    (segment,) = store.list(Partition(SITE, day).prefix)
    damage(store, segment.key, "cut")
    with opened(store) as (_, sql), noting() as omitted:
        rows = sql.answer(SqlQuery("SELECT DISTINCT date FROM events", (SITE,))).to_pydict()
    assert day not in rows["date"]
    assert [(each.date, each.file) for each in omitted] == [(day, segment.key)]


ORDERED = "SELECT n, n * 2 AS n, 'a' || n AS text FROM range({count}) AS t(n) ORDER BY n"


def test_rows_come_in_the_order_of_the_statement_and_no_name_comes_twice(small: LocalStore) -> None:
    with opened(small) as (_, sql):
        rows = sql.answer(SqlQuery(ORDERED.format(count=30_000), ()))
    assert rows.column_names == ["n", "n_1", "text"]
    assert rows["n"].to_pylist() == list(range(30_000))


REFUSED: list[tuple[str, type[MallardError], str]] = [
    (" \n", QueryError, "sql is empty"),
    ("SELECT 1 -- " + "x" * MAX_SQL_CHARACTERS, QueryError, "20,012 characters, but may have 20,000"),
    ("SELECT '\0'", QueryError, "NUL"),
    ("SELECT nothing FROM events", QueryError, "Binder Error.*nothing"),
    ("SELECT 'a'::INTEGER", QueryError, "Conversion Error"),
    ("SELECT " + "NOT " * 3000 + "true", QueryError, "."),
    ("SELECT * FROM range(100001)", QueryTooLargeError, "more than 100,000 rows; aggregate, or add a LIMIT"),
    ("SELECT repeat('x', 1000000) FROM range(40)", QueryTooLargeError, "more than 32 MB; select fewer columns"),
]


@pytest.mark.parametrize(("sql", "kind", "sentence"), REFUSED, ids=lambda value: str(value)[:20])
def test_past_each_limit_is_a_sentence(sql: str, kind: type[MallardError], sentence: str, small: LocalStore) -> None:
    with opened(small) as (_, access), pytest.raises(kind, match=sentence):
        access.answer(SqlQuery(sql, (SITE,)))


def test_more_sites_than_the_limit_are_refused(small: LocalStore) -> None:
    with opened(small) as (_, access), pytest.raises(QueryTooLargeError, match="at most 100 sites"):
        access.answer(SqlQuery("SELECT 1", tuple(f"s{number}.example" for number in range(MAX_SITES + 1))))


def test_files_of_a_bucket_beyond_the_disk_are_refused(
    bucket: Callable[[], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = bucket()
    store_rows(store, random_rows(Random(3), 20, NOW), 1000)
    monkeypatch.setattr(sql_files, "MAX_FETCHED_BYTES", 1000)
    with opened(store) as (_, access), pytest.raises(QueryTooLargeError, match="give a site_id, or a start_date"):
        access.answer(SqlQuery("SELECT count(*) FROM events", (SITE,)))


def test_a_stopped_query_ends_with_its_process(small: LocalStore) -> None:
    stop = Cancellation()
    token = CURRENT.set(stop)

    class Stopping(subprocess.Popen):  # type: ignore[type-arg]  # stops the query once its process runs
        def __init__(self, *given: Any, **more: Any) -> None:
            super().__init__(*given, **more)
            stop.stop(QueryTooLongError)

    try:
        with pytest.MonkeyPatch.context() as patched, opened(small) as (_, access):
            patched.setattr(subprocess, "Popen", Stopping)
            with pytest.raises(QueryTooLongError, match="MALLARD_QUERY_SECONDS"):
                access.answer(SqlQuery("SELECT sum(a.range * b.range) FROM range(1000000) a, range(1000000) b", ()))
    finally:
        CURRENT.reset(token)


MANY_TYPES = """
SELECT 1::UTINYINT AS a, 'x' AS text, '=1+1' AS formula, true AS yes, DATE '2026-01-02' AS day,
    TIMESTAMP '2026-01-02 03:04:05' AS moment, TIMESTAMPTZ '2026-01-02 03:04:05+01' AS zoned,
    INTERVAL 3 DAY AS span, [1, 2] AS list, {'a': 1} AS struct, 'NaN'::DOUBLE AS nan, [1.5::DOUBLE] AS floats,
    NULL AS nothing, 1.50::DECIMAL(9, 2) AS money, TIME '01:02:03' AS time, '\\xAB'::BLOB AS bytes
"""


@pytest.fixture(scope="module")
def many_types(small: LocalStore) -> pa.Table:
    with opened(small) as (_, access):
        return access.answer(SqlQuery(MANY_TYPES, ()))


def test_json_has_each_type(many_types: pa.Table) -> None:
    (row,) = json.loads(sql_bytes(many_types, "json"), parse_constant=pytest.fail)
    assert row == {
        "a": 1,
        "text": "x",
        "formula": "=1+1",
        "yes": True,
        "day": "2026-01-02",
        "moment": "2026-01-02T03:04:05.000Z",
        "zoned": "2026-01-02T02:04:05.000Z",
        "span": "3 days",
        "list": [1, 2],
        "struct": {"a": 1},
        "nan": None,
        "floats": [1.5],
        "nothing": None,
        "money": 1.5,
        "time": "01:02:03",
        "bytes": "\\xAB",
    }


def test_csv_guards_formulas(many_types: pa.Table) -> None:
    names, row = sql_bytes(many_types, "csv").decode().splitlines()
    assert names.startswith("a,text,formula")
    assert row.startswith('1,"x","\'=1+1",true,"2026-01-02","2026-01-02T03:04:05.000Z"')


def test_parquet_and_arrow_have_the_rows(many_types: pa.Table) -> None:
    parquet = pq.read_table(io.BytesIO(sql_bytes(many_types, "parquet")))
    arrow = pa.ipc.open_stream(sql_bytes(many_types, "arrow")).read_all()
    assert arrow.schema == many_types.schema
    assert parquet["span"].to_pylist() == ["3 days"]
    # NaN differs from itself.
    rows = [table.drop_columns(["span", "nan"]).to_pylist() for table in (many_types, arrow, parquet)]
    assert rows[0] == rows[1] == rows[2]


@pytest.mark.parametrize("form", SQL_FORMATS)
def test_no_rows_are_a_whole_file(form: str, many_types: pa.Table) -> None:
    data = sql_bytes(many_types.slice(0, 0), form)
    if form == "json":
        assert json.loads(data) == []
    else:
        assert data
