"""Error responses of the API: one table from exceptions to statuses."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mallard.api.not_found import not_found
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
from mallard.observability.fault_description import kind_and_place

OUT_OF_REACH = "The store cannot be reached; try again in a minute."
"""The error's own sentence may name folders, and is for the log."""

QUEUE_DAMAGED = "The queue's file is damaged; see `mallard doctor`."
"""The error's own sentence names the file."""

UNFORESEEN = "Internal error; see the server's log."

log = logging.getLogger("mallard.query")


@dataclass(frozen=True, slots=True)
class ErrorStatus:
    """The status of an exception; an empty ``sentence`` stands for the exception's own."""

    status: int
    sentence: str = ""


ERROR_STATUSES: dict[type[MallardError], ErrorStatus] = {
    QueryError: ErrorStatus(400),
    ErasureError: ErrorStatus(400),
    SettingsError: ErrorStatus(400),
    QueryTooLargeError: ErrorStatus(413),
    QueryStoppedError: ErrorStatus(499),
    QueryTooLongError: ErrorStatus(504),
    StoreError: ErrorStatus(503, OUT_OF_REACH),
    TableError: ErrorStatus(503, OUT_OF_REACH),
    QueueError: ErrorStatus(503, OUT_OF_REACH),
    DamagedQueueError: ErrorStatus(503, QUEUE_DAMAGED),
    # Their sentences name an object of the store and no path of this machine.
    DamagedSegmentError: ErrorStatus(503),
    DamagedObjectError: ErrorStatus(503),
    MallardError: ErrorStatus(503),
}
"""The entry of the nearest class counts, so that a subclass may stand beside its base."""


def add_error_responses(app: Starlette) -> None:
    """Every error is ``{"error": sentence}``, from 500 on with the ``request_id`` of its line in the log."""
    for kind, answer in ERROR_STATUSES.items():
        app.add_exception_handler(kind, _handler(answer))

    def refused(request: Request, error: Exception) -> Response:
        status, detail = getattr(error, "status_code", 500), str(getattr(error, "detail", ""))
        if status in (404, 405) and detail == HTTPStatus(status).phrase:
            return not_found(request.scope, app.routes, status)
        return JSONResponse({"error": detail}, status, getattr(error, "headers", None))

    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(Exception, unforeseen)


def _handler(answer: ErrorStatus) -> Callable[[Request, Exception], JSONResponse]:
    def handle(request: Request, error: Exception) -> JSONResponse:
        if answer.status < 500:
            return JSONResponse({"error": str(error)}, answer.status)
        log.error("%s failed (request %s): %s", *_described(request), error, extra=_fields(request))
        return _failure(answer.sentence or str(error), answer.status, request)

    return handle


def unforeseen(request: Request, error: Exception) -> JSONResponse:
    """500 for a fault of the product, with its kind and place in the log: its message may quote the request."""
    log.error("%s failed (request %s): %s", *_described(request), kind_and_place(error), extra=_fields(request))
    return _failure(UNFORESEEN, 500, request)


def _failure(sentence: str, status: int, request: Request) -> JSONResponse:
    return JSONResponse({"error": sentence, "request_id": request.state.request_id}, status)


def _described(request: Request) -> tuple[str, str]:
    """The route and the id of a request for the log. A path may hold a link's slug, or a key."""
    return getattr(request.scope.get("route"), "path", None) or "a request", request.state.request_id


def _fields(request: Request) -> dict[str, str]:
    """The keys of their own of a line in JSON."""
    return {"request_id": request.state.request_id}
