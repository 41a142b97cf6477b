"""ASGI application that is built in a thread when its first request comes."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from starlette.middleware import Middleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from mallard.api.error_responses import UNFORESEEN
from mallard.api.outer_middleware import wrapped
from mallard.late_part import LatePart
from mallard.observability.fault_description import kind_and_place

log = logging.getLogger("mallard.query")


class LateApi:
    """The events that come meanwhile do not wait: the import of the API takes half a second."""

    def __init__(self, app: LatePart[Any], outer: Sequence[Middleware]) -> None:
        """``outer`` is around the answer to a request whose application cannot be built; the next one tries again."""
        self._app = app
        self._failed = wrapped(JSONResponse({"error": UNFORESEEN}, 500), outer)
        self._building: asyncio.Future[ASGIApp] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        app = self._app.built or await self._built()
        await app(scope, receive, send)

    async def _built(self) -> ASGIApp:
        # All requests wait for one thread, so that none of them takes the threads of others.
        building = self._building
        if building is None or building.done():
            building = self._building = asyncio.ensure_future(asyncio.to_thread(self._app))
        try:
            return await asyncio.shield(building)
        except Exception as error:
            log.error("the API cannot be built: %s", kind_and_place(error))
            return self._failed
