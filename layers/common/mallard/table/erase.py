"""Erasing one partition: every segment becomes one of zero rows, and no name is freed.

A freed name would let a flusher whose write is prepared bring the past back. The highest segment goes first and
carries the mark ``erased_before``, so that from then on no writer takes what was accepted earlier.
"""

import random
import time
from collections.abc import Callable, Iterator
from itertools import chain, count

from mallard.errors import ConflictError, StoreError, StoreUnavailableError
from mallard.store.base import Store, Stored
from mallard.table.layout import Partition, parse_segment
from mallard.table.segment import Segment, decode, encode
from mallard.table.tail import find_tail
from mallard.table.write import ATTEMPTS, FIRST_PAUSE_SECONDS


def erase_partition(
    store: Store,
    partition: Partition,
    before_ms: int,
    *,
    sleep: Callable[[float], None] = time.sleep,
    jitter: Callable[[], float] = random.random,
) -> int:
    """Remove all rows accepted before ``before_ms`` (since 1970), and keep such rows out for good; how many there were.

    Runs again as often as it likes. Raises StoreError where ATTEMPTS tries did not get there.
    """
    removed = 0
    failure: StoreError | None = None
    for attempt in range(ATTEMPTS):
        if attempt:
            sleep(FIRST_PAUSE_SECONDS * 2**attempt * (0.5 + jitter()))
        try:
            removed += _mark(store, partition, before_ms)
            for key, stored, segment in _unmarked(store, partition, before_ms):
                store.put_if_match(key, encode(_erased(segment, before_ms)), stored.etag)
                removed += segment.rows.num_rows
            return removed
        except (ConflictError, StoreUnavailableError) as error:
            failure = error
    raise failure or StoreUnavailableError(f"{partition.prefix} could not be erased.")


def left_rows(store: Store, partition: Partition, before_ms: int) -> int:
    """How many rows an erasure would still remove: zero after one."""
    return sum(int(segment.rows.num_rows) for _, _, segment in _unmarked(store, partition, before_ms))


def _mark(store: Store, partition: Partition, before_ms: int) -> int:
    """Put the mark on top: into the tail, or as a new segment after the last sealed one."""
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
    """Segments with rows that were written before the mark: all later ones carry it."""
    listed = {row.key for row in store.list(partition.prefix) if parse_segment(row.key)}
    highest = max((found[1] for key in listed if (found := parse_segment(key))), default=-1)
    # A listing may miss a name, the newest too; the numbers have no gaps.
    known = sorted(listed | {partition.segment(number) for number in range(highest + 1)})
    for key in chain(known, map(partition.segment, count(highest + 1))):
        stored = store.get(key)
        if stored is None and key in known:
            continue
        if stored is None:
            return
        segment = decode(stored.data, key)
        if segment.rows.num_rows and (segment.erased_before is None or segment.erased_before < before_ms):
            yield key, stored, segment


def _erased(segment: Segment, before_ms: int) -> Segment:
    return Segment(segment.rows.slice(0, 0), sealed=True, erased_before=before_ms)
