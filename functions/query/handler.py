"""Lambda: the query API."""

from datetime import UTC, date, datetime
from functools import cache, partial
from typing import Any

from mangum import Mangum

from mallard.config import load_settings
from mallard.keeping.erase import Erasure, queue_erasure
from mallard.query.api import create_app
from mallard.query.downloads import through_store
from mallard.query.engine import PENDING, Engine
from mallard.store.base import Store
from mallard.store.open import open_store
from mallard.table.read import known_sites

clock = partial(datetime.now, UTC)


@cache
def store() -> Store:
    """The bucket."""
    return open_store(load_settings())


@cache
def engine() -> Engine:
    """One DuckDB for all requests of a warm function; what waits in SQS cannot be looked at, so nothing is pending."""
    settings = load_settings()
    nothing = PENDING.empty_table()
    return Engine(
        store(),
        lambda _: nothing,
        memory_mb=settings.query_memory_mb,
        threads=settings.query_threads,
        cache_seconds=settings.cache_ttl,
    )


def erase(site_id: str, first: date, last: date) -> Erasure:
    """The request that the next flushes carry out."""
    return queue_erasure(store(), site_id, first, last, clock())


@cache
def app() -> Mangum:
    """The application behind API Gateway."""
    settings = load_settings()
    is_open, seconds, deliver = settings.auth == "off", settings.query_seconds, through_store(store)
    api = create_app(
        engine, lambda: known_sites(store()), clock, erase, is_open=is_open, query_seconds=seconds, deliver=deliver
    )
    return Mangum(api, lifespan="off")


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """API Gateway (format 2.0) or Function URL."""
    answer: dict[str, Any] = app()(event, context)
    return answer
