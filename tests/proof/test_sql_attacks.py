"""A caller's SQL reads the views of their sites and nothing else: by a check of the statement, by a DuckDB that has
nothing more, and by a process without a secret that can write no file.
"""

import json
import re
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from mallard.engine.base import PENDING
from mallard.engine.duckdb import sql_worker
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.engine.duckdb.sql_access import SqlAccess
from mallard.engine.duckdb.sql_check import REFUSED_FUNCTIONS, REFUSED_PREFIXES, TABLE_FUNCTIONS, SqlRefused, check
from mallard.engine.duckdb.sql_process import SqlLimits, SqlProcesses
from mallard.engine.sql_query import SqlQuery
from mallard.errors import QueryError, QueryTooLargeError, QueryTooLongError
from mallard.store.base import Store
from mallard.store.local import LocalStore
from mallard.table.layout import Partition
from mallard.table.writer import TableWriter
from support.moto import CREDENTIALS, moto_server
from support.rows import deliveries, event
from support.s3 import Server

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
DAY = date(2026, 3, 9)
OWN, FOREIGN = "own.example", "foreign.example"
CANARY = "canary of the machine"

ONE, TABLE, FUNCTION, NAMED, SHOW, WITH = (
    r"one SELECT statement",
    r"FROM names '.*', but the tables are events and visits",
    r"FROM names the function '.*', but may name",
    r"The function '.*' is not allowed",
    r"SHOW is not run",
    r"WITH names '.*', which DuckDB has another use for",
)

