"""Middleware that reads JSON bodies and refuses oversized, encoded and malformed ones."""

import asyncio
from collections.abc import Callable, Mapping

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mallard.http.request_headers import is_packed
from mallard.http.upstream import header
from mallard.normalize.strict_json import fault_in

MAX_BODY_BYTES = 1024 * 1024
MAX_ANONYMOUS_BODY_BYTES = 8 * 1024
"""Of a body whose sender has shown no session and no key: a password, mostly."""

HEAVY_BODY_BYTES = 64 * 1024
"""A longer body is read in a thread: a megabyte takes tens of milliseconds."""

PREFIXES = ("/api/", "/auth/")
BODYLESS = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))
"""The body of a request with one of these methods is not read."""

JSON = "application/json"
FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
FORM_PATHS = "/api/v1/sites"
"""Plausible's Sites API takes forms too; only with a header that no page of another site can send with a form."""

ENCODED = "The body must be sent as it is, without Content-Encoding: it is never unpacked here."
NOT_JSON = f"The body must be JSON; send it as Content-Type: {JSON}."
TOO_LARGE = f"The body is over {MAX_BODY_BYTES // 1024} KB."

TOO_LARGE_FOR_ANONYMOUS = (
    f"The body is over {MAX_ANONYMOUS_BODY_BYTES // 1024} KB, the most that is read of a request"
    " without a session or an API key."
)


class JsonBody:
    """``app`` gets each body in one piece."""

    def __init__(self, app: ASGIApp, knows: Callable[[Scope], bool] = lambda _: True) -> None:
        """``knows`` says of a request's head that the owner, or a key of theirs, sent it; it may wait for a store."""
        self._app = app
        self._knows = knows

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["method"] in BODYLESS or not scope["path"].startswith(PREFIXES):
            await self._app(scope, receive, send)
            return
        refused = _refused_head(scope)
        if refused is not None:
            await refused(scope, receive, send)
            return
        body = await self._whole(scope, receive)
        if body is None:
            return
        refused = body if isinstance(body, JSONResponse) else await _refused_body(scope, body)
        if refused is not None:
            await refused(scope, receive, send)
        elif isinstance(body, bytes):
            await self._app(scope, _replay(body, receive), send)

    async def _whole(self, scope: Scope, receive: Receive) -> bytes | JSONResponse | None:
        """The body, or somewhat more than its limit of it; a refusal, or None where the client went.

        The sender is identified only where the body is longer than an anonymous one may be.
        """
        body, most = bytearray(), MAX_ANONYMOUS_BODY_BYTES
        while len(body) <= MAX_BODY_BYTES:
            message = await receive()
            if message["type"] != "http.request":
                return None
            body += message.get("body", b"")
            if len(body) > most:
                if not await asyncio.to_thread(self._knows, scope):
                    return _refusal(413, TOO_LARGE_FOR_ANONYMOUS)
                most = MAX_BODY_BYTES
            if not message.get("more_body"):
                break
        return bytes(body)


def _refused_head(scope: Scope) -> JSONResponse | None:
    """Before a byte of the body is read."""
    if any(name == b"content-encoding" and is_packed(value.decode("latin-1")) for name, value in scope["headers"]):
        return _refusal(415, ENCODED, {"accept-encoding": "identity"})
    length = header(scope, b"content-length").strip()
    return _refusal(413, TOO_LARGE) if length.isdecimal() and int(length) > MAX_BODY_BYTES else None


async def _refused_body(scope: Scope, body: bytes) -> JSONResponse | None:
    if len(body) > MAX_BODY_BYTES:
        return _refusal(413, TOO_LARGE)
    if not body:
        return None
    # Pages of other sites can send forms and texts without a preflight.
    kind = header(scope, b"content-type").partition(";")[0].strip().lower()
    if kind in FORMS and scope["path"].startswith(FORM_PATHS) and header(scope, b"authorization"):
        return None
    if kind != JSON:
        return _refusal(415, NOT_JSON, {"accept": JSON})
    fault = fault_in(body) if len(body) <= HEAVY_BODY_BYTES else await asyncio.to_thread(fault_in, body)
    return _refusal(400, fault) if fault else None


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body once more, then what comes after it."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_body() -> Message:
        return first.pop() if first else await receive()

    return receive_body


def _refusal(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": sentence}, status, headers)
