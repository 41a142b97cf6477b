"""Middleware around all responses, those to faults included."""

from collections.abc import Callable, Sequence

from starlette.middleware import Middleware
from starlette.types import ASGIApp

from mallard.api.middleware.error_redaction import ErrorRedaction
from mallard.api.middleware.response_headers import ResponseHeaders, new_id
from mallard.http.upstream import UpstreamHeaders


def outer_middleware(front: UpstreamHeaders, make_id: Callable[[], str] = new_id) -> list[Middleware]:
    """From the outermost to the innermost. Starlette's own catch-all stands within: its 500 needs headers too."""
    return [Middleware(ResponseHeaders, front=front, make_id=make_id), Middleware(ErrorRedaction)]


def wrapped(app: ASGIApp, outer: Sequence[Middleware]) -> ASGIApp:
    """``app`` within the middleware."""
    for each in reversed(outer):
        app = each.cls(app, *each.args, **each.kwargs)
    return app
