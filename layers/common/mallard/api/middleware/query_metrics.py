"""Middleware that counts queries: seconds until the response begins, and failures."""

from collections.abc import Callable
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mallard.health.query_counts import QueryCounts

PATHS = ("/api/stats/", "/api/v1/stats/", "/api/v2/", "/api/sql")
"""Requests whose paths begin so are queries."""


class QueryMetrics:
    """Counts requests of PATHS. A download is timed until it begins, for its length is the client's."""

    def __init__(self, app: ASGIApp, counts: QueryCounts, clock: Callable[[], float] = perf_counter) -> None:
        """``clock`` gives seconds."""
        self._app = app
        self._counts = counts
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or not scope["path"].startswith(PATHS):
            await self._app(scope, receive, send)
            return
        began = self._clock()

        async def send_timed(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._counts.durations.note(self._clock() - began)
                # One event loop: no other task runs between read and write.
                self._counts.failures += message["status"] >= 500
            await send(message)

        await self._app(scope, receive, send_timed)
