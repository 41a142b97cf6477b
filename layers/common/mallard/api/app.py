"""The query API: FastAPI routes over ``Stats``, with their OpenAPI at ``/openapi.json``."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from http import HTTPStatus

from fastapi import Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.params import Depends as Dependency
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import Scope

from mallard.api.application import Application
from mallard.api.auth_http import AuthHttp, headers_of
from mallard.api.downloads import Deliver, stream
from mallard.api.middleware.fair_share import FairShare
from mallard.api.middleware.json_body import JsonBody
from mallard.api.middleware.query_timeout import QueryTimeout
from mallard.api.middleware.response_headers import new_id
from mallard.api.not_found import lost
from mallard.api.parameters import OnlyKnown, read_site
from mallard.api.permissions import Permissions
from mallard.api.routes.auth_routes import allow_dashboard, auth_routes
from mallard.api.routes.behaviour_routes import behaviour_routes
from mallard.api.routes.drop_routes import rejected_routes
from mallard.api.routes.export_routes import export_routes
from mallard.api.routes.sequence_routes import sequence_routes
from mallard.api.routes.site_routes import Erase, site_routes
from mallard.api.routes.stats_routes import stats_routes
from mallard.api.schemas.stats_schemas import ErrorResponse
from mallard.api.security_schemes import READS_OR_PUBLIC
from mallard.auth.identity import Identity
from mallard.auth.service import AuthService
from mallard.engine.base import Engine
from mallard.errors import (
    DamagedObjectError,
    DamagedQueueError,
    DamagedSegmentError,
    ErasureError,
    MallardError,
    QueryError,
    QueryStoppedError,
    QueryTooLargeError,
    QueryTooLongError,
    QueueError,
    SettingsError,
    StoreError,
    TableError,
)
from mallard.http.request_headers import read_headers
from mallard.http.upstream import DIRECT, UpstreamHeaders
from mallard.observability.fault_description import kind_and_place
from mallard.stats.filters import parse_filters

log = logging.getLogger("mallard.query")

API_VERSION = "1"

OUT_OF_REACH = "The store cannot be reached right now; try again in a minute."
"""What the store or the table says of itself may name folders, and is for the log."""

QUEUE_DAMAGED = "The queue's file is damaged; `mallard doctor` says what to do."
"""Its own sentence names the file."""

MAX_PLACE_LENGTH = 80
"""Of the place of what is wrong in a body: names in it are the client's."""


def create_app(
    engine: Callable[[], Engine],
    sites: Callable[[], list[str]],
    clock: Callable[[], datetime],
    erase: Erase,
    gate: AuthService,
    address_of: Callable[[Request], str],
    *,
    query_seconds: float = 30,
    deliver: Deliver = stream,
    front: UpstreamHeaders = DIRECT,
    make_id: Callable[[], str] = new_id,
) -> Application:
    """The application. ``gate`` says who may what, ``address_of`` tells a client's address as our own side saw it.

    ``deliver`` makes the answers of downloads, ``front`` tells what is said of a request before it is here, and
    ``make_id`` makes the ids of requests.
    """
    app = Application(
        front=front,
        make_id=make_id,
        title="Mallard Metrics",
        # Of the API, not of the software: that is nothing for strangers.
        version=API_VERSION,
        description="Privacy-first web analytics.",
        # Their pages load from another host; ours is static.
        docs_url=None,
        redoc_url=None,
        responses={status: {"model": ErrorResponse} for status in (400, 401, 403, 413, 415, 500, 503, 504)},
    )
    admission = Permissions(AuthHttp(gate, address_of), read_site, lambda site: engine().book.is_public(site))

    def after(admit: Callable[[Request], Identity], described: Sequence[Dependency] = ()) -> list[Dependency]:
        return [Depends(admit), OnlyKnown, *described]

    app.add_middleware(QueryTimeout, seconds=query_seconds)
    app.add_middleware(
        FairShare,
        identify=lambda request: gate.guard.identify(headers_of(request), request.method, gate.now()),
        address_of=address_of,
        shows_nothing=lambda request: gate.guard.shows_nothing(name for name, _ in request.scope["headers"]),
    )
    app.add_middleware(JsonBody, knows=partial(_knows, gate))
    allow_dashboard(app, gate.guard.dashboard_origin)
    app.include_router(auth_routes(gate, address_of, read_site=read_site, check_filters=parse_filters))
    app.include_router(stats_routes(engine, clock, after(admission.to_narrowed, READS_OR_PUBLIC)))
    app.include_router(behaviour_routes(engine, clock, after(admission.to_narrowed, READS_OR_PUBLIC)))
    app.include_router(sequence_routes(engine, clock, after(admission.to_narrowed, READS_OR_PUBLIC)))
    app.include_router(export_routes(engine, clock, after(admission.to_narrowed, READS_OR_PUBLIC), deliver))
    app.include_router(rejected_routes(engine, clock, after(admission.to_numbers, READS_OR_PUBLIC)))
    app.include_router(site_routes(engine, sites, clock, erase, after(admission.to_settings)))
    _answer_errors(app)
    return app


