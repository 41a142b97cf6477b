"""Queries of strangers: a DuckDB of their own, one thread of low priority, and the same answers."""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from contextvars import copy_context
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import duckdb
import pytest

from mallard.auth.authenticator import CREDENTIALS, Authenticator
from mallard.engine.cancellation import CURRENT, IS_ANONYMOUS, Cancellation
from mallard.engine.duckdb.cursors import LowPriority, LowPriorityCursor
from mallard.engine.duckdb.database import Database
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.engine.duckdb.result_cache import ResultCache
from mallard.errors import QueryStoppedError, QueryTooLongError
from mallard.reports.preset_counts import count_presets
from mallard.stats.date_range import read_period
from mallard.stats.filters import parse_filters
from mallard.stats.query import Query
from mallard.store.local import LocalStore
from mallard.thread_priority import NICENESS
from support.random_events import SITE, pending_rows, random_rows, store_rows

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
SETTINGS = "SELECT current_setting('threads'), current_setting('memory_limit')"
FOREVER = "SELECT count(*) FROM range(100000000000) AS a (x) WHERE x % 7 = 8"


@contextmanager
def as_anonymous() -> Iterator[None]:
    token = IS_ANONYMOUS.set(True)
    try:
        yield
    finally:
        IS_ANONYMOUS.reset(token)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database(LocalStore(tmp_path), memory_mb=2048, threads=2, isolate_anonymous=True)) as made:
        yield made


def settings_of(database: Database) -> tuple[int, str]:
    with database.turn() as cursor:
        threads, memory = cursor.execute(SETTINGS).fetchall()[0]
    return threads, memory


def test_anonymous_database_has_one_thread_and_separate_memory(database: Database) -> None:
    of_owner = settings_of(database)
    with as_anonymous():
        assert settings_of(database) == (1, "488.2 MiB")
    assert settings_of(database) == of_owner == (2, "1.9 GiB")


def test_anonymous_database_has_a_minimum_memory(tmp_path: Path) -> None:
    with (
        closing(Database(LocalStore(tmp_path), memory_mb=256, threads=2, isolate_anonymous=True)) as database,
        as_anonymous(),
    ):
        assert settings_of(database) == (1, "122.0 MiB")


def test_anonymous_queries_share_the_database_when_not_separated(tmp_path: Path) -> None:
    with closing(Database(LocalStore(tmp_path), memory_mb=256, threads=2)) as database:
        of_owner = settings_of(database)
        with as_anonymous():
            assert settings_of(database) == of_owner


def test_owner_has_both_turns_during_an_anonymous_query(database: Database) -> None:
    with as_anonymous(), database.turn():
        IS_ANONYMOUS.set(False)
        with database.turn(), database.turn():
            pass


def test_anonymous_statement_runs_in_a_low_priority_thread(database: Database) -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    with as_anonymous(), database.cursor() as cursor:
        assert isinstance(cursor, LowPriorityCursor)
        cursor._cursor.create_function("niceness", niceness, [], "INTEGER")
        assert cursor.execute("SELECT niceness()").fetchall() == [(NICENESS,)]
    with database.turn() as cursor:
        assert not isinstance(cursor, LowPriorityCursor)


def test_low_priority_hands_on_results_and_errors() -> None:
    with closing(LowPriority()) as low:
        assert low.run(lambda: 7) == 7
        with pytest.raises(ZeroDivisionError):
            low.run(lambda: 1 // 0)


def test_stop_interrupts_an_anonymous_statement(database: Database) -> None:
    stop, began = Cancellation(), threading.Event()

    def count() -> None:
        CURRENT.set(stop)
        with database.turn() as cursor:
            began.set()
            cursor.execute(FOREVER).fetchall()

    with as_anonymous(), ThreadPoolExecutor(1) as pool:
        running = pool.submit(copy_context().run, count)
        assert began.wait(20)
        stop.stop(QueryTooLongError)
        with pytest.raises(duckdb.InterruptException):
            running.result(20)
        with pytest.raises(QueryStoppedError), database.turn():
            stop.check()


def test_close_ends_an_anonymous_statement(tmp_path: Path) -> None:
    database = Database(LocalStore(tmp_path), memory_mb=256, threads=1, isolate_anonymous=True)
    began = threading.Event()

    def count() -> None:
        with database.cursor() as cursor:
            cursor.execute("SELECT 1")
            began.set()
            cursor.execute(FOREVER).fetchall()

    with as_anonymous(), ThreadPoolExecutor(1) as pool:
        running = pool.submit(copy_context().run, count)
        assert began.wait(20)
        while not running.done():
            database.close()
            threading.Event().wait(0.05)
        assert isinstance(running.exception(), (duckdb.Error, RuntimeError))


def test_anonymous_database_reads_no_file_outside_the_store(database: Database) -> None:
    with as_anonymous(), database.cursor() as cursor:
        for statement in ("SELECT * FROM read_text('/etc/hostname')", "SET threads = 2"):
            with pytest.raises(duckdb.Error):
                cursor.execute(statement).fetchall()


def test_spill_folder_is_recreated_and_deleted_with_the_database(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    with closing(Database(store, memory_mb=256, threads=1, isolate_anonymous=True)) as database, as_anonymous():
        for _ in range(2):
            with database.cursor():
                (folder,) = store.scratch.glob("anonymous-*")
            assert folder.stat().st_mode & 0o777 == 0o700
            # As a store's sweep may.
            folder.rmdir()
        with database.cursor():
            pass
    assert not list(store.scratch.glob("anonymous-*"))


def test_results_are_the_same_for_owner_and_anonymous_queries(tmp_path: Path) -> None:
    store, rows = LocalStore(tmp_path), random_rows(Random("strangers"), 300, NOW)
    store_rows(store, rows[:200], seal_rows=20)
    filters = parse_filters('[["is_not", "event:page", ["/nowhere"]]]')
    period = read_period("30d", None, None, NOW)
    queries = [Query(SITE, period, ("visitors", "pageviews"), name, filters) for name in ("pages", "sources")]
    waiting = pending_rows(rows[200:])
    with closing(DuckDBEngine(store, lambda _: waiting, memory_mb=256, threads=2, isolate_anonymous=True)) as engine:
        of_owner = count_presets(engine, queries)
        taken: list[int] = []
        with as_anonymous():
            assert count_presets(engine, queries) == of_owner
            assert list(engine.rows(queries[0], lambda batch: taken.append(batch.num_rows)))
    assert all(of_owner.rows)
    assert sum(taken) > 0


def test_owner_query_does_not_wait_for_an_anonymous_computation() -> None:
    cache = ResultCache(60)

    def as_owner() -> str:
        token = IS_ANONYMOUS.set(False)
        try:
            return cache.get("question", lambda: "owner's", len)
        finally:
            IS_ANONYMOUS.reset(token)

    with as_anonymous():
        assert cache.get("question", lambda: f"beside the {as_owner()}", len) == "beside the owner's"
        assert cache.get("question", lambda: "again", len) == "beside the owner's"


@pytest.mark.parametrize("name", sorted(CREDENTIALS))
def test_request_with_any_credential_is_not_anonymous(name: bytes) -> None:
    authenticator = Authenticator.__new__(Authenticator)
    authenticator.is_open = False
    assert authenticator.lacks_credentials([b"host", b"x-forwarded-for"])
    assert not authenticator.lacks_credentials([b"host", name])
    authenticator.is_open = True
    assert not authenticator.lacks_credentials([b"host"])
