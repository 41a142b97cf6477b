"""Random events wherever they may lie, and the reports on behaviour over them."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from fastapi.testclient import TestClient

from mallard.api.app import create_app
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.event import ENGAGEMENT
from mallard.maintenance.rollup_builder import build_rollups
from mallard.store.local import LocalStore
from support.open_access import auth_off, one_address
from support.random_events import pending_rows, random_rows, store_rows, with_rounded_times
from support.reference import Row

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)

Case = tuple[TestClient, list[Row]]
"""Who answers, and the events that are no pings."""


def client_of(engine: DuckDBEngine) -> TestClient:
    erase: Any = None
    app = create_app(
        engine=lambda: engine, sites=list, clock=lambda: NOW, erase=erase, auth=auth_off(), address_of=one_address
    )
    return TestClient(app, raise_server_exceptions=False)


@contextmanager
def events_in(place: str, folder: Path) -> Iterator[Case]:
    """``place``: table, rolled up, queue, overlap (some are in both), spanning (ids outlive the day), rounded."""
    rows = random_rows(Random(place), 300, NOW)
    if place == "spanning":
        rows = [row | {"visitor_id": row["visitor_id"] and row["visitor_id"] % 100} for row in rows]
    if place == "rounded":
        rows = with_rounded_times(Random(place), rows, share=0.8)
    store = LocalStore(folder)
    stored = {"queue": [], "overlap": rows[:200]}.get(place, rows)
    store_rows(store, stored, seal_rows=20, spans_days=place == "spanning")
    waiting = {"queue": rows, "overlap": rows[100:]}.get(place, [])
    # A second thread costs a third more time over so few rows: one place has it.
    threads = 2 if place == "overlap" else 1
    with closing(DuckDBEngine(store, lambda _: pending_rows(waiting), memory_mb=256, threads=threads)) as engine:
        if place == "rolled up":
            assert build_rollups(store, engine, NOW).days == 5
        yield client_of(engine), [row for row in rows if row["event_name"] != ENGAGEMENT]
