"""A store around another one that does what networks and other writers do."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from enum import Enum, auto
from itertools import groupby
from pathlib import Path

from mallard.errors import ConflictError, StoreUnavailableError
from mallard.store.base import Listed, Store, Stored


class Fault(Enum):
    """What happens to one write."""

    NONE = auto()
    CONFLICT = auto()
    UNAVAILABLE = auto()
    LOST_ANSWER = auto()
    CRASH_BEFORE = auto()
    CRASH_AFTER = auto()


class CrashError(Exception):
    """The process ends here."""


class FaultyStore:
    """``faults`` befall the coming writes one by one; each number in ``stale`` is how many rows a listing misses.

    ``before_write`` holds what others do in the moment before a write arrives.
    """

    def __init__(self, inner: Store) -> None:
        self._inner = inner
        self.faults: deque[Fault] = deque()
        self.stale: deque[int] = deque()
        self.before_write: deque[Callable[[], None]] = deque()
        self.after_write: Callable[[], None] = lambda: None
        self.writes: list[tuple[str, str]] = []

    @property
    def scratch(self) -> Path:
        return self._inner.scratch

    def get(self, key: str) -> Stored | None:
        return self._inner.get(key)

    def put_if_absent(self, key: str, data: bytes) -> str:
        return self._write("put_if_absent", key, lambda: self._inner.put_if_absent(key, data))

    def put_if_match(self, key: str, data: bytes, etag: str) -> str:
        return self._write("put_if_match", key, lambda: self._inner.put_if_match(key, data, etag))

    def delete(self, key: str) -> None:
        self._inner.delete(key)

    def list(self, prefix: str, *, start_after: str = "") -> Iterator[Listed]:
        missed = self.stale.popleft() if self.stale else 0
        for _, rows in groupby(
            self._inner.list(prefix, start_after=start_after), key=lambda row: row.key.rpartition("/")[0]
        ):
            seen = list(rows)
            yield from seen[: max(0, len(seen) - missed)]

    def list_folders(self, prefix: str) -> Iterator[str]:
        return self._inner.list_folders(prefix)

    def keeps_versions(self) -> bool:
        return self._inner.keeps_versions()

    def delete_old_versions(self, prefix: str) -> int:
        return self._inner.delete_old_versions(prefix)

    def server_time(self) -> datetime | None:
        return self._inner.server_time()

    def pin(self, key: str, folder: Path) -> Path | None:
        return self._inner.pin(key, folder)

    def location(self, key: str) -> str:
        return self._inner.location(key)

    def presigned(self, key: str, seconds: int, disposition: str, media_type: str) -> str | None:
        return self._inner.presigned(key, seconds, disposition, media_type)

    @property
    def pins_are_cheap(self) -> bool:
        return self._inner.pins_are_cheap

    def reader_setup(self) -> Sequence[str]:
        return self._inner.reader_setup()

    def _write(self, operation: str, key: str, write: Callable[[], str]) -> str:
        if self.before_write:
            self.before_write.popleft()()
        fault = self.faults.popleft() if self.faults else Fault.NONE
        if fault is Fault.CONFLICT:
            raise ConflictError(f"{key} was written by another.")
        if fault is Fault.UNAVAILABLE:
            raise StoreUnavailableError("No answer, and nothing was written.")
        if fault is Fault.CRASH_BEFORE:
            raise CrashError
        etag = write()
        self.writes.append((operation, key))
        self.after_write()
        if fault is Fault.LOST_ANSWER:
            raise StoreUnavailableError("No answer, and it was written.")
        if fault is Fault.CRASH_AFTER:
            raise CrashError
        return etag
