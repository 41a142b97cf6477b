"""Programs that run one operation at a time: each stops before whatever it asks of the store or the queue.

Whoever holds the actors decides who goes next and what befalls that operation, so that a schedule of several
processes is a list of choices that gives the same run each time.
"""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from pathlib import Path

from mallard.errors import ConflictError, QueueError, StoreUnavailableError
from mallard.queue.base import RECEIVED_BYTES, Message
from mallard.store.base import Listed, Stored
from support.faults import CrashError, Fault
from support.memory import MemoryQueue, MemoryStore, folders_in

_here = threading.local()


class Actor:
    """One process: ``step`` lets it do its next operation and whatever follows, up to the one after."""

    def __init__(self, role: str, program: Callable[[], object]) -> None:
        self.role = role
        self.ended = False
        self.answer: object = None
        self.error: Exception | None = None
        self.fault = Fault.NONE
        self.age = 0
        self._program = program
        self._turn, self._back = threading.Lock(), threading.Lock()
        self._turn.acquire()
        self._back.acquire()
        threading.Thread(target=self._run, daemon=True).start()
        self._back.acquire()

    def step(self, fault: Fault = Fault.NONE, age: int = 0) -> None:
        """One operation, which meets ``fault``; a listing shows what was there ``age`` writes ago."""
        self.fault, self.age = fault, age
        self._turn.release()
        self._back.acquire()

    def crash(self) -> None:
        """End it where it stands."""
        while not self.ended:
            self.step(Fault.CRASH_BEFORE)

    def wait(self) -> None:
        """Called in the actor's own thread: the others go first."""
        self._back.release()
        self._turn.acquire()

    def _run(self) -> None:
        _here.actor = self
        try:
            self.answer = self._program()
        except Exception as error:
            # It stands for the whole process: what it raises is for whoever steps it to look at.
            self.error = error
        self.ended = True
        self._back.release()


def _operation(run: Callable[[int], object], unclear: type[Exception], *, conditional: bool = False) -> object:
    """One operation of the current actor, with what befalls it; outside of actors nothing does."""
    actor: Actor | None = getattr(_here, "actor", None)
    if actor is None:
        return run(0)
    actor.wait()
    if actor.fault is Fault.CRASH_BEFORE:
        raise CrashError
    if actor.fault is Fault.CONFLICT and conditional:
        raise ConflictError("It was written by another.")
    if actor.fault is Fault.UNAVAILABLE:
        raise unclear("No answer, and nothing was done.")
    answer = run(actor.age)
    if actor.fault is Fault.CRASH_AFTER:
        raise CrashError
    if actor.fault is Fault.LOST_ANSWER:
        raise unclear("No answer, and it was done.")
    return answer


class SteppedStore:
    """A store whose every operation is a step of the actor that asks."""

    def __init__(self, inner: MemoryStore) -> None:
        self._inner = inner
        self._listings: list[list[Listed]] = []

    @property
    def scratch(self) -> Path:
        return self._inner.scratch

    def get(self, key: str) -> Stored | None:
        return _read(lambda _: self._inner.get(key))  # type: ignore[return-value]

    def put_if_absent(self, key: str, data: bytes) -> str:
        return self._write(lambda: self._inner.put_if_absent(key, data))

    def put_if_match(self, key: str, data: bytes, etag: str) -> str:
        return self._write(lambda: self._inner.put_if_match(key, data, etag))

    def delete(self, key: str) -> None:
        _operation(lambda _: self._inner.delete(key), StoreUnavailableError)

    def list(self, prefix: str, *, start_after: str = "") -> Iterator[Listed]:
        def look(age: int) -> list[Listed]:
            if age == 0 or age > len(self._listings):
                return list(self._inner.list(prefix, start_after=start_after))
            return [row for row in self._listings[-age] if row.key.startswith(prefix) and row.key > start_after]

        yield from _read(look)  # type: ignore[misc]

    def list_folders(self, prefix: str) -> Iterator[str]:
        yield from folders_in(prefix, (row.key for row in self.list(prefix)))

    def keeps_versions(self) -> bool:
        return False

    def delete_old_versions(self, prefix: str) -> int:
        return 0

    def server_time(self) -> datetime | None:
        return None

    def pin(self, key: str, folder: Path) -> Path | None:
        return _read(lambda _: self._inner.pin(key, folder))  # type: ignore[return-value]

    def location(self, key: str) -> str:
        return self._inner.location(key)

    def presigned(self, key: str, seconds: int, disposition: str, media_type: str) -> str | None:
        return self._inner.presigned(key, seconds, disposition, media_type)

    @property
    def pins_are_cheap(self) -> bool:
        return self._inner.pins_are_cheap

    def reader_setup(self) -> Sequence[str]:
        return ()

    def _write(self, write: Callable[[], str]) -> str:
        def run(_: int) -> str:
            before = list(self._inner.list(""))
            etag = write()
            self._listings.append(before)
            return etag

        return _operation(run, StoreUnavailableError, conditional=True)  # type: ignore[return-value]


class SteppedQueue:
    """A queue whose every operation is a step of the actor that asks; ``send`` is none, the clients do it."""

    def __init__(self, inner: MemoryQueue) -> None:
        self.inner = inner

    def send(self, bodies: Sequence[bytes]) -> None:
        self.inner.send(bodies)

    def receive(self, limit: int, most_bytes: int = RECEIVED_BYTES) -> list[Message]:
        return _operation(lambda _: self.inner.receive(limit, most_bytes), QueueError)  # type: ignore[return-value]

    def acknowledge(self, messages: Sequence[Message]) -> None:
        _operation(lambda _: self.inner.acknowledge(messages), QueueError)

    def release(self, messages: Sequence[Message]) -> None:
        _operation(lambda _: self.inner.release(messages), QueueError)

    def postpone(self, messages: Sequence[Message]) -> None:
        _operation(lambda _: self.inner.postpone(messages), QueueError)

    def hold(self, waiting: Sequence[tuple[Message, int]]) -> None:
        _operation(lambda _: self.inner.hold(waiting), QueueError)

    def set_aside(self, poison: Sequence[tuple[Message, str]]) -> list[Message]:
        return _operation(lambda _: self.inner.set_aside(poison), QueueError)  # type: ignore[return-value]

    def is_idle(self) -> bool:
        return self.inner.is_idle()

    def depth(self) -> int:
        return self.inner.depth()

    def bodies(self) -> list[bytes]:
        """All that is not acknowledged, at one moment: what a query of the same process reads first."""
        return _operation(lambda _: self.inner.bodies(), QueueError)  # type: ignore[return-value]

    def erase(self, site_id: str, first: date, last: date, before_ms: int) -> int:
        """Delete what waits of a site's days, accepted before a moment; how many messages."""

        def covered(body: bytes) -> bool:
            found = json.loads(body)
            inside = first.isoformat() <= found["date"] <= last.isoformat()
            return bool(found["site_id"] == site_id and inside and found["accepted_ms"] < before_ms)

        return _operation(lambda _: self.inner.remove(covered), QueueError)  # type: ignore[return-value]


def _read(run: Callable[[int], object]) -> object:
    return _operation(run, StoreUnavailableError)
