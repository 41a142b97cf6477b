"""Tails that a warm writer still holds from its last write, bounded by their bytes."""

from mallard.table.layout import Partition
from mallard.table.tail import Tail

MAX_WARM_BYTES = 64 * 1024 * 1024


class TailCache:
    """The tails used last. One that somebody else replaced is found out by its ETag at the next write."""

    def __init__(self, max_bytes: int = MAX_WARM_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._tails: dict[Partition, Tail] = {}

    def get(self, partition: Partition) -> Tail | None:
        """The tail as this writer left it, None where it left none."""
        return self._tails.get(partition)

    def keep(self, partition: Partition, tail: Tail) -> None:
        """Hold a tail, and let go of those used longest ago where all together are too large."""
        self.forget(partition)
        self._tails[partition] = tail
        self._bytes += tail.segment.rows.nbytes
        while self._bytes > self._max_bytes:
            self.forget(next(iter(self._tails)))

    def forget(self, partition: Partition) -> None:
        """Look again next time."""
        if tail := self._tails.pop(partition, None):
            self._bytes -= tail.segment.rows.nbytes

    def clear(self) -> None:
        """Hold nothing any more."""
        self._tails.clear()
        self._bytes = 0
