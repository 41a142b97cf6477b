"""Group commit for one event loop: whatever arrives while a commit runs shares the next one."""

import asyncio
from collections.abc import Sequence

from mallard.errors import QueueError
from mallard.queue.local import LocalQueue


class GroupCommit:
    """Sends from a running event loop; one wake-up between threads per commit, not per event."""

    def __init__(self, queue: LocalQueue) -> None:
        self._queue = queue
        self._waiting: list[tuple[tuple[bytes, ...], asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def send(self, *bodies: bytes) -> None:
        """Return after the commit that holds the bodies; QueueError where it failed."""
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((bodies, done))
        if self._task is None:
            self._task = asyncio.create_task(self._commit_all())
        await done

    def send_later(self, bodies: Sequence[bytes]) -> None:
        """Send what nobody waits for; it may be lost."""
        if bodies:
            self._queue.submit(bodies)

    async def _commit_all(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            failure: QueueError | None = None
            try:
                await asyncio.wrap_future(self._queue.submit([body for bodies, _ in group for body in bodies]))
            except QueueError as error:
                failure = error
            for _, done in group:
                # A client that went away has cancelled its wait; its event is committed all the same.
                if not done.done():
                    done.set_exception(failure) if failure else done.set_result(None)
        self._task = None
