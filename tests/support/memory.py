"""Fakes of the two seams, in memory: they keep the contract that tests/store and tests/queue hold all to."""

import hashlib
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import accumulate, count
from pathlib import Path

from mallard.errors import ConflictError
from mallard.queue.base import RECEIVED_BYTES, Message
from mallard.store.base import Listed, Stored


def folders_in(prefix: str, keys: Iterable[str]) -> list[str]:
    """The folders below a prefix, by the keys of all objects."""
    rests = (key.removeprefix(prefix) for key in keys if key.startswith(prefix))
    return sorted({f"{prefix}{rest.partition('/')[0]}/" for rest in rests if "/" in rest})


class MemoryStore:
    """A store in a dictionary. As on real servers, equal bytes have equal ETags."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.modified: dict[str, float] = {}
        self._clock = count(1)
        self._lock = threading.Lock()

    @property
    def scratch(self) -> Path:
        return Path(tempfile.gettempdir())

    def get(self, key: str) -> Stored | None:
        with self._lock:
            data = self.objects.get(key)
        return None if data is None else Stored(data, _etag(data))

    def put_if_absent(self, key: str, data: bytes) -> str:
        with self._lock:
            if key in self.objects:
                raise ConflictError(f"{key} exists.")
            self._keep(key, data)
        return _etag(data)

    def put_if_match(self, key: str, data: bytes, etag: str) -> str:
        with self._lock:
            found = self.objects.get(key)
            if found is None or _etag(found) != etag:
                raise ConflictError(f"{key} is not the version that was read.")
            self._keep(key, data)
        return _etag(data)

    def _keep(self, key: str, data: bytes) -> None:
        self.objects[key] = data
        self.modified[key] = float(next(self._clock))

    def delete(self, key: str) -> None:
        with self._lock:
            self.objects.pop(key, None)

    def list(self, prefix: str, *, start_after: str = "") -> Iterator[Listed]:
        with self._lock:
            rows = [
                Listed(key, _etag(data), len(data), self.modified.get(key, 0.0))
                for key, data in self.objects.items()
                if key.startswith(prefix) and key > start_after
            ]
        yield from sorted(rows, key=lambda row: row.key)

    def list_folders(self, prefix: str) -> Iterator[str]:
        with self._lock:
            keys = list(self.objects)
        yield from folders_in(prefix, keys)

    def keeps_versions(self) -> bool:
        return False

    def delete_old_versions(self, prefix: str) -> int:
        return 0

    def server_time(self) -> datetime | None:
        return None

    def pin(self, key: str, folder: Path) -> Path | None:
        found = self.get(key)
        if found is None:
            return None
        pinned = folder / key
        pinned.parent.mkdir(parents=True, exist_ok=True)
        pinned.write_bytes(found.data)
        return pinned

    def location(self, key: str) -> str:
        return f"memory://{key}"

    def presigned(self, key: str, seconds: int, disposition: str, media_type: str) -> str | None:
        return f"memory://{key}?seconds={seconds}"

    @property
    def pins_are_cheap(self) -> bool:
        return False

    def reader_setup(self) -> Sequence[str]:
        return ()


class MemoryQueue:
    """A queue in a dictionary, whose clock is ``expire``: until it is called, received messages stay hidden."""

    def __init__(self) -> None:
        self.aside: list[tuple[bytes, str]] = []
        self._bodies: dict[int, bytes] = {}
        self._hidden: set[int] = set()
        self._receives: Counter[int] = Counter()
        self._next = 1
        self._lock = threading.Lock()

    def send(self, bodies: Sequence[bytes]) -> None:
        with self._lock:
            for body in bodies:
                self._bodies[self._next] = body
                self._next += 1

    def receive(self, limit: int, most_bytes: int = RECEIVED_BYTES) -> list[Message]:
        with self._lock:
            numbers = [number for number in self._bodies if number not in self._hidden][:limit]
            sizes = accumulate(len(self._bodies[number]) for number in numbers)
            numbers = numbers[: max(1, sum(size <= most_bytes for size in sizes))]
            self._hidden.update(numbers)
            self._receives.update(numbers)
            return [Message(str(number), self._bodies[number], self._receives[number]) for number in numbers]

    def acknowledge(self, messages: Sequence[Message]) -> None:
        with self._lock:
            for each in messages:
                self._bodies.pop(int(each.receipt), None)

    def release(self, messages: Sequence[Message]) -> None:
        with self._lock:
            self._hidden.difference_update(int(each.receipt) for each in messages)

    def postpone(self, messages: Sequence[Message]) -> None:
        """The pause ends with ``expire`` too: until then they stay hidden."""

    def hold(self, waiting: Sequence[tuple[Message, int]]) -> None:
        """As above, but for those that wait for no time."""
        self.release([each for each, seconds in waiting if not seconds])

    def set_aside(self, poison: Sequence[tuple[Message, str]]) -> list[Message]:
        self.acknowledge([message for message, _ in poison])
        self.aside += [(message.body, reason) for message, reason in poison]
        return []

    def is_idle(self) -> bool:
        return self._bodies.keys() <= self._hidden

    def depth(self) -> int:
        return len(self._bodies)

    def bodies(self) -> list[bytes]:
        """All that is not acknowledged, hidden or not."""
        with self._lock:
            return list(self._bodies.values())

    def remove(self, unwanted: Callable[[bytes], bool]) -> int:
        """Take messages out, hidden or not; how many."""
        with self._lock:
            gone = [number for number, body in self._bodies.items() if unwanted(body)]
            for number in gone:
                del self._bodies[number]
            return len(gone)

    def expire(self) -> None:
        """Let the time of visibility pass: what was received and never settled comes again."""
        with self._lock:
            self._hidden.clear()

    def reorder(self, shuffle: Callable[[list[tuple[int, bytes]]], None]) -> None:
        """Change the order in which messages come."""
        with self._lock:
            items = list(self._bodies.items())
            shuffle(items)
            self._bodies = dict(items)


def _etag(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()
