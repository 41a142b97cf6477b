"""The HTTP application: its middleware in order, its routes and its error responses."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from fastapi import APIRouter, Depends, Request
from fastapi.params import Depends as Dependency
from starlette.middleware import Middleware
from starlette.types import Scope

from mallard.api.application import Application
from mallard.api.auth_http import AuthHttp, headers_of
from mallard.api.downloads import Deliver, stream
from mallard.api.error_responses import add_error_responses
from mallard.api.existing_sites import ExistingSites
from mallard.api.invalid_requests import add_invalid_responses
from mallard.api.middleware.dashboard_origin import dashboard_cors
from mallard.api.middleware.fair_share import FairShare
from mallard.api.middleware.json_body import JsonBody
from mallard.api.middleware.query_metrics import QueryMetrics
from mallard.api.middleware.query_timeout import QueryTimeout
from mallard.api.middleware.response_headers import new_id
from mallard.api.outer_middleware import outer_middleware
from mallard.api.parameters import OnlyKnown
from mallard.api.permissions import Permissions
from mallard.api.plausible_permissions import PlausiblePermissions
from mallard.api.routes.auth_routes import auth_routes
from mallard.api.routes.behaviour_routes import behaviour_routes
from mallard.api.routes.drop_routes import rejected_routes
from mallard.api.routes.export_routes import export_routes
from mallard.api.routes.query_routes import query_routes
from mallard.api.routes.schema_routes import schema_routes
from mallard.api.routes.segment_routes import segment_routes
from mallard.api.routes.sequence_routes import sequence_routes
from mallard.api.routes.site_routes import Erase, site_routes
from mallard.api.routes.sql_routes import AnswersSql, sql_routes
from mallard.api.routes.stats_routes import stats_routes
from mallard.api.routes.v1_site_routes import v1_site_routes
from mallard.api.routes.v1_stats_routes import v1_stats_routes
from mallard.api.security_schemes import READS, READS_OR_PUBLIC
from mallard.auth.identity import Denied, Identity
from mallard.auth.service import AuthService
from mallard.engine.base import Engine
from mallard.errors import MallardError
from mallard.health.query_counts import QueryCounts
from mallard.http.request_headers import read_headers
from mallard.http.upstream import DIRECT, UpstreamHeaders
from mallard.sites.site_id import read_site
from mallard.stats.filters import parse_filters

API_VERSION = "1"


def create_app(
    *,
    engine: Callable[[], Engine],
    sites: Callable[[], list[str]],
    clock: Callable[[], datetime],
    erase: Erase,
    auth: AuthService,
    address_of: Callable[[Request], str],
    query_seconds: float = 30,
    deliver: Deliver = stream,
    front: UpstreamHeaders = DIRECT,
    make_id: Callable[[], str] = new_id,
    query_counts: QueryCounts | None = None,
    sql: AnswersSql | None = None,
) -> Application:
    """The application. ``auth`` authenticates, ``address_of`` gives a client's address as our own side saw it.

    ``deliver`` makes the responses of downloads, ``front`` reads the headers of proxies, ``make_id`` makes the ids of
    requests, and ``query_counts`` are filled by requests that are queries. ``sql`` answers SQL; None: it is off.
    """
    outer = outer_middleware(front, make_id)
    inner = _inner_middleware(auth, address_of, query_seconds=query_seconds, query_counts=query_counts)
    app = Application(
        outer=outer,
        middleware=inner,
        title="Mallard Metrics",
        # The version of the API, not of the software, which stays private.
        version=API_VERSION,
        description="Privacy-first web analytics.",
        # Their pages load from another host; ours is static.
        docs_url=None,
        redoc_url=None,
    )
    auth_http = AuthHttp(auth, address_of)

    def is_public(site: str) -> bool:
        return engine().site_settings.is_public(site)

    admission = Permissions(auth_http, read_site, is_public)
    plausible = PlausiblePermissions(auth_http, is_public, ExistingSites(engine).has)

    def after(admit: Callable[[Request], Identity], described: Sequence[Dependency] = ()) -> list[Dependency]:
        return [Depends(admit), OnlyKnown, *described]

    def of_access() -> list[APIRouter]:
        return auth_routes(auth, address_of, read_site=read_site, check_filters=parse_filters)

    def of_reports() -> list[APIRouter]:
        narrowed = after(admission.to_narrowed, READS_OR_PUBLIC)
        return [
            behaviour_routes(engine, clock, narrowed),
            sequence_routes(engine, clock, narrowed),
            export_routes(engine, clock, permissions=narrowed, deliver=deliver),
            rejected_routes(engine, clock, after(admission.to_numbers, READS_OR_PUBLIC)),
        ]

    def of_queries() -> list[APIRouter]:
        origin, to_sites = partial(_origin_of, auth, front), after(plausible.to_sites)
        return [
            query_routes(engine, clock, admission, after(admission.to_body, READS_OR_PUBLIC), deliver=deliver),
            schema_routes(),
            v1_stats_routes(engine, clock, after(plausible.to_stats, READS_OR_PUBLIC)),
            v1_site_routes(engine, sites, clock, auth.links, origin, plausible, to_sites),
            sql_routes(sql, sites, admission, after(admission.to_body, READS), deliver),
        ]

    def of_sites() -> list[APIRouter]:
        to_settings = after(admission.to_settings)
        return [
            site_routes(engine=engine, sites=sites, clock=clock, erase=erase, permissions=to_settings),
            segment_routes(engine, clock, to_settings),
        ]

    app.add_routes(stats_routes(engine, clock, after(admission.to_narrowed, READS_OR_PUBLIC)))
    app.add_late_routes(("/api/auth/", "/auth/", "/api/keys", "/api/links", "/api/share/"), of_access)
    app.add_late_routes(("/api/stats/",), of_reports)
    app.add_late_routes(("/api/v2/", "/api/docs/", "/api/v1/", "/api/sql"), of_queries)
    app.add_late_routes(("/api/sites", "/api/gdpr/"), of_sites)
    add_error_responses(app)
    add_invalid_responses(app)
    return app


def _origin_of(auth: AuthService, front: UpstreamHeaders, request: Request) -> str:
    """The origin of the dashboard: the setting's, else that of the request."""
    scheme = "https" if front.is_tls(request.scope) else "http"
    return auth.authenticator.dashboard_origin or f"{scheme}://{request.url.netloc}"


