"""One process: the three functions, the schedule and the dashboard, put together."""

import time
from datetime import UTC, date, datetime

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from mallard.api.app import create_app
from mallard.api.client_address import open_caller, open_trust
from mallard.api.metrics_token import metrics_token
from mallard.api.middleware.query_metrics import QueryMetrics
from mallard.api.routes.health_routes import health_routes
from mallard.api.routes.well_known import well_known_routes
from mallard.api.static_files import DOCS_PATH, SCRIPT_PATH, Dashboard, Scripts, docs_response, find_static
from mallard.auth.service import AuthService
from mallard.auth.setup import Setup, new_token
from mallard.bootstrap.maintenance import open_house
from mallard.bootstrap.place_lookup import open_geo
from mallard.bootstrap.queue import open_local_queue
from mallard.bootstrap.store import open_to_write
from mallard.bootstrap.table import open_table
from mallard.config import Settings
from mallard.drops.drop_note import DropNotes
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.engine.duckdb.pending_events import LocalPending
from mallard.flush.batching import Batching
from mallard.flush.schedule import Schedule
from mallard.health.query_counts import QueryCounts
from mallard.health.serve_source import ServeSource
from mallard.http.upstream import behind_proxies
from mallard.ingest.allowed_sites import AllowedSites
from mallard.ingest.enrich.cdn_headers import open_edge
from mallard.ingest.event_ids import EventIds
from mallard.ingest.http.asgi import PATHS as INGEST_PATHS
from mallard.ingest.http.asgi import IngestApp
from mallard.ingest.pipeline import IngestContext
from mallard.ingest.rate_limit import open_rate_limit
from mallard.maintenance.erasure import Erasure, request_erasure
from mallard.normalize.hashed_cache import forget_all
from mallard.privacy.redaction import Redaction
from mallard.privacy.rotation import agreed_rotation
from mallard.privacy.salts import Salts, ingest_key, shared_secret, visitor_key
from mallard.sites.settings_store import SiteSettingsStore
from mallard.table.reader import known_sites


class Embedded:
    """Everything of one ``mallard serve``; an ASGI application. Raises MallardError where a part cannot start."""

    def __init__(self, settings: Settings) -> None:
        self._dashboard_folder, self._tracker_folder = find_static()
        self._store = open_to_write(settings)
        self._queue = open_local_queue(settings)
        self._book = SiteSettingsStore(self._store, on_erasure=forget_all)
        self._pending = LocalPending(self._queue, lambda site_id: self._book.get(site_id).erased)
        self._engine = DuckDBEngine(
            self._store,
            self._pending.rows,
            memory_mb=settings.query_memory_mb,
            threads=settings.query_threads,
            cache_seconds=settings.cache_ttl,
            book=self._book,
            rounds_times=settings.rounds_times,
            strangers_apart=True,
        )
        table = open_table(
            self._store,
            seal_rows=settings.seal_rows,
            retention_days=settings.retention_days,
            single_writer=settings.single_writer,
        )
        self._table = table
        self._house = open_house(
            settings,
            self._store,
            engine=self._engine,
            book=self._book,
            erase_pending=self._queue.erase,
            after_erasure=self._forget_erased,
        )
        self._schedule = Schedule(
            self._queue,
            table,
            interval_seconds=settings.flush_interval,
            count=settings.flush_count,
            gathering=Batching(settings.flush_quiet),
            waiting_bytes=self._queue.live_bytes,
            keep_house=lambda now, may_go_on: self._house.keep(now, may_go_on=may_go_on),
        )
        sites = AllowedSites(settings.sites, self._sites(), settings.new_sites_per_hour)
        rotation = agreed_rotation(self._store, settings.visitor_rotation, datetime.now(UTC))
        secret = shared_secret(self._store, settings.secret)
        key = ingest_key(self._store, settings.ingest_key, settings.secret)
        salts = Salts(self._store, visitor_key(key), rotation)
        self._geo = open_geo(settings)
        door = IngestContext(
            sites,
            salts,
            EventIds(key),
            open_rate_limit(settings),
            settings.filter_bots,
            settings.honor_gpc,
            self._book,
            Redaction.of(settings),
            self._geo,
            open_edge(settings),
            DropNotes(),
            settings.count_local,
            settings.count_automation,
        )
        first_visit = Setup(settings.on_loopback, new_token())
        self._gate = AuthService(settings, self._store, secret, first_visit)
        self.ingest = IngestApp(
            door, self._queue, self._gate.keys, settings.trusted_proxies, on_accepted=self._schedule.accepted
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
        self._schedule.stop(time.monotonic() + self._shutdown_timeout)
        self._table.close()
        self._queue.close()
        self._engine.close()

    @property
    def first_token(self) -> str:
        """What the first visitor from elsewhere must know; empty where a password is set already, or none is asked."""
        gate = self._gate
        return "" if gate.guard.is_open or gate.passwords.mark() else gate.first_visit.token

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
            self._gate,
            open_caller(settings),
            query_seconds=settings.query_seconds,
            front=behind_proxies(open_trust(settings)),
        )

        scripts = Scripts(self._tracker_folder)

        async def script(request: Request) -> Response:
            return scripts.response(request)

        async def docs(request: Request) -> Response:  # noqa: ARG001
            return docs_response(self._dashboard_folder)

        app.include_router(health_routes(self._serving(settings), self._gate, metrics_token(settings.metrics_token)))
        app.add_middleware(QueryMetrics, counts=self._query_counts)
        app.router.routes += well_known_routes(settings.security_contact, lambda: datetime.now(UTC))
        app.add_route(SCRIPT_PATH, script, methods=["GET", "HEAD"])
        app.add_route(DOCS_PATH, docs, methods=["GET", "HEAD"])
        app.mount("/", Dashboard(directory=self._dashboard_folder, html=True))
        return app

    def _serving(self, settings: Settings) -> ServeSource:
        return ServeSource(
            settings,
            self._store,
            self._queue,
            self._schedule.history,
            self.ingest,
            self._query_counts,
            self._engine.cache,
            self._engine.damage,
            self._gate,
            self._geo,
        )