ATTACKS = [
    # Other statements.
    ("SELECT 1; SELECT 2", ONE),
    ("", ONE),
    ("-- nothing", ONE),
    ("COPY (SELECT 1) TO '{file}.out'", ONE),
    ("COPY events TO '{file}.parquet'", ONE),
    ("ATTACH '{file}.db'", ONE),
    ("DETACH memory", ONE),
    ("USE memory", ONE),
    ("INSTALL httpfs", ONE),
    ("LOAD '{file}'", ONE),
    ("SET enable_external_access = true", ONE),
    ("RESET lock_configuration", ONE),
    ("PRAGMA database_list", ONE),
    ("CALL pragma_version()", ONE),
    ("CREATE TABLE a AS SELECT 1", ONE),
    ("CREATE OR REPLACE VIEW events AS SELECT 1", ONE),
    ("CREATE SECRET (TYPE s3)", ONE),
    ("CREATE MACRO a() AS 1", ONE),
    ("DROP VIEW events", ONE),
    ("INSERT INTO events SELECT 1", ONE),
    ("DELETE FROM events", ONE),
    ("UPDATE events SET site_id = ''", ONE),
    ("EXPLAIN SELECT * FROM events", ONE),
    ("EXPORT DATABASE '{file}'", ONE),
    ("CHECKPOINT", ONE),
    ("PREPARE a AS SELECT 1", ONE),
    ("EXECUTE a", ONE),
    ("VACUUM", ONE),
    ("BEGIN", ONE),
    ("SELECT 1; COPY (SELECT 1) TO '{file}.out'", ONE),
    # Files and addresses as tables.
    ("SELECT * FROM '{file}'", TABLE),
    ('SELECT * FROM "{file}"', TABLE),
    ("SELECT * FROM 'https://evil.example/a.parquet'", TABLE),
    ("SELECT * FROM 's3://bucket/events/a.parquet'", TABLE),
    ("SELECT * FROM events, '{file}'", TABLE),
    ("SELECT (SELECT a FROM '{file}')", TABLE),
    ("SELECT 1 WHERE EXISTS (SELECT 1 FROM '{file}')", TABLE),
    ("SELECT 1 UNION ALL SELECT a FROM '{file}'", TABLE),
    ("SELECT * FROM events ORDER BY (SELECT a FROM '{file}')", TABLE),
    ("SELECT * FROM events LIMIT (SELECT 1 FROM '{file}')", TABLE),
    ("SELECT sum(1) OVER (ORDER BY (SELECT a FROM '{file}')) FROM events", TABLE),
    ("SELECT list_transform([1], x -> (SELECT a FROM '{file}'))", TABLE),
    ("FROM (VALUES ((SELECT a FROM '{file}')))", TABLE),
    ("WITH a AS (SELECT * FROM '{file}') SELECT 1", TABLE),
    ("SELECT 1 FROM (WITH a AS (SELECT 1) SELECT * FROM a) JOIN a ON true", TABLE),
    # Tables of DuckDB and of this program.
    ("SELECT * FROM duckdb_views", TABLE),
    ("SELECT * FROM information_schema.tables", TABLE),
    ("SELECT * FROM pg_catalog.pg_settings", TABLE),
    ("SELECT * FROM sqlite_master", TABLE),
    ("SELECT * FROM main.events", TABLE),
    ("SELECT * FROM order", ONE),
    ("SELECT * FROM connection", TABLE),
    ("WITH duckdb_views AS (SELECT * FROM duckdb_views) SELECT * FROM duckdb_views", WITH),
    ("WITH sqlite_master AS (SELECT 1) SELECT 1", WITH),
    ("WITH \"{file}\" AS (SELECT 1) SELECT * FROM '{file}'", WITH),
    ("SHOW TABLES", SHOW),
    ("SHOW ALL TABLES", SHOW),
    ("SHOW DATABASES", SHOW),
    ("SELECT * FROM (SHOW TABLES)", SHOW),
    ("DESCRIBE duckdb_views", f"{SHOW}|{TABLE}"),
    ("SUMMARIZE '{file}'", f"{SHOW}|{TABLE}"),
    # Functions over files, settings, secrets, memory and text that is SQL.
    ("SELECT * FROM read_parquet('{file}')", FUNCTION),
    ("SELECT * FROM parquet_scan('{file}')", FUNCTION),
    ("SELECT * FROM parquet_kv_metadata('{file}')", FUNCTION),
    ("SELECT * FROM read_csv('{file}')", FUNCTION),
    ("SELECT * FROM read_text('{file}')", FUNCTION),
    ("SELECT * FROM read_blob('{file}')", FUNCTION),
    ("SELECT * FROM read_json('{file}')", FUNCTION),
    ("SELECT * FROM sniff_csv('{file}')", FUNCTION),
    ("SELECT * FROM glob('/*')", FUNCTION),
    ("SELECT * FROM events, LATERAL (SELECT * FROM read_text('{file}'))", FUNCTION),
    ("SELECT * FROM duckdb_secrets(redact = false)", FUNCTION),
    ("SELECT * FROM which_secret('s3://bucket', 's3')", FUNCTION),
    ("SELECT * FROM duckdb_settings()", FUNCTION),
    ("SELECT * FROM duckdb_views()", FUNCTION),
    ("SELECT * FROM duckdb_logs()", FUNCTION),
    ("SELECT * FROM pragma_database_list()", FUNCTION),
    ("SELECT * FROM pragma_storage_info('events')", FUNCTION),
    ("SELECT * FROM query('SELECT 1')", FUNCTION),
    ("SELECT * FROM query_table('events')", FUNCTION),
    ("SELECT * FROM json_execute_serialized_sql('{{}}')", FUNCTION),
    ("SELECT * FROM arrow_scan(1, 2, 3)", FUNCTION),
    ("SELECT * FROM pandas_scan(1)", FUNCTION),
    ("SELECT * FROM python_map_function(1)", FUNCTION),
    ("SELECT * FROM seq_scan('events')", FUNCTION),
    ("SELECT * FROM histogram(duckdb_views, sql)", FUNCTION),
    ("SELECT * FROM enable_logging()", FUNCTION),
    ("SELECT * FROM system.main.range(3)", "with its schema"),
    ("SELECT current_setting('s3_secret_access_key')", NAMED),
    ("SELECT getvariable('a')", NAMED),
    ("SELECT pg_get_viewdef(1)", NAMED),
    ("SELECT current_query()", NAMED),
    ("SELECT version()", NAMED),
    ("SELECT write_log('a')", NAMED),
    ("SELECT sleep_ms(1)", NAMED),
    ("SELECT list_transform([1], x -> current_setting('a'))", NAMED),
    ("SELECT 'threads'.current_setting()", NAMED),
    ("SELECT system.main.current_setting('threads')", "with its schema"),
    ("SELECT count(*) FILTER (current_setting('a') = '1') FROM events", NAMED),
    ("SELECT sum(1) OVER (PARTITION BY current_setting('a')) FROM events", NAMED),
    ("SELECT * REPLACE (current_setting('a') AS site_id) FROM events", NAMED),
    ("SELECT COLUMNS(x -> x = current_setting('a')) FROM events", NAMED),
    ("SELECT * FROM range((SELECT current_setting('threads')::INT))", NAMED),
]
"""Each with the sentence that refuses it; ``{file}`` is one outside of the store."""