def _knows(gate: AuthService, scope: Scope) -> bool:
    """True where a session or a key that reads sent a request; False too where the store cannot say so."""
    try:
        who = gate.guard.identify(read_headers(scope["headers"]), scope["method"], gate.now())
    except MallardError:
        return False
    return isinstance(who, Identity) and who.is_known


def _of(request: Request) -> tuple[str, str]:
    """What a line of the log says of a request: its route and its id. A path may hold a link's slug, or a key."""
    return getattr(request.scope.get("route"), "path", None) or "a request", request.state.request_id


def _noted(request: Request) -> dict[str, str]:
    """What of it is a key of its own where lines are JSON."""
    return {"request_id": request.state.request_id}


def _fault(sentence: str, status: int, request: Request) -> JSONResponse:
    return JSONResponse({"error": sentence, "request_id": request.state.request_id}, status)


def _answer_errors(app: Application) -> None:
    """Every error is ``{"error": sentence}``; what nobody foresaw is logged and tells a stranger nothing.

    An error of ours has the request's id beside it, which is in the log too.
    """

    def failed(status: int, sentence: str = "") -> Callable[[Request, Exception], JSONResponse]:
        def answer(request: Request, error: Exception) -> JSONResponse:
            if status < 500:
                return JSONResponse({"error": str(error)}, status)
            log.error("%s failed (request %s): %s", *_of(request), error, extra=_noted(request))
            return _fault(sentence or str(error), status, request)

        return answer

    def refused(request: Request, error: Exception) -> Response:
        status, detail = getattr(error, "status_code", 500), str(getattr(error, "detail", ""))
        if status in (404, 405) and detail == HTTPStatus(status).phrase:
            return lost(request.scope, app.routes, status)
        return JSONResponse({"error": detail}, status, getattr(error, "headers", None))

    def invalid(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001
        # Its text would name files of this machine.
        first = error.errors()[0] if isinstance(error, RequestValidationError) else {"loc": (), "msg": ""}
        place = ".".join(str(each) for each in first["loc"])[:MAX_PLACE_LENGTH]
        return JSONResponse({"error": f"The request is not as it should be: {place}: {first['msg']}."}, 400)

    def unforeseen(request: Request, error: Exception) -> JSONResponse:
        # Its own words may quote the request.
        log.error("%s failed (request %s): %s", *_of(request), kind_and_place(error), extra=_noted(request))
        return _fault("Something went wrong here; the log knows more.", 500, request)

    app.add_exception_handler(QueryError, failed(400))
    app.add_exception_handler(ErasureError, failed(400))
    app.add_exception_handler(SettingsError, failed(400))
    app.add_exception_handler(QueryTooLargeError, failed(413))
    app.add_exception_handler(QueryTooLongError, failed(504))
    app.add_exception_handler(QueryStoppedError, failed(499))
    app.add_exception_handler(MallardError, failed(503))
    for out_of_reach in (StoreError, TableError, QueueError):
        app.add_exception_handler(out_of_reach, failed(503, OUT_OF_REACH))
    # Their sentences name an object of ours and no place of this machine.
    for damaged in (DamagedSegmentError, DamagedObjectError):
        app.add_exception_handler(damaged, failed(503))
    app.add_exception_handler(DamagedQueueError, failed(503, QUEUE_DAMAGED))
    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(Exception, unforeseen)
