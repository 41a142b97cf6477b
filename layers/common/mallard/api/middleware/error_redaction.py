"""Middleware that redacts exception messages, which may quote the request, in the server's log."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class ErrorRedaction:
    """``app`` answers and logs each fault before it raises it again; RuntimeError only where an answer is cut short."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        is_whole = False

        async def send_watched(message: Message) -> None:
            nonlocal is_whole
            await send(message)
            is_whole = message["type"] == "http.response.body" and not message.get("more_body", False)

        try:
            await self._app(scope, receive, send_watched)
        except Exception as error:
            if not is_whole:
                # The server must know, to end the connection; an exception's own words may quote the request.
                raise RuntimeError(f"{type(error).__name__} before the answer was whole") from None
