"""All of Mallard Metrics in one process: ingest, flush, API and dashboard."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.routing import BaseRoute
from starlette.types import Receive, Scope, Send

from mallard.api.outer_middleware import outer_middleware
from mallard.api.static_files import find_static
from mallard.api.web_pages import is_api, open_pages
from mallard.bootstrap.access import open_server_auth
from mallard.bootstrap.client_addresses import open_upstream_check
from mallard.bootstrap.ingest import ingest_context
from mallard.bootstrap.place_lookup import open_geo
from mallard.bootstrap.queue import open_local_queue
from mallard.bootstrap.store import open_to_write
from mallard.config import Settings
from mallard.engine.duckdb.result_cache import ResultCache
from mallard.flush.batching import Batching
from mallard.flush.schedule import Schedule
from mallard.health.query_counts import QueryCounts
from mallard.health.serve_source import ServeSource
from mallard.http.upstream import behind_proxies
from mallard.ingest.allowed_sites import AllowedSites
from mallard.ingest.http.asgi import PATHS as INGEST_PATHS
from mallard.ingest.http.asgi import IngestApp
from mallard.late_part import LatePart
from mallard.normalize.hashed_cache import forget_all
from mallard.privacy.rotation import agreed_rotation
from mallard.server.late_api import LateApi
from mallard.sites.settings_store import SiteSettingsStore
from mallard.table.reader import known_sites

if TYPE_CHECKING:
    from mallard.api.application import Application
    from mallard.engine.duckdb.engine import DuckDBEngine
    from mallard.engine.duckdb.pending_events import LocalPending
    from mallard.maintenance.erasure import Erasure
    from mallard.maintenance.jobs import MaintenanceJobs
    from mallard.table.writer import TableWriter


class Embedded:
    """Everything of one ``mallard serve``; an ASGI application. Raises MallardError where a part cannot start.

    The parts over FastAPI, pyarrow and DuckDB are built when they are needed: the API with its first request, the
    writer of the table with the first event, the jobs at their first run, the engine with the first query or rollup.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        dashboard_folder, tracker_folder = find_static()
        self._store = open_to_write(settings)
        self._queue = open_local_queue(settings)
        self._site_settings = SiteSettingsStore(self._store, on_erasure=forget_all)
        self._pending = LatePart(self._open_pending)
        self._engine = LatePart(self._open_engine)
        self._table = LatePart(self._open_table)
        self._jobs = LatePart(self._open_jobs)
        self._is_stopping = False
        if settings.store_location.startswith("s3://"):
            # The reader of a bucket needs an extension and credentials: an error in them must stop the start.
            self._engine()
        self._schedule = Schedule(
            self._queue,
            self._table,
            interval_seconds=settings.flush_interval,
            count=settings.flush_count,
            batching=Batching(settings.flush_quiet),
            waiting_bytes=self._queue.live_bytes,
            run_jobs=self._run_jobs,
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
            context,
            self._queue,
            self._auth.keys,
            trusted_proxies=settings.trusted_proxies,
            on_accepted=self._schedule.accepted,
        )
        self._query_counts = QueryCounts()
        self._source = self._health_source()
        self._front = behind_proxies(open_upstream_check(settings))
        self._pages = open_pages(
            dashboard=dashboard_folder,
            tracker=tracker_folder,
            source=self._source,
            contacts=settings.security_contact,
            dashboard_origin=settings.dashboard_origin,
            front=self._front,
            clock=lambda: datetime.now(UTC),
        )
        self._api = LatePart(self._open_api)
        self._late_api = LateApi(self._api, outer_middleware(self._front))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ingest and pages go their own short way; all the rest is FastAPI."""
        if scope["type"] == "http" and scope["path"] in INGEST_PATHS:
            await self.ingest(scope, receive, send)  # type: ignore[arg-type]
        elif scope["type"] == "http" and is_api(scope["path"]):
            await self._late_api(scope, receive, send)
        else:
            await self._pages(scope, receive, send)

    def start(self) -> None:
        """Begin the schedule."""
        self._schedule.start()

    def stop(self) -> None:
        """Flush what is pending and close, within MALLARD_SHUTDOWN_TIMEOUT; what is not flushed stays queued."""
        # Before the look at the jobs: a thread that is building them looks at it afterwards.
        self._is_stopping = True
        if jobs := self._jobs.built:
            jobs.stop()
        self._schedule.stop(time.monotonic() + self._settings.shutdown_timeout)
        if table := self._table.built:
            table.close()
        self._queue.close()
        if engine := self._engine.built:
            engine.close()

    @property
    def first_token(self) -> str:
        """The token of the first setup from elsewhere; empty where a password is set, or none is required."""
        auth = self._auth
        return "" if auth.authenticator.is_open or auth.passwords.mark() else auth.setup.token

    def routes(self) -> Sequence[BaseRoute]:
        """Every route of the API and of the pages; builds the API."""
        return [*self._api().routes, *self._pages.routes]

    def _run_jobs(self, now: datetime, may_go_on: Callable[[], bool]) -> None:
        jobs = self._jobs()
        if not self._is_stopping:
            jobs.keep(now, may_go_on=may_go_on)

    def _sites(self) -> list[str]:
        # The queue first: an event that is flushed meanwhile is then in the table.
        pending = self._pending().sites() if self._queue.depth() else set()
        return sorted({*known_sites(self._store), *pending})

    def _erase(self, site_id: str, first: date, last: date) -> "Erasure":
        jobs = self._jobs()
        from mallard.maintenance.erasure import request_erasure

        return jobs.erase(request_erasure(self._store, site_id, first, last, datetime.now(UTC)))

    def _forget_erased(self) -> None:
        if table := self._table.built:
            table.forget()
        if engine := self._engine.built:
            engine.forget()
        forget_all()

    def _open_pending(self) -> "LocalPending":
        from mallard.engine.duckdb.pending_events import LocalPending

        return LocalPending(self._queue, lambda site_id: self._site_settings.get(site_id).erased)

    def _open_engine(self) -> "DuckDBEngine":
        from mallard.bootstrap.query_engine import open_query_engine

        return open_query_engine(
            self._settings,
            self._store,
            pending=self._pending().rows,
            site_settings=self._site_settings,
            isolate_anonymous=True,
        )

    def _open_table(self) -> "TableWriter":
        # The schedule's own import, here under the lock of late parts.
        import mallard.flush.drain  # noqa: F401
        from mallard.bootstrap.table import open_table

        settings = self._settings
        return open_table(
            self._store,
            seal_rows=settings.seal_rows,
            retention_days=settings.retention_days,
            single_writer=settings.single_writer,
        )

    def _open_jobs(self) -> "MaintenanceJobs":
        from mallard.bootstrap.maintenance import open_maintenance_jobs

        return open_maintenance_jobs(
            self._settings,
            self._store,
            engine=self._engine,
            site_settings=self._site_settings,
            erase_pending=self._queue.erase,
            after_erasure=self._forget_erased,
        )

    def _open_api(self) -> "Application":
        from mallard.server.api_side import open_api

        return open_api(
            self._settings,
            engine=self._engine,
            sites=self._sites,
            erase=self._erase,
            auth=self._auth,
            front=self._front,
            query_counts=self._query_counts,
            source=self._source,
        )

    def _health_source(self) -> ServeSource:
        def cache() -> ResultCache | None:
            return engine.cache if (engine := self._engine.built) else None

        def damaged_files() -> list[str]:
            return engine.damage.files() if (engine := self._engine.built) else []

        return ServeSource(
            store=self._store,
            queue=self._queue,
            flushes=self._schedule.history,
            ingest=self.ingest,
            query_counts=self._query_counts,
            cache=cache,
            damaged_files=damaged_files,
            auth=self._auth,
            geo=self._geo,
            data_dir=Path(self._settings.data_dir),
            filter_bots=self._settings.filter_bots,
        )
