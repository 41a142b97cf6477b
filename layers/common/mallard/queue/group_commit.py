"""Group commit for one event loop: bodies that arrive during a commit share the next one."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from mallard.queue.local import LocalQueue

Done = Callable[[BaseException | None], None]
"""Called after the commit with None, or the QueueError of a failure."""

_Waiting = list[tuple[Sequence[bytes], Done]]


class GroupCommit:
    """Sends from a running event loop; one wake-up between threads per commit, not per event."""

    def __init__(self, queue: LocalQueue) -> None:
        self._queue = queue
        self._waiting: _Waiting = []
        self._is_busy = False

    def submit(self, bodies: Sequence[bytes], done: Done) -> None:
        """Take bodies; ``done`` is called by the event loop after the commit that holds them."""
        self._waiting.append((bodies, done))
        if not self._is_busy:
            # Deferred: requests that this turn of the loop still reads join the same commit.
            self._is_busy = True
            asyncio.get_running_loop().call_soon(self._commit)

    async def send(self, *bodies: bytes) -> None:
        """Return after the commit that holds the bodies; QueueError where it failed."""
        ended = asyncio.get_running_loop().create_future()

        def done(failure: BaseException | None) -> None:
            # A client that went away has cancelled its wait; its event is committed all the same.
            if not ended.done():
                ended.set_exception(failure) if failure else ended.set_result(None)

        self.submit(bodies, done)
        await ended

    def send_later(self, bodies: Sequence[bytes]) -> None:
        """Send without waiting for the commit; the bodies may be lost."""
        if bodies:
            self._queue.submit(bodies)

    def _commit(self) -> None:
        group, self._waiting = self._waiting, []
        loop = asyncio.get_running_loop()

        def wake(committed: "Future[None]") -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._committed, group, committed)

        self._queue.submit([body for bodies, _ in group for body in bodies]).add_done_callback(wake)

    def _committed(self, group: _Waiting, committed: "Future[None]") -> None:
        self._is_busy = bool(self._waiting)
        if self._waiting:
            self._commit()
        failure = committed.exception()
        for _, done in group:
            done(failure)
