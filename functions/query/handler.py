"""Lambda: the query API."""

from datetime import UTC, date, datetime
from functools import cache, partial
from typing import Any

from mangum import Mangum

from mallard.api.app import create_app
from mallard.api.client_address import open_caller
from mallard.api.downloads import through_store
from mallard.api.routes.well_known import well_known_routes
from mallard.aws.parameter_store import read_parameter
from mallard.aws.query_function import answer_safely, open_engine, open_gate
from mallard.bootstrap.health import routes_of_functions
from mallard.bootstrap.store import open_store
from mallard.config import load_settings
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.http.upstream import behind_gateway
from mallard.ingest.enrich.cdn_headers import refused_past_edge
from mallard.maintenance.erasure import Erasure, queue_erasure
from mallard.store.base import Store
from mallard.table.reader import known_sites

clock = partial(datetime.now, UTC)
settings = cache(partial(load_settings, read_parameter=read_parameter))
"""With the secrets, wherever they stand."""


@cache
def store() -> Store:
    """The bucket."""
    return open_store(settings())


@cache
def engine() -> DuckDBEngine:
    """What counts."""
    return open_engine(settings(), store())


def erase(site_id: str, first: date, last: date) -> Erasure:
    """The request that the next flushes carry out."""
    return queue_erasure(store(), site_id, first, last, clock())


@cache
def app() -> Mangum:
    """The application; a failure is not kept."""
    gate, sites, address_of = open_gate(settings(), store()), lambda: known_sites(store()), open_caller(settings())
    more: dict[str, Any] = {"query_seconds": settings().query_seconds, "deliver": through_store(store)}
    api = create_app(engine, sites, clock, erase, gate, address_of, front=behind_gateway(), **more)
    api.include_router(routes_of_functions(settings(), store(), gate))
    api.router.routes += well_known_routes(settings().security_contact, clock)
    return Mangum(api, lifespan="off")


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """API Gateway (format 2.0) or Function URL."""
    return refused_past_edge(event, settings) or answer_safely(event, context, app)
