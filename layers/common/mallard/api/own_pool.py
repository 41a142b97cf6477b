"""Routes with a thread pool of their own, apart from reports."""

from collections.abc import Callable
from functools import partial, wraps
from inspect import iscoroutinefunction
from typing import Any

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar
from fastapi.routing import APIRoute

THREADS = 20
"""Of one process; at most ten of them wait for or compute a password's hash."""

_limiter: RunVar[anyio.CapacityLimiter] = RunVar("mallard.api.own_pool")


class OwnPoolRoute(APIRoute):
    """A route of logins, status or health: FastAPI's own threads may all be busy with reports."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **given: Any) -> None:
        """As of APIRoute."""
        super().__init__(path, endpoint if iscoroutinefunction(endpoint) else _in_own_pool(endpoint), **given)


def _in_own_pool(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(endpoint)
    async def run(**given: Any) -> Any:
        return await anyio.to_thread.run_sync(partial(endpoint, **given), limiter=_of_this_loop())

    return run


def _of_this_loop() -> anyio.CapacityLimiter:
    # A limiter belongs to the event loop that is running: there is none when routes are made.
    limiter = _limiter.get(None)
    if limiter is None:
        limiter = anyio.CapacityLimiter(THREADS)
        _limiter.set(limiter)
    return limiter
