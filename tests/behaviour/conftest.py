"""A client of a table without events."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from fastapi.testclient import TestClient

from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.store.local import LocalStore
from support.behaviour_case import client_of
from support.random_events import pending_rows


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """One for all tests of a file."""
    store = LocalStore(tmp_path_factory.mktemp("empty"))
    with closing(DuckDBEngine(store, lambda _: pending_rows([]), memory_mb=128, threads=1)) as engine:
        yield client_of(engine)
