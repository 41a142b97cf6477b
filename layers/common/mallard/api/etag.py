"""Route with an ETag and conditional responses (304)."""

import hashlib
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from mallard.api.events_from import events_from
from mallard.engine.omitted_files import noting
from mallard.engine.request_snapshot import one_snapshot

CACHE_CONTROL = "private, no-cache"
"""No cache but the browser's own, and that asks each time."""

INCOMPLETE = "x-mallard-incomplete"
"""The dates of which a damaged file is left out of the answer, with commas between them."""


class ETagRoute(APIRoute):
    """A route whose answer carries an ETag, and is 304 without a body where the client has it already."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler of the route, with its answer looked at."""
        handle = super().get_route_handler()

        async def tagged(request: Request) -> Response:
            with noting() as omitted, one_snapshot():
                response = await handle(request)
            if omitted:
                response.headers[INCOMPLETE] = ", ".join(sorted({each.date.isoformat() for each in omitted}))
            if response.status_code != 200 or not hasattr(response, "body"):
                return response
            response.headers.update(events_from(request))
            etag = f'"{hashlib.blake2b(bytes(response.body), digest_size=12).hexdigest()}"'
            response.headers["etag"] = etag
            response.headers["cache-control"] = CACHE_CONTROL
            if etag not in request.headers.get("if-none-match", ""):
                return response
            for name in ("content-length", "content-type"):
                del response.headers[name]
            return Response(status_code=304, headers=response.headers)

        return tagged
