"""The query API: FastAPI routes over ``Stats``, with their OpenAPI at ``/openapi.json``."""

import logging
from collections.abc import Callable
from datetime import datetime

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from mallard import __version__
from mallard.errors import (
    ErasureError,
    MallardError,
    QueryError,
    QueryStoppedError,
    QueryTooLargeError,
    QueryTooLongError,
    SettingsError,
)
from mallard.query.answers import Refusal
from mallard.query.downloads import Deliver, stream
from mallard.query.engine import Engine
from mallard.query.export_routes import export_routes
from mallard.query.host import is_own_name
from mallard.query.parameters import OnlyKnown
from mallard.query.patience import Patience
from mallard.query.site_routes import Erase, site_routes
from mallard.query.stats_routes import stats_routes

log = logging.getLogger("mallard.query")

MAX_BODY_BYTES = 1024 * 1024
HEADERS = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
}
"""Numbers are no page of another site's to embed, and no cache's to keep."""


def create_app(
    engine: Callable[[], Engine],
    sites: Callable[[], list[str]],
    clock: Callable[[], datetime],
    erase: Erase,
    *,
    is_open: bool,
    query_seconds: float = 30,
    own_names_only: bool = False,
    deliver: Deliver = stream,
) -> FastAPI:
    """The application. ``is_open`` says whether whoever reaches it may read the numbers; else each answer is 401.

    ``own_names_only``: they are open because only this machine reaches it, so under no name but its own. ``deliver``
    makes the answers of downloads.
    """
    app = FastAPI(
        title="Mallard Metrics",
        version=__version__,
        description="Privacy-first web analytics.",
        # Their pages load from another host; ours is static.
        docs_url=None,
        redoc_url=None,
        max_body_size=MAX_BODY_BYTES,
        responses={status: {"model": Refusal} for status in (400, 401, 413, 503, 504)},
    )

    def admit(request: Request, response: Response) -> None:
        response.headers.update(HEADERS)
        if not is_open:
            raise HTTPException(401, "The numbers are open only on this machine; MALLARD_AUTH=off opens them to all.")
        if own_names_only and not is_own_name(request.headers.get("host", "")):
            raise HTTPException(
                403, "The numbers are open under localhost or an address; MALLARD_AUTH=off opens them under any name."
            )

    app.add_middleware(Patience, seconds=query_seconds)
    guards = [Depends(admit), OnlyKnown]
    app.include_router(stats_routes(engine, clock, guards))
    app.include_router(export_routes(engine, clock, guards, deliver))
    app.include_router(site_routes(engine, sites, clock, erase, guards))
    _answer_errors(app)
    return app


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