ALLOWED = [
    "SELECT count(*) FROM events",
    "FROM visits",
    "SELECT * FROM EVENTS e JOIN visits v USING (site_id, date, visitor_id)",
    "WITH a AS (SELECT * FROM events), b AS (SELECT * FROM a) SELECT * FROM b",
    "WITH RECURSIVE a AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM a WHERE n < 3) SELECT * FROM a",
    "SELECT * FROM range(3), unnest([1, 2]), generate_series(1, 2)",
    "SELECT key FROM events, json_each(props)",
    "SELECT json_extract_string(props, '$.plan'), count(*) FROM events GROUP BY ALL ORDER BY ALL LIMIT 3",
    "SELECT sum(1) OVER (PARTITION BY date ORDER BY timestamp) FROM events QUALIFY row_number() OVER () < 3",
    "SELECT * FROM events PIVOT (count(*) FOR event_name IN ('pageview', 'signup') GROUP BY date)",
    "DESCRIBE events",
    "SUMMARIZE visits",
    "VALUES (1)",
    "SELECT date_trunc('month', date), approx_count_distinct(visitor_id) FROM events GROUP BY 1; -- as a comment",
    "SELECT regexp_extract(pathname, '/(.*)', 1) FROM events USING SAMPLE 10 ROWS",
]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("machine") / "canary.csv"
    file.write_text(f"a\n{CANARY}\n")
    return file


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Store]]:
    with moto_server() as address:
        found: dict[str, Store] = {
            "folder": LocalStore(tmp_path_factory.mktemp("store")),
            "bucket": Server(address).new_store(),
        }
        for store in found.values():
            for number, site_id in enumerate((OWN, FOREIGN), 1):
                row = event(number, site_id=site_id, date=DAY.isoformat(), pathname=f"/{site_id}", visitor_id=7)
                TableWriter(store).append(Partition(site_id, DAY), deliveries([row]))
        yield found


@pytest.fixture(params=["folder", "bucket"])
def access(request: pytest.FixtureRequest, stores: dict[str, Store]) -> Iterator[SqlAccess]:
    engine = DuckDBEngine(stores[request.param], lambda _: PENDING.empty_table(), memory_mb=256, threads=2)
    with closing(engine):
        yield SqlAccess(lambda: engine, SqlProcesses(SqlLimits(128, 2, 20), {}), lambda: NOW)


@pytest.fixture(scope="module")
def parser() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def refusal(parser: duckdb.DuckDBPyConnection, sql: str) -> str:
    """The sentence of the check; empty where the statement passes."""
    system = frozenset(name for (name,) in parser.execute(sql_worker.SYSTEM_NAMES).fetchall())
    (serialized,) = parser.execute("SELECT json_serialize_sql($sql::VARCHAR)", {"sql": sql}).fetchall()[0]
    try:
        check(serialized, system)
    except SqlRefused as refused:
        return str(refused)
    return ""


@pytest.mark.parametrize(("sql", "sentence"), ATTACKS)
def test_an_attack_is_refused_before_it_runs(
    sql: str, sentence: str, parser: duckdb.DuckDBPyConnection, file: Path
) -> None:
    refused = refusal(parser, sql.format(file=file))
    assert re.search(sentence, refused) or refused.startswith("The SQL cannot be read: "), refused
    assert refused != ""


@pytest.mark.parametrize("sql", ALLOWED)
def test_a_question_about_the_data_passes_the_check(sql: str, parser: duckdb.DuckDBPyConnection) -> None:
    assert refusal(parser, sql) == ""


def test_a_kind_of_table_that_is_not_known_is_refused() -> None:
    node = {"type": "SELECT_NODE", "select_list": [], "from_table": {"type": "COLUMN_DATA"}}
    with pytest.raises(SqlRefused, match="COLUMN_DATA"):
        check(json.dumps({"error": False, "statements": [{"node": node}]}), frozenset())


def test_every_function_of_duckdb_that_tells_of_more_than_its_arguments_is_refused(
    parser: duckdb.DuckDBPyConnection,
) -> None:
    """By their names, as DuckDB's catalogue says nothing of what they do: a later version's new ones show here."""
    found = parser.execute("SELECT DISTINCT function_name, function_type FROM duckdb_functions()").fetchall()
    tables = {name for name, kind in found if kind in ("table", "table_macro")}
    assert tables >= TABLE_FUNCTIONS
    telling = re.compile(
        "file|glob|read|write|secret|setting|env|log_|_log|dir|query|sql|duckdb|pragma|^pg_|sleep|schema|catalog|execute"
    )
    left = {
        name
        for name, kind in found
        if kind not in ("table", "table_macro", "pragma")
        and telling.search(name)
        and name not in REFUSED_FUNCTIONS
        and not name.startswith(REFUSED_PREFIXES)
    }
    # These read no file: they take a path apart.
    assert left == {"parse_dirname", "parse_dirpath", "parse_filename"}


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    """The DuckDB of a query as its process has it, without the check before it."""
    order: dict[str, Any] = {"memory_mb": 128, "threads": 1, "folder": str(tmp_path_factory.mktemp("own"))}
    return sql_worker._locked({**order, "statements": ["CREATE VIEW events AS SELECT 1 AS a"]})


