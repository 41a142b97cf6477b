"""Cache of a writer's recent tails, bounded in bytes."""

from contextlib import suppress

from cachetools import LRUCache

from mallard.table.layout import Partition
from mallard.table.tail import Tail

MAX_CACHED_BYTES = 64 * 1024 * 1024


class TailCache:
    """Recently used tails. The ETag of a tail detects at the next write that another writer replaced it."""

    def __init__(self, max_bytes: int = MAX_CACHED_BYTES) -> None:
        self._tails: LRUCache[Partition, Tail] = LRUCache(max_bytes, getsizeof=lambda tail: tail.segment.rows.nbytes)

    def get(self, partition: Partition) -> Tail | None:
        """The tail as this writer last wrote it, None where it is not cached."""
        return self._tails.get(partition)

    def put(self, partition: Partition, tail: Tail) -> None:
        """Cache a tail, unless it alone is larger than the cache."""
        self.forget(partition)
        with suppress(ValueError):
            self._tails[partition] = tail

    def forget(self, partition: Partition) -> None:
        """Forget the tail of a partition."""
        self._tails.pop(partition, None)

    def clear(self) -> None:
        """Forget all tails."""
        self._tails.clear()