def _inner_middleware(
    auth: AuthService,
    address_of: Callable[[Request], str],
    *,
    query_seconds: float,
    query_counts: QueryCounts | None,
) -> list[Middleware]:
    """The middleware within the outer one and Starlette's catch-all for exceptions, from outside to inside."""

    def identify(request: Request) -> Identity | Denied:
        return auth.authenticator.identify(headers_of(request), request.method, auth.now())

    def lacks_credentials(request: Request) -> bool:
        return auth.authenticator.lacks_credentials(name for name, _ in request.scope["headers"])

    return [
        # Before the others, so that the time that a query waits for its turn counts.
        *([Middleware(QueryMetrics, counts=query_counts)] if query_counts is not None else []),
        *dashboard_cors(auth.authenticator.dashboard_origin),
        Middleware(JsonBody, knows=partial(_is_known, auth)),
        Middleware(FairShare, identify=identify, address_of=address_of, lacks_credentials=lacks_credentials),
        # It reads the share of the request, which decides its seconds.
        Middleware(QueryTimeout, seconds=query_seconds),
    ]


def _is_known(auth: AuthService, scope: Scope) -> bool:
    """True for a request with a session or a key that reads; False where the store cannot be read."""
    try:
        identity = auth.authenticator.identify(read_headers(scope["headers"]), scope["method"], auth.now())
    except MallardError:
        return False
    return isinstance(identity, Identity) and identity.is_known
