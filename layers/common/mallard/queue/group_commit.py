"""Group commit of an event loop: bodies that arrive during a commit share the next."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from mallard.queue.local import LocalQueue

OnCommit = Callable[[BaseException | None], None]
"""Called after the commit with None, or the QueueError of a failure."""

_Waiting = list[tuple[Sequence[bytes], OnCommit]]


class GroupCommit:
    """Sender from a running event loop, with one wake-up between threads per commit, not per event."""

    def __init__(self, queue: LocalQueue) -> None:
        self._queue = queue
        self._waiting: _Waiting = []
        self._is_busy = False

    def submit(self, bodies: Sequence[bytes], on_commit: OnCommit) -> None:
        """Queue bodies for commit; the event loop calls ``on_commit`` after their commit."""
        self._waiting.append((bodies, on_commit))
        if not self._is_busy:
            # Deferred: requests read in this iteration of the loop join the same commit.
            self._is_busy = True
            asyncio.get_running_loop().call_soon(self._commit)

    async def send(self, *bodies: bytes) -> None:
        """Return after the commit of the bodies; QueueError where it failed."""
        commit_done = asyncio.get_running_loop().create_future()

        def on_commit(failure: BaseException | None) -> None:
            # A disconnected client has cancelled its wait; its event is committed all the same.
            if not commit_done.done():
                commit_done.set_exception(failure) if failure else commit_done.set_result(None)

        self.submit(bodies, on_commit)
        await commit_done

    def send_later(self, bodies: Sequence[bytes]) -> None:
        """Send without waiting for the commit; the bodies may be lost."""
        if bodies:
            self._queue.submit(bodies)

    def _commit(self) -> None:
        group, self._waiting = self._waiting, []
        loop = asyncio.get_running_loop()

        def wake(future: "Future[None]") -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._finish_commit, group, future)

        self._queue.submit([body for bodies, _ in group for body in bodies]).add_done_callback(wake)

    def _finish_commit(self, group: _Waiting, future: "Future[None]") -> None:
        self._is_busy = bool(self._waiting)
        if self._waiting:
            self._commit()
        failure = future.exception()
        for _, on_commit in group:
            on_commit(failure)
