"""A thread pool of logins, status and health, apart from reports."""

from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar

T = TypeVar("T")

THREADS = 20
"""Of one process; at most ten of them wait for or compute a password's hash."""

_limiter: RunVar[anyio.CapacityLimiter] = RunVar("mallard.api.own_pool")


async def in_own_pool(work: Callable[[], T]) -> T:
    """The result of ``work``, run in a thread of the pool: FastAPI's own threads may all be busy with reports."""
    return await anyio.to_thread.run_sync(work, limiter=_of_this_loop())


def _of_this_loop() -> anyio.CapacityLimiter:
    # A limiter belongs to the event loop that is running: there is none when routes are made.
    limiter = _limiter.get(None)
    if limiter is None:
        limiter = anyio.CapacityLimiter(THREADS)
        _limiter.set(limiter)
    return limiter
