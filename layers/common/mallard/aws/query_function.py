"""The query API behind API Gateway or a Function URL."""

import json
import logging
from collections.abc import Callable
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from mallard.api.app import create_app
from mallard.api.application import Application
from mallard.api.downloads import through_store
from mallard.api.error_responses import OUT_OF_REACH
from mallard.api.middleware.response_headers import REQUEST_ID, new_id
from mallard.api.routes.well_known import well_known_routes
from mallard.bootstrap.access import open_function_auth
from mallard.bootstrap.client_addresses import open_request_address
from mallard.bootstrap.health import open_aws_source, open_health_routes
from mallard.config import Settings
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.errors import MallardError
from mallard.http.header_policy import completed
from mallard.http.upstream import behind_gateway
from mallard.store.base import Store
from mallard.table.reader import known_sites

if TYPE_CHECKING:
    from mallard.engine.duckdb.sql_access import SqlAccess
    from mallard.maintenance.erasure import Erasure

Answer = dict[str, Any]

log = logging.getLogger("mallard.query")


def open_query_app(
    settings: Settings, *, store: Callable[[], Store], engine: Callable[[], DuckDBEngine], clock: Callable[[], datetime]
) -> Application:
    """The application of the query function. An erasure is queued for the next flushes."""

    def erase(site_id: str, first: date, last: date) -> "Erasure":
        # Imported here: no report needs it.
        from mallard.maintenance.erasure import queue_erasure

        return queue_erasure(store(), site_id, first, last, clock())

    auth = open_function_auth(settings, store())
    app = create_app(
        engine=engine,
        sites=lambda: known_sites(store()),
        clock=clock,
        erase=erase,
        auth=auth,
        address_of=open_request_address(settings),
        query_seconds=settings.query_seconds,
        deliver=through_store(store),
        front=behind_gateway(),
        sql=_open_sql(settings, engine, clock) if settings.sql else None,
    )
    app.add_routes(open_health_routes(settings, open_aws_source(settings, store(), auth), auth))
    app.router.routes += well_known_routes(settings.security_contact, clock)
    return app


def _open_sql(settings: Settings, engine: Callable[[], DuckDBEngine], clock: Callable[[], datetime]) -> "SqlAccess":
    # Imported here: most functions answer no SQL.
    from mallard.bootstrap.sql_queries import open_sql

    return open_sql(settings, engine, clock)


def answer_safely(event: Any, context: Any, open_app: Callable[[], Callable[[Any, Any], Answer]]) -> Answer:
    """The application's answer; 503 where it cannot be opened, which the next request tries again.

    The 503 has the headers and the id of every answer of the application.
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
