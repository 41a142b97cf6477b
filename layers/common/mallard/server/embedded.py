"""All of Mallard Metrics in one process: ingest, flush, API and dashboard."""

import time
from datetime import UTC, date, datetime
from pathlib import Path

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from mallard.api.app import create_app
from mallard.api.routes.well_known import well_known_routes
from mallard.api.static_files import DOCS_PATH, SCRIPT_PATH, Dashboard, Scripts, docs_response, find_static
from mallard.bootstrap.access import open_server_auth
from mallard.bootstrap.client_addresses import open_request_address, open_upstream_check
from mallard.bootstrap.health import open_health_routes
from mallard.bootstrap.ingest import ingest_context
from mallard.bootstrap.maintenance import open_maintenance_jobs
from mallard.bootstrap.place_lookup import open_geo
from mallard.bootstrap.query_engine import open_query_engine
from mallard.bootstrap.queue import open_local_queue
from mallard.bootstrap.store import open_to_write
from mallard.bootstrap.table import open_table
from mallard.config import Settings
from mallard.engine.duckdb.pending_events import LocalPending
from mallard.flush.batching import Batching
from mallard.flush.schedule import Schedule
from mallard.health.query_counts import QueryCounts
from mallard.health.serve_source import ServeSource
from mallard.http.upstream import behind_proxies
from mallard.ingest.allowed_sites import AllowedSites
from mallard.ingest.http.asgi import PATHS as INGEST_PATHS
from mallard.ingest.http.asgi import IngestApp
from mallard.maintenance.erasure import Erasure, request_erasure
from mallard.normalize.hashed_cache import forget_all
from mallard.privacy.rotation import agreed_rotation
from mallard.sites.settings_store import SiteSettingsStore
from mallard.table.reader import known_sites


class Embedded:
    """Everything of one ``mallard serve``; an ASGI application. Raises MallardError where a part cannot start."""

    def __init__(self, settings: Settings) -> None:
        self._dashboard_folder, self._tracker_folder = find_static()
        self._store = open_to_write(settings)
        self._queue = open_local_queue(settings)
        self._site_settings = SiteSettingsStore(self._store, on_erasure=forget_all)
        self._pending = LocalPending(self._queue, lambda site_id: self._site_settings.get(site_id).erased)
        self._engine = open_query_engine(
            settings,
            self._store,
            pending=self._pending.rows,
            site_settings=self._site_settings,
            isolate_anonymous=True,
        )
        table = open_table(
            self._store,
            seal_rows=settings.seal_rows,
            retention_days=settings.retention_days,
            single_writer=settings.single_writer,
        )
        self._table = table
        self._house = open_maintenance_jobs(
            settings,
            self._store,
            engine=self._engine,
            site_settings=self._site_settings,
            erase_pending=self._queue.erase,
            after_erasure=self._forget_erased,
        )
        self._schedule = Schedule(
            self._queue,
            table,
            interval_seconds=settings.flush_interval,
            count=settings.flush_count,
            batching=Batching(settings.flush_quiet),
            waiting_bytes=self._queue.live_bytes,
            run_jobs=lambda now, may_go_on: self._house.keep(now, may_go_on=may_go_on),
        )
        self._geo = open_geo(settings)
        context = ingest_context(
            settings,
            store=self._store,
            rotation=agreed_rotation(self._store, settings.visitor_rotation, datetime.now(UTC)),
            sites=AllowedSites(settings.sites, self._sites(), settings.new_sites_per_hour),
            site_settings=self._site_settings,
            geoip=self._geo,
        )
        self._auth = open_server_auth(settings, self._store)
        self.ingest = IngestApp(
            context, self._queue, self._auth.keys, settings.trusted_proxies, on_accepted=self._schedule.accepted
        )
        self._query_counts = QueryCounts()
        self._shutdown_timeout = settings.shutdown_timeout
        self._rest: ASGIApp = self._make_rest(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ingest goes its own short way; all the rest is FastAPI."""
        if scope["type"] == "http" and scope["path"] in INGEST_PATHS:
            await self.ingest(scope, receive, send)  # type: ignore[arg-type]
        else:
            await self._rest(scope, receive, send)

    def start(self) -> None:
        """Begin the schedule."""
        self._schedule.start()

    def stop(self) -> None:
        """Flush what is pending and close, within MALLARD_SHUTDOWN_TIMEOUT; what is not flushed stays queued."""
        self._house.stop()
        self._schedule.stop(time.monotonic() + self._shutdown_timeout)
        self._table.close()
        self._queue.close()
        self._engine.close()

    @property
    def first_token(self) -> str:
        """The token of the first setup from elsewhere; empty where a password is set, or none is required."""
        auth = self._auth
        return "" if auth.authenticator.is_open or auth.passwords.mark() else auth.setup.token

    def _sites(self) -> list[str]:
        return sorted({*known_sites(self._store), *self._pending.sites()})

    def _erase(self, site_id: str, first: date, last: date) -> Erasure:
        key = request_erasure(self._store, site_id, first, last, datetime.now(UTC))
        return self._house.erase(key)

    def _forget_erased(self) -> None:
        self._table.forget()
        self._engine.forget()
        forget_all()

    def _make_rest(self, settings: Settings) -> FastAPI:
        app = create_app(
            lambda: self._engine,
            self._sites,
            lambda: datetime.now(UTC),
            self._erase,
            self._auth,
            open_request_address(settings),
            query_seconds=settings.query_seconds,
            front=behind_proxies(open_upstream_check(settings)),
            query_counts=self._query_counts,
        )

        scripts = Scripts(self._tracker_folder)

        async def script(request: Request) -> Response:
            return scripts.response(request)

        async def docs(request: Request) -> Response:  # noqa: ARG001
            return docs_response(self._dashboard_folder)

        app.include_router(open_health_routes(settings, self._health_source(settings), self._auth))
        app.router.routes += well_known_routes(settings.security_contact, lambda: datetime.now(UTC))
        app.add_route(SCRIPT_PATH, script, methods=["GET", "HEAD"])
        app.add_route(DOCS_PATH, docs, methods=["GET", "HEAD"])
        app.mount("/", Dashboard(directory=self._dashboard_folder, html=True))
        return app

    def _health_source(self, settings: Settings) -> ServeSource:
        return ServeSource(
            store=self._store,
            queue=self._queue,
            flushes=self._schedule.history,
            ingest=self.ingest,
            query_counts=self._query_counts,
            cache=self._engine.cache,
            damage=self._engine.damage,
            auth=self._auth,
            geo=self._geo,
            data_dir=Path(settings.data_dir),
            filter_bots=settings.filter_bots,
        )
