"""Measured usage of the functions over an emulated AWS, and its monthly cost at list prices."""

import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

from botocore.client import BaseClient

from bench.cost_model import Measured, Month, month
from support.functions import load
from support.moto import CREDENTIALS
from support.processes import Processes, free_port, listens
from support.rows import event

ROOT = Path(__file__).parent.parent
ROUNDS = 100
LOOKS = 20
PARTITIONS = 60
MESSAGES = 600
ERRAND_LISTS = 2
"""Of erasures and of salts, every ten minutes; the others that keeping house makes are hourly."""

VIEWS = (10_000, 100_000, 1_000_000, 10_000_000, 100_000_000)
SITES = (1, 10, 1_000)
PACES = (1, 2, 5, 15)
"""Of FlushMinutes."""
DOLLARS_FROM = 1_000_000
"""Views a month, from which on dollars per million say something."""


def run() -> list[str]:
    """Measurements, and dollars by views and sites."""
    measured = measure()
    tables = (
        measured_table(measured),
        dollars_table(measured),
        pace_table(measured),
        parts_table(measured, 1_000_000, 1),
    )
    return [line for table in tables for line in (*table, "")][:-1]


def measured_table(measured: Measured) -> list[str]:
    """The figures, by the names of ``Measured``."""
    return _table(
        ("measured", "figure"), [(f"`{name}`", f"{getattr(measured, name):.3g}") for name in Measured.__slots__]
    )


def dollars_table(measured: Measured) -> list[str]:
    """Dollars a month by front door, and per million views."""
    rows = []
    for views in VIEWS:
        for sites in SITES:
            http, url, cdn = (month(measured, views, sites, front=each).total for each in ("http", "url", "cloudfront"))
            each = [f"{total / views * 1e6:.2f}" if views >= DOLLARS_FROM else "" for total in (http, url)]
            rows.append((f"{views:,}", f"{sites:,}", f"{http:.2f}", each[0], f"{url:.2f}", each[1], f"{cdn:.2f}"))
    return _table(
        ("views a month", "sites", "HTTP API", "per million", "Function URL", "per million", "behind CloudFront"), rows
    )


def pace_table(measured: Measured) -> list[str]:
    """Cost of one site by FlushMinutes: for a million views, and without views."""
    rows = []
    for minutes in PACES:
        http, url = (month(measured, 1_000_000, 1, front=each, minutes=minutes).total for each in ("http", "url"))
        idle = month(measured, 0, 1, minutes=minutes).total
        rows.append((f"{minutes}", f"{http:.2f}", f"{url:.2f}", f"{idle:.2f}"))
    return _table(("FlushMinutes", "HTTP API", "Function URL", "without a view"), rows)


def parts_table(measured: Measured, views: float, sites: int) -> list[str]:
    """Parts of the cost of one month with an HTTP API."""
    found = month(measured, views, sites)
    return _table(("part", "dollars"), [(name, f"{getattr(found, name):.3f}") for name in Month.__slots__])


def measure() -> Measured:
    """Medians over warm invocations; the emulator is another process, so the processor time is the functions' own."""
    with ExitStack() as opened:
        smoke = load(ROOT / "localstack" / "smoke.py")
        opened.enter_context(patch.dict(os.environ, CREDENTIALS))
        resources = smoke._resources(opened.enter_context(_emulator()))
        opened.enter_context(patch.dict(os.environ, {**resources, "MALLARD_SITES": "*.example"}))
        calls = opened.enter_context(_counted())
        ingest, flush, query = (smoke._handler(name) for name in ("ingest", "flush", "query"))
        context = smoke.Context()

        flush.handle({}, context)
        lists = calls["ListObjectsV2"]
        idle = _median(lambda: flush.handle({}, context), ROUNDS)
        spread, heap = range(PARTITIONS), range(MESSAGES)
        for first in (0, 1_000):
            # The second time the tails are known, as they are mostly.
            wide, _ = _flush_of(flush, context, [(first + number, f"s{number}.example") for number in spread])
        deep, runs = _flush_of(flush, context, [(10_000 + number, "s0.example") for number in heap])
        # wide = idle + PARTITIONS (partition + message); deep = runs (idle + partition) + MESSAGES message
        a_message = max(0.0, deep - runs * idle - runs * (wide - idle) / PARTITIONS) / (MESSAGES - runs)

        view = smoke._request("POST", "/api/event", body=smoke._page_view())
        ingest_cpu = _median(lambda: ingest.handle(view, context), ROUNDS)
        overview = smoke._request("GET", "/api/stats/overview", "site_id=s0.example&period=30d")
        query.handle(overview, context)
        calls.clear()
        overview_cpu = _median(lambda: query.handle(overview, context), LOOKS)
    return Measured(
        ingest_cpu=ingest_cpu,
        idle_flush_cpu=idle,
        message_cpu=a_message,
        partition_cpu=max(0.0, (wide - idle) / PARTITIONS - a_message),
        overview_cpu=overview_cpu,
        overview_gets=calls["GetObject"] // LOOKS,
        overview_lists=calls["ListObjectsV2"] // LOOKS,
        errand_lists=ERRAND_LISTS,
        sweep_lists=lists - ERRAND_LISTS,
        bytes_of_an_event=20,
    )


def _flush_of(flush: ModuleType, context: Any, sent: Sequence[tuple[int, str]]) -> tuple[float, int]:
    """Milliseconds of processor time until these events are in the table, and in how many runs."""
    today = datetime.now(UTC)
    flush.parts()[0].send(
        [
            event(number, site_id=site, date=f"{today.date()}", accepted_ms=int(today.timestamp() * 1000)).to_message()
            for number, site in sent
        ]
    )
    began, written, runs = time.process_time(), 0, 0
    while written < len(sent):
        written += flush.handle({}, context)["written"]
        runs += 1
    return 1000 * (time.process_time() - began), runs


def _median(work: Callable[[], Any], rounds: int) -> float:
    """Milliseconds of processor time of all threads."""
    taken = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        taken.append(1000 * (time.process_time() - began))
    return statistics.median(taken)


@contextmanager
def _emulator() -> Iterator[str]:
    port = free_port()
    with tempfile.TemporaryDirectory() as folder, Processes(Path(folder)) as processes:
        server = Path(sys.executable).with_name("moto_server")
        processes.start("moto", [server, "-H", "127.0.0.1", "-p", str(port)])
        processes.wait_until(lambda: listens(port), "moto")
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _counted() -> Iterator[Counter[str]]:
    """Calls of the SDK by operation."""
    found: Counter[str] = Counter()
    real: Callable[..., Any] = BaseClient._make_api_call  # type: ignore[attr-defined]

    def counted(client: Any, operation: str, arguments: dict[str, Any]) -> Any:
        found[operation] += 1
        return real(client, operation, arguments)

    with patch.object(BaseClient, "_make_api_call", counted):
        yield found


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [names, ["---"] * len(names), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]
