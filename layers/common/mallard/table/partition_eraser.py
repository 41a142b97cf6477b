"""Erasure of a partition: replaces every segment by an empty one, deletes none.

After a deletion, a prepared write of a flusher could restore erased events. The highest segment is replaced first and
carries the mark ``erased_before``, so that from then on writers drop events accepted earlier.
"""

import random
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from mallard.errors import ConflictError, DamagedSegmentError, MallardError, StoreUnavailableError
from mallard.store.base import Store, Stored
from mallard.table.layout import Partition
from mallard.table.segment import Segment, decode, encode
from mallard.table.segment_repair import damaged_in, replace_by_nothing
from mallard.table.tail import every_object, find_tail
from mallard.table.writer import ATTEMPTS, FIRST_PAUSE_SECONDS


class RemovedRows(NamedTuple):
    """Numbers of removed ``rows``, and of ``damaged`` files, whose rows cannot be counted."""

    rows: int = 0
    damaged: int = 0


def erase_partition(
    store: Store,
    partition: Partition,
    before_ms: int,
    *,
    sleep: Callable[[float], None] = time.sleep,
    jitter: Callable[[], float] = random.random,
) -> RemovedRows:
    """Remove all rows accepted before ``before_ms`` (since 1970), and keep such rows out; returns their number.

    A damaged file loses all its rows, since none can be read. Idempotent.
    Raises StoreError or TableError after ATTEMPTS failures.
    """
    removed = damaged = 0
    failure: MallardError | None = None
    for attempt in range(ATTEMPTS):
        if attempt:
            sleep(FIRST_PAUSE_SECONDS * 2**attempt * (0.5 + jitter()))
        try:
            if isinstance(failure, DamagedSegmentError):
                damaged += _replace_damaged(store, partition)
            removed += _mark(store, partition, before_ms)
            for key, stored, segment in _unmarked(store, partition, before_ms):
                store.put_if_match(key, encode(_erased(segment, before_ms)), stored.etag)
                removed += segment.rows.num_rows
            return RemovedRows(removed, damaged)
        except (ConflictError, StoreUnavailableError, DamagedSegmentError) as error:
            failure = error
    raise failure or StoreUnavailableError(f"{partition.prefix} could not be erased.")


def count_remaining_rows(store: Store, partition: Partition, before_ms: int) -> int:
    """The number of rows that an erasure would still remove: zero after one."""
    return sum(int(segment.rows.num_rows) for _, _, segment in _unmarked(store, partition, before_ms))


def _replace_damaged(store: Store, partition: Partition) -> int:
    """Replace damaged files first, without the mark: whether they were sealed is unknown, so the mark goes above them.

    A writer that read the last one as sealed, before it was damaged, may have its write of the next number prepared.
    """
    segments = list(damaged_in(store, partition))
    for each in segments:
        replace_by_nothing(store, each)
    return len(segments)


def _mark(store: Store, partition: Partition, before_ms: int) -> int:
    """Write the mark into the tail, or as a new segment after the last sealed one."""
    tail = find_tail(store, partition)
    if tail.segment.erased_before is not None and tail.segment.erased_before >= before_ms:
        return 0
    key, data = partition.segment(tail.number), encode(_erased(tail.segment, before_ms))
    if tail.etag is None:
        store.put_if_absent(key, data)
    else:
        store.put_if_match(key, data, tail.etag)
    return int(tail.segment.rows.num_rows)


def _unmarked(store: Store, partition: Partition, before_ms: int) -> Iterator[tuple[str, Stored, Segment]]:
    """Segments with rows written before the mark: all later ones carry it."""
    for key, stored in every_object(store, partition):
        segment = decode(stored.data, key)
        if segment.rows.num_rows and (segment.erased_before is None or segment.erased_before < before_ms):
            yield key, stored, segment


def _erased(segment: Segment, before_ms: int) -> Segment:
    return Segment(segment.rows.slice(0, 0), sealed=True, erased_before=before_ms)
