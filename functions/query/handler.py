"""Lambda function of the query API."""

from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

from mangum import Mangum

from mallard.aws.cdn_check import refuse_past_cdn
from mallard.aws.parameter_store import read_parameter
from mallard.aws.query_function import answer_safely, open_query_app
from mallard.bootstrap.query_engine import open_query_engine
from mallard.bootstrap.store import open_store
from mallard.config import load_settings
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.store.base import Store

clock = partial(datetime.now, UTC)
settings = cache(partial(load_settings, read_parameter=read_parameter))
"""With the secrets, from the environment or the parameter store."""


@cache
def store() -> Store:
    """The bucket."""
    return open_store(settings())


@cache
def engine() -> DuckDBEngine:
    """The engine; messages in SQS cannot be read, so nothing is pending."""
    return open_query_engine(settings(), store())


@cache
def app() -> Mangum:
    """The application; a failure is not cached."""
    return Mangum(open_query_app(settings(), store=store, engine=engine, clock=clock), lifespan="off")


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """API Gateway (format 2.0) or Function URL."""
    return refuse_past_cdn(event, settings) or answer_safely(event, context, app)
