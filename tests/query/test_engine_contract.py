"""Every engine has the contract that reports rely on."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.maintenance.rollup_builder import build_rollups
from mallard.store.base import Store
from mallard.store.local import LocalStore
from support.engine_contract import NOW, STORED, WAITING, EngineContract, Lying, contract_rows
from support.moto import moto_server
from support.random_events import SITE, pending_rows, store_rows
from support.s3 import Server


@contextmanager
def duckdb_over(store: Store, *, rolled_up: bool) -> Iterator[Lying]:
    rows = contract_rows()
    store_rows(store, rows[:STORED], seal_rows=20)
    waiting = pending_rows(rows[WAITING:])
    engine = DuckDBEngine(
        store, lambda site: waiting if site == SITE else waiting.slice(0, 0), memory_mb=256, threads=1
    )
    with closing(engine):
        if rolled_up:
            assert build_rollups(store, engine, NOW).days == 5
        yield Lying(engine, rows)


@pytest.mark.parametrize("rolled_up", [False, True])
class TestDuckDBOverAFolder(EngineContract):
    @pytest.fixture
    def lying(self, tmp_path: Path, rolled_up: bool) -> Iterator[Lying]:
        with duckdb_over(LocalStore(tmp_path), rolled_up=rolled_up) as lying:
            yield lying


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with moto_server() as address:
        yield Server(address)


@pytest.mark.heavy
class TestDuckDBOverABucket(EngineContract):
    @pytest.fixture
    def lying(self, server: Server) -> Iterator[Lying]:
        with duckdb_over(server.new_store(), rolled_up=True) as lying:
            yield lying
