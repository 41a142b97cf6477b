"""Middleware that cancels queries of disconnected clients and after a timeout.

The seconds are those until the answer begins: a large one may be sent as slowly as its client reads.
"""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mallard.engine.cancellation import CURRENT, IS_ANONYMOUS, Cancellation
from mallard.errors import QueryTooLongError

ANONYMOUS_SECONDS = 10
"""Of a query of a public site or a shared link, where MALLARD_QUERY_SECONDS allows more."""


class QueryTimeout:
    """Cancels a request after ``seconds``, or when its client disconnects."""

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        """``app`` finds its cancellation in ``cancellation.CURRENT``."""
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        stop, messages = Cancellation(), asyncio.Queue[Message | Exception]()

        async def receive_queued() -> Message:
            message = await messages.get()
            if isinstance(message, Exception):
                raise message
            return message

        listener = asyncio.create_task(_listen(receive, messages, stop))
        seconds = min(self._seconds, ANONYMOUS_SECONDS) if IS_ANONYMOUS.get() else self._seconds
        timer = asyncio.get_running_loop().call_later(seconds, stop.stop, QueryTooLongError)
        token = CURRENT.set(stop)

        async def send_and_stop_timer(message: Message) -> None:
            timer.cancel()
            await send(message)

        try:
            await self._app(scope, receive_queued, send_and_stop_timer)
        finally:
            CURRENT.reset(token)
            timer.cancel()
            listener.cancel()


async def _listen(receive: Receive, messages: "asyncio.Queue[Message | Exception]", stop: Cancellation) -> None:
    """Hand every message on; cancel the query when the client disconnects."""
    while True:
        try:
            message = await receive()
        except Exception as error:
            # A body over its limit: the reader has to know.
            await messages.put(error)
            return
        await messages.put(message)
        if message["type"] == "http.disconnect":
            stop.stop()
            return
