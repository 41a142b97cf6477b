"""The API of ``mallard serve``, which FastAPI answers; imported with its first request."""

from collections.abc import Callable
from datetime import UTC, date, datetime

from mallard.api.app import create_app
from mallard.api.application import Application
from mallard.auth.service import AuthService
from mallard.bootstrap.client_addresses import open_request_address
from mallard.bootstrap.health import open_health_routes
from mallard.bootstrap.sql_queries import open_sql
from mallard.config import Settings
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.health.query_counts import QueryCounts
from mallard.health.serve_source import ServeSource
from mallard.http.upstream import UpstreamHeaders
from mallard.maintenance.erasure import Erasure


def open_api(
    settings: Settings,
    *,
    engine: Callable[[], DuckDBEngine],
    sites: Callable[[], list[str]],
    erase: Callable[[str, date, date], Erasure],
    auth: AuthService,
    front: UpstreamHeaders,
    query_counts: QueryCounts,
    source: ServeSource,
) -> Application:
    """The application over the parts of the process."""
    app = create_app(
        engine=engine,
        sites=sites,
        clock=lambda: datetime.now(UTC),
        erase=erase,
        auth=auth,
        address_of=open_request_address(settings),
        query_seconds=settings.query_seconds,
        front=front,
        query_counts=query_counts,
        sql=open_sql(settings, engine, lambda: datetime.now(UTC)) if settings.sql else None,
    )
    app.add_routes(open_health_routes(settings, source, auth))
    # Here, in a thread of its own: at the first request they would hold up the events of all sites.
    app.build_late_routes()
    return app
