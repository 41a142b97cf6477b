"""Time for an event loop, in which it goes round often enough."""

import asyncio
from collections.abc import Callable

ROUNDS = 20
PATIENCE_SECONDS = 30


async def turns(seconds: float) -> None:
    """Sleep, and let the loop take up all that is ready meanwhile.

    A sleep in one piece may be over, where the machine stood still, before the loop has gone round twice.
    """
    for _ in range(ROUNDS):
        await asyncio.sleep(seconds / ROUNDS)


async def until(holds: Callable[[], object]) -> None:
    """Until it holds, as it soon does; TimeoutError where it never does."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not holds():
            await asyncio.sleep(0.005)
