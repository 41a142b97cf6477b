"""The query API behind API Gateway or a Function URL: what it needs is opened at the first request."""

import json
import logging
from collections.abc import Callable
from typing import Any

from mallard.api.app import OUT_OF_REACH
from mallard.api.middleware.response_headers import REQUEST_ID, new_id
from mallard.auth.service import AuthService
from mallard.auth.setup import Setup
from mallard.config import Settings
from mallard.engine.duckdb.engine import PENDING, DuckDBEngine
from mallard.errors import MallardError
from mallard.http.header_policy import completed
from mallard.http.upstream import behind_gateway
from mallard.privacy.salts import shared_secret
from mallard.store.base import Store

Answer = dict[str, Any]

log = logging.getLogger("mallard.query")


def open_engine(settings: Settings, store: Store) -> DuckDBEngine:
    """One DuckDB for all requests of a warm function; what waits in SQS cannot be looked at, so nothing is pending."""
    nothing = PENDING.empty_table()
    return DuckDBEngine(
        store,
        lambda _: nothing,
        memory_mb=settings.query_memory_mb,
        threads=settings.query_threads,
        cache_seconds=settings.cache_ttl,
        rounds_times=settings.rounds_times,
    )


def open_gate(settings: Settings, store: Store) -> AuthService:
    """Who gets in. There is no first visit: nobody sits at this machine, and nobody would read its token."""
    return AuthService(settings, store, shared_secret(store, settings.secret), Setup(False, ""))


def answer_safely(event: Any, context: Any, open_app: Callable[[], Callable[[Any, Any], Answer]]) -> Answer:
    """The application's answer; 503 where it cannot be opened, and it is tried again at the next request.

    It has the headers and the id that every answer of the application has.
    """
    try:
        app = open_app()
    except MallardError as error:
        request_id = behind_gateway().given_id({"aws.event": event}) or new_id()
        log.error("not ready (request %s): %s", request_id, error)
        body = json.dumps({"error": OUT_OF_REACH, "request_id": request_id})
        headers = {"content-type": "application/json", "retry-after": "60", REQUEST_ID: request_id}
        headers |= completed(headers, is_tls=True)
        return {"statusCode": 503, "headers": headers, "body": body, "isBase64Encoded": False}
    return app(event, context)
