"""The peer of the ingest benchmark: an ASGI application that reads the body and answers 202."""

from typing import Any


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """202 and nothing else."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 202, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})
