"""The server stops counting when nobody waits or it takes too long, and stays well whatever is asked."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.types import Message, Receive, Send

from mallard.api.app import create_app
from mallard.api.middleware.query_timeout import QueryTimeout
from mallard.demo.traffic import generate
from mallard.engine.base import PENDING
from mallard.engine.cancellation import CURRENT
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.maintenance.erasure import Erasure
from mallard.store.local import LocalStore
from mallard.table.layout import Partition
from mallard.table.messages import as_deliveries
from mallard.table.writer import TableWriter
from support.open_access import auth_off, one_address

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
SITE = "a.example"


class Counting:
    """An application that counts for ever, in a thread as a report does; ``interrupted`` is set when it is stopped."""

    def __init__(self) -> None:
        self.interrupted = threading.Event()

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        stop = CURRENT.get()
        assert stop is not None

        def count() -> None:
            with stop.interrupting(self.interrupted.set):
                self.interrupted.wait(20)

        await asyncio.to_thread(count)
        await send({"type": "http.response.start", "status": 200, "headers": []})


def ask(app: Counting, seconds: float, messages: list[Message]) -> None:
    waiting = iter(messages)

    async def run() -> None:
        async def receive() -> Message:
            for message in waiting:
                return message
            await asyncio.Event().wait()
            raise AssertionError("unreachable")

        async def send(message: Message) -> None:
            del message

        await asyncio.wait_for(QueryTimeout(app, seconds)({"type": "http", "method": "GET"}, receive, send), 20)

    asyncio.run(run())


def test_query_is_interrupted_when_its_client_disconnects() -> None:
    app = Counting()
    ask(app, 60, [{"type": "http.request", "body": b""}, {"type": "http.disconnect"}])
    assert app.interrupted.is_set()


def test_a_query_is_interrupted_after_its_seconds() -> None:
    app = Counting()
    ask(app, 0.05, [{"type": "http.request", "body": b""}])
    assert app.interrupted.is_set()


@contextmanager
def client_of(folder: Path, *, seconds: float = 30) -> Iterator[TestClient]:
    engine = DuckDBEngine(LocalStore(folder), lambda _: PENDING.empty_table(), memory_mb=128, threads=1)

    def erase(*_: object) -> Erasure:
        raise AssertionError("nobody asked for an erasure")

    app = create_app(
        engine=lambda: engine,
        sites=lambda: [SITE],
        clock=lambda: NOW,
        erase=erase,
        auth=auth_off(),
        address_of=one_address,
        query_seconds=seconds,
    )
    yield TestClient(app, raise_server_exceptions=False)
    engine.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    table = TableWriter(LocalStore(folder))
    for day, rows in generate(SITE, events=30_000, days=3, random_seed=1, end=NOW):
        table.append(Partition(SITE, day), as_deliveries(rows))
    return folder


def test_slow_query_is_504_and_the_next_is_answered(folder: Path) -> None:
    slow = json.dumps(
        [["matches", "visit:source", ["(a|b|ab)*c" * 9]], ["has_done", ["matches", "event:page", [".*"]]]]
    )
    with client_of(folder, seconds=0) as client:
        answer = client.get("/api/stats/overview", params={"site_id": SITE, "filters": slow})
        assert answer.status_code == 504
        assert "MALLARD_QUERY_SECONDS" in answer.json()["error"]
    with client_of(folder) as client:
        assert client.get("/api/stats/overview", params={"site_id": SITE}).json()["main"]["events"] > 0


@pytest.mark.parametrize(
    "filters",
    [
        [["matches", "event:page", ["((((a{1,1000}){1,1000}){1,1000}){1,1000})"]]],
        [["matches", "event:page", ["(" * 400]]],
        [["matches", "event:page", ["\\1(a)"]]],
        [["is", "event:page", ["x"]]] * 100,
        [["is", "event:page", [str(number) for number in range(600)]]],
    ],
    ids=["repeats", "brackets", "backreference", "conditions", "values"],
)
def test_a_hostile_filter_is_400_with_a_sentence(folder: Path, filters: list[Any]) -> None:
    with client_of(folder) as client:
        answer = client.get("/api/stats/main", params={"site_id": SITE, "filters": json.dumps(filters)})
        assert (answer.status_code, bool(answer.json()["error"])) == (400, True)


def test_backtracking_regular_expression_is_answered(folder: Path) -> None:
    filters = json.dumps([["matches", "event:page", ["^(([a-z/])+.)+[A-Z]([a-z])+$"]]])
    with client_of(folder) as client:
        answer = client.get("/api/stats/main", params={"site_id": SITE, "filters": filters})
        assert (answer.status_code, answer.json()["events"]) == (200, 0)


def test_time_series_covers_twenty_years_and_totals_cover_a_hundred(folder: Path) -> None:
    century = {"site_id": SITE, "start_date": "1970-01-01", "end_date": "2069-12-31"}
    with client_of(folder) as client:
        series = client.get("/api/stats/timeseries", params={**century, "start_date": "2050-01-01"}).json()
        assert len(series) == 7304
        for report in ("timeseries", "overview"):
            answer = client.get(f"/api/stats/{report}", params=century)
            assert answer.status_code == 400
            assert answer.json() == {"error": "The range has 36524 days, but a series may have 7320; ask for fewer."}
        assert client.get("/api/stats/main", params=century).json()["events"] > 0


def test_unchanged_overview_is_304(folder: Path) -> None:
    with client_of(folder) as client:
        first = client.get("/api/stats/overview", params={"site_id": SITE})
        again = client.get(
            "/api/stats/overview", params={"site_id": SITE}, headers={"if-none-match": first.headers["etag"]}
        )
        assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
        assert again.headers["etag"] == first.headers["etag"]
        other = client.get(
            "/api/stats/overview",
            params={"site_id": SITE, "period": "today"},
            headers={"if-none-match": first.headers["etag"]},
        )
        assert other.status_code == 200
