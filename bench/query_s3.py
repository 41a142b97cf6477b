"""Requests and time of the overview over an S3 server, with and without added latency."""

from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import TypeVar

from bench.clock import timed
from bench.panels import Panels, check_equal, of_overview
from bench.query_data import AFTER, fill, open_engine, roll_up, scope
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.reports.standard_reports import Scope, Stats
from mallard.stats.filters import parse_filters
from mallard.store.s3 import connect
from support.ministack import ministack
from support.moto import REGION
from support.proxy import Proxy, proxy
from support.s3 import Server

EVENTS = 1_000_000
DAYS = 30
LATENCY_SECONDS = 0.025
LIMIT = 40
OF_ONE_COUNTRY = '[["is", "visit:country", ["US"]]]'

T = TypeVar("T")


def run(events: int = EVENTS) -> list[str]:
    """The rows of a Markdown table."""
    with ministack() as address, proxy(address) as between:
        bucket = Server(address).new_bucket()
        store = connect(f"s3://{bucket}", endpoint=address, region=REGION)
        fill(store, events, DAYS)
        from_events = _looks("from events", between, bucket)
        roll_up(store, AFTER)
        from_rollups = _looks(f"from rollups (limit: {LIMIT} requests)", between, bucket)
        from_visits = _looks(f"of one country, from visits (limit: {LIMIT} requests)", between, bucket, OF_ONE_COUNTRY)
    return [
        f"{events:,} events over {DAYS} days in a bucket of ministack, behind a proxy that counts requests and may",
        f"delay each by {1000 * LATENCY_SECONDS:.0f} ms. *Cold*: a new client and engine; *warm*: repeated.",
        "",
        "| overview over S3 | requests | s | s with delay |",
        "| --- | --- | --- | --- |",
        *from_events,
        *from_rollups,
        *from_visits,
    ]


def _looks(what: str, between: Proxy, bucket: str, filters: str | None = None) -> list[str]:
    """A row for cold and one for warm."""
    look = partial(_look, scope(DAYS, parse_filters(filters)))
    quick, panels = _cold_and_warm(between, bucket, 0, look)
    slow, others = _cold_and_warm(between, bucket, LATENCY_SECONDS, look)
    for other in (*panels[1:], *others):
        check_equal(panels[0], other, "another look")
    return [
        f"| {name}, {what} | {requests} | {seconds:.2f} | {slow_seconds:.2f} |"
        for name, (requests, seconds), (_, slow_seconds) in zip(("cold", "warm"), quick, slow, strict=True)
    ]


def _cold_and_warm(
    between: Proxy, bucket: str, latency_seconds: float, look: Callable[[DuckDBEngine], Panels]
) -> tuple[list[tuple[int, float]], list[Panels]]:
    """Requests and seconds of both looks, and what they saw."""
    between.latency_seconds = latency_seconds
    opened, cold = _counted(between, lambda: _open(between, bucket, look))
    with closing(opened[0]) as engine:
        panels, warm = _counted(between, lambda: look(engine))
    return [cold, warm], [opened[1], panels]


def _open(between: Proxy, bucket: str, look: Callable[[DuckDBEngine], Panels]) -> tuple[DuckDBEngine, Panels]:
    engine = open_engine(connect(f"s3://{bucket}", endpoint=between.address, region=REGION))
    return engine, look(engine)


def _look(asked: Scope, engine: DuckDBEngine) -> Panels:
    return of_overview(Stats(engine, AFTER).overview(asked))


def _counted(between: Proxy, work: Callable[[], T]) -> tuple[T, tuple[int, float]]:
    before = between.counts.total()
    spent, found = timed(work)
    return found, (between.counts.total() - before, spent.wall)
