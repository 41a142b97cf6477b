"""400 responses to requests that FastAPI cannot read."""

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

MAX_PLACE_LENGTH = 80
"""Of the path to a fault in a body: names in it are the client's."""


def add_invalid_responses(app: FastAPI) -> None:
    """Each is ``{"error": sentence}``, as all errors are."""
    app.add_exception_handler(RequestValidationError, _invalid)


def _invalid(request: Request, error: Exception) -> Response:  # noqa: ARG001  # a handler's
    # The text of the exception would name files of this machine.
    first = error.errors()[0] if isinstance(error, RequestValidationError) else {"loc": (), "msg": ""}
    place = ".".join(str(each) for each in first["loc"])[:MAX_PLACE_LENGTH]
    return JSONResponse({"error": f"Invalid request: {place}: {first['msg']}."}, 400)
