"""Middleware that adds the request id and the response headers, and answers HEAD as GET."""

import re
import secrets
from collections.abc import Callable

from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mallard.http.header_policy import completed
from mallard.http.upstream import UpstreamHeaders

REQUEST_ID = "x-request-id"
ID_BYTES = 8

ONCE = frozenset((b"authorization", b"content-type", b"cookie", b"host", b"origin", b"sec-fetch-site", b"x-api-key"))
"""A request with two of them is ambiguous: one reader takes the first, another the last."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def new_id() -> str:
    """A request's id, 64 random bits."""
    return secrets.token_hex(ID_BYTES)


class ResponseHeaders:
    """``app`` finds the request's id in its state, as ``request_id``. ``make_id`` makes missing ones."""

    def __init__(self, app: ASGIApp, front: UpstreamHeaders, make_id: Callable[[], str] = new_id) -> None:
        self._app = app
        self._front = front
        self._make_id = make_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = self._front.given_id(scope) or self._make_id()
        is_tls, is_head = self._front.is_tls(scope), scope["method"] == "HEAD"
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_complete(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=list(message.get("headers", ())))
                headers.update(completed(headers, is_tls=is_tls))
                headers[REQUEST_ID] = request_id
                message = {**message, "headers": headers.raw}
            elif is_head:
                message = {**message, "body": b""}
            await send(message)

        # No route has to think of HEAD.
        inner = {**scope, "method": "GET"} if is_head else scope
        await (_refusal(scope) or self._app)(inner, receive, send_complete)


def _refusal(scope: Scope) -> ASGIApp | None:
    """The refusal of an ambiguous or malformed head."""
    if _CONTROL.search(scope["path"]):
        return JSONResponse({"error": "The path holds control characters."}, 400)
    names = [name for name, _ in scope["headers"] if name in ONCE]
    if len(names) > len(set(names)):
        twice = max(names, key=names.count).decode()
        return JSONResponse({"error": f"The header {twice} is given more than once."}, 400)
    return None