REACHING = [
    "SELECT * FROM read_text('{file}')",
    "SELECT * FROM read_csv('{file}')",
    "SELECT * FROM '{file}'",
    "SELECT * FROM glob('{file}')",
    "COPY (SELECT 1) TO '{file}.out'",
    "ATTACH '{file}.db'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SELECT * FROM 'https://evil.example/a.parquet'",
    "SET enable_external_access = true",
    "SET allowed_directories = ['/']",
    "SET temp_directory = '/tmp'",
    "SET memory_limit = '100GB'",
    "SET python_enable_replacements = true",
    "RESET lock_configuration",
    "SELECT * FROM locked",
    "SELECT getenv('AWS_SECRET_ACCESS_KEY')",
    "EXPORT DATABASE '{file}'",
]


@pytest.mark.parametrize("sql", REACHING)
def test_duckdb_itself_reaches_nothing_even_without_the_check(
    sql: str, locked: duckdb.DuckDBPyConnection, file: Path
) -> None:
    with pytest.raises(duckdb.Error):
        locked.execute(sql.format(file=file)).fetchall()
    assert not list(file.parent.glob("canary.csv?*"))


def test_a_duckdb_without_locks_reads_the_canary(parser: duckdb.DuckDBPyConnection, file: Path) -> None:
    (found,) = parser.execute(f"SELECT content FROM read_text('{file}')").fetchall()
    assert CANARY in found[0]


def test_duckdb_of_a_query_has_no_secret_and_no_extension_of_the_network(locked: duckdb.DuckDBPyConnection) -> None:
    assert locked.execute("SELECT * FROM duckdb_secrets()").fetchall() == []
    # The extension brings its settings.
    names = [name for (name,) in locked.execute("SELECT name FROM duckdb_settings()").fetchall()]
    assert "memory_limit" in names
    assert not [name for name in names if name.startswith("s3_")]


def test_sql_sees_the_sites_of_the_caller_alone(access: SqlAccess) -> None:
    for view in ("events", "visits"):
        rows = access.answer(SqlQuery(f"SELECT DISTINCT site_id FROM {view}", (OWN,)))
        assert rows.to_pydict() == {"site_id": [OWN]}
    with pytest.raises(QueryError) as refused:
        access.answer(SqlQuery(f"SELECT * FROM '{FOREIGN}', events", (OWN,)))
    assert FOREIGN in str(refused.value)


def test_an_error_names_no_path_and_no_credential(access: SqlAccess) -> None:
    with pytest.raises(QueryError) as refused:
        access.answer(SqlQuery("SELECT CAST(pathname AS INTEGER) AS a FROM events", (OWN,)))
    sentence = str(refused.value)
    assert "Conversion Error" in sentence
    assert "/tmp" not in sentence
    assert "parquet" not in sentence
    assert not any(value in sentence for value in CREDENTIALS.values())


MEMORY = [
    "SELECT length(repeat('x', 3000000000)) AS a FROM events",
    "SELECT list_sum(range(400000000)) AS a FROM events",
    "SELECT count(*) FROM (SELECT DISTINCT range FROM range(100000000)) AS a",
]


@pytest.mark.parametrize("sql", MEMORY)
def test_a_query_beyond_the_memory_ends_alone(sql: str, stores: dict[str, Store]) -> None:
    engine = DuckDBEngine(stores["folder"], lambda _: PENDING.empty_table(), memory_mb=256, threads=1)
    with closing(engine):
        access = SqlAccess(lambda: engine, SqlProcesses(SqlLimits(128, 1, 20), {}), lambda: NOW)
        with pytest.raises(QueryTooLargeError, match="MALLARD_QUERY_MEMORY_MB"):
            access.answer(SqlQuery(sql, (OWN,)))


def test_the_process_of_a_query_can_write_no_file_and_ends_after_its_seconds(tmp_path: Path) -> None:
    """By the limits of the kernel, whatever DuckDB would do."""
    program = tmp_path / "program.py"
    file = tmp_path / "file"
    program.write_text(
        "import sys\n"
        "from mallard.engine.duckdb import sql_worker\n"
        "seconds = 1 - sql_worker.CPU_GRACE_SECONDS\n"
        "sql_worker._limit({'memory_mb': 128, 'threads': 1, 'seconds': seconds, 'max_bytes': 1})\n"
        f"try:\n    open({str(file)!r}, 'w').write('a'); sys.stdout.write('written')\n"
        "except OSError: pass\n"
        "while True: pass\n"
    )
    processes = SqlProcesses(SqlLimits(128, 1, 1), {})
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sql_worker, "__file__", str(program))
        with pytest.raises(QueryTooLongError):
            processes.run("SELECT 1", [], tmp_path)
    assert file.read_bytes() == b""
