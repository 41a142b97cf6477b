"""The query API: FastAPI routes over ``Stats``, with their OpenAPI at ``/openapi.json``."""

import logging
from collections.abc import Callable
from datetime import datetime

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.params import Depends as Dependency
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from mallard.auth.admission import Admission
from mallard.auth.api import allow_dashboard, auth_routes
from mallard.auth.door import Door
from mallard.auth.gate import Gate
from mallard.auth.identity import Identity
from mallard.errors import (
    ErasureError,
    MallardError,
    QueryError,
    QueryStoppedError,
    QueryTooLargeError,
    QueryTooLongError,
    SettingsError,
)
from mallard.query.answers import HEADERS, Refusal
from mallard.query.downloads import Deliver, stream
from mallard.query.engine import Engine
from mallard.query.export_routes import export_routes
from mallard.query.filters import parse_filters
from mallard.query.parameters import OnlyKnown, read_site
from mallard.query.patience import Patience
from mallard.query.rejected_routes import rejected_routes
from mallard.query.site_routes import Erase, site_routes
from mallard.query.stats_routes import stats_routes

log = logging.getLogger("mallard.query")

API_VERSION = "1"
MAX_BODY_BYTES = 1024 * 1024


def create_app(
    engine: Callable[[], Engine],
    sites: Callable[[], list[str]],
    clock: Callable[[], datetime],
    erase: Erase,
    gate: Gate,
    address_of: Callable[[Request], str],
    *,
    query_seconds: float = 30,
    deliver: Deliver = stream,
) -> FastAPI:
    """The application. ``gate`` says who may what, ``address_of`` tells a client's address as our own side saw it.

    ``deliver`` makes the answers of downloads.
    """
    app = FastAPI(
        title="Mallard Metrics",
        # Of the API, not of the software: that is nothing for strangers.
        version=API_VERSION,
        description="Privacy-first web analytics.",
        # Their pages load from another host; ours is static.
        docs_url=None,
        redoc_url=None,
        max_body_size=MAX_BODY_BYTES,
        responses={status: {"model": Refusal} for status in (400, 401, 403, 413, 503, 504)},
    )
    admission = Admission(Door(gate, address_of), read_site, lambda site: engine().book.get(site).public)

    def after(admit: Callable[[Request], Identity]) -> list[Dependency]:
        return [Depends(admit), Depends(_keep_private), OnlyKnown]

    app.add_middleware(Patience, seconds=query_seconds)
    allow_dashboard(app, gate.guard.dashboard_origin)
    app.include_router(auth_routes(gate, address_of, read_site=read_site, check_filters=parse_filters))
    app.include_router(stats_routes(engine, clock, after(admission.to_narrowed)))
    app.include_router(export_routes(engine, clock, after(admission.to_narrowed), deliver))
    app.include_router(rejected_routes(engine, clock, after(admission.to_numbers)))
    app.include_router(site_routes(engine, sites, clock, erase, after(admission.to_settings)))
    _answer_errors(app)
    return app


def _keep_private(response: Response) -> None:
    response.headers.update(HEADERS)


def _answer_errors(app: FastAPI) -> None:
    """Every error is ``{"error": sentence}``; what nobody foresaw is logged and tells a stranger nothing."""

    def failed(status: int) -> Callable[[Request, Exception], JSONResponse]:
        def answer(request: Request, error: Exception) -> JSONResponse:
            if status >= 500:
                log.error("%s failed: %s", request.url.path, error)
            return JSONResponse({"error": str(error)}, status, HEADERS)

        return answer

    def refused(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001
        status = getattr(error, "status_code", 500)
        headers = {**HEADERS, **(getattr(error, "headers", None) or {})}
        return JSONResponse({"error": str(getattr(error, "detail", ""))}, status, headers)

    def invalid(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001
        # Its text would name files of this machine.
        first = error.errors()[0] if isinstance(error, RequestValidationError) else {"loc": (), "msg": ""}
        place = ".".join(str(each) for each in first["loc"])
        return JSONResponse({"error": f"The request is not as it should be: {place}: {first['msg']}."}, 400, HEADERS)

    def unforeseen(request: Request, error: Exception) -> JSONResponse:
        log.exception("%s failed", request.url.path, exc_info=error)
        return JSONResponse({"error": "Something went wrong here; the log knows more."}, 500, HEADERS)

    app.add_exception_handler(QueryError, failed(400))
    app.add_exception_handler(ErasureError, failed(400))
    app.add_exception_handler(SettingsError, failed(400))
    app.add_exception_handler(QueryTooLargeError, failed(413))
    app.add_exception_handler(QueryTooLongError, failed(504))
    app.add_exception_handler(QueryStoppedError, failed(499))
    app.add_exception_handler(MallardError, failed(503))
    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(Exception, unforeseen)
