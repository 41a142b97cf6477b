"""How long questions take until their answer begins, and how many could not be answered: ASGI around the query API."""

from collections.abc import Callable
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mallard.observability.histogram import Histogram

PATHS = ("/api/stats/", "/api/v2/")
"""Below these numbers are counted; settings, keys and pages are no questions."""


class Questions:
    """Counts since the start of the process."""

    def __init__(self) -> None:
        """Nobody asked yet."""
        self.durations = Histogram()
        self.failures = 0


class Timed:
    """Counts what ``app`` is asked. A download is timed until it begins: how fast its client reads is not our doing."""

    def __init__(self, app: ASGIApp, questions: Questions, clock: Callable[[], float] = perf_counter) -> None:
        """``clock`` gives seconds."""
        self._app = app
        self._questions = questions
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or not scope["path"].startswith(PATHS):
            await self._app(scope, receive, send)
            return
        began = self._clock()

        async def begun(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._questions.durations.note(self._clock() - began)
                # All on one event loop: nobody else counts meanwhile.
                self._questions.failures += message["status"] >= 500
            await send(message)

        await self._app(scope, receive, begun)
