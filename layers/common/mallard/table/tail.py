"""Tail of a partition, its growing segment; found by GET, with the listing as hint."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, count

from mallard.store.base import Store, Stored
from mallard.table.layout import Partition, parse_segment
from mallard.table.schema import EVENTS
from mallard.table.segment import Segment, decode


@dataclass(frozen=True, slots=True)
class Tail:
    """The growing segment of a partition, as read or written; ``etag`` is None before its first write.

    ``unique`` are the keys beside the numbered ones, which a single writer left.
    """

    number: int
    segment: Segment
    etag: str | None
    unique_keys: tuple[str, ...] = ()


def find_tail(store: Store, partition: Partition) -> Tail:
    """The tail: an unsealed segment, or an empty one after the last sealed segment, with the mark of that one."""
    numbered_keys = [
        (segment[1], row.key) for row in store.list(partition.prefix) if (segment := parse_segment(row.key))
    ]
    unique_keys = tuple(key for number, key in numbered_keys if key != partition.segment(number))
    number, highest = max(numbered_keys, default=(0, ""))
    below: Segment | None = None
    if highest in unique_keys:
        below = _read(store, highest)
        number += 1
    while True:
        key = partition.segment(number)
        stored = store.get(key)
        if stored is None:
            break
        below = decode(stored.data, key)
        if not below.sealed:
            return Tail(number, below, stored.etag, unique_keys)
        number += 1
    mark = below.erased_before if below else None
    return Tail(number, Segment(EVENTS.empty_table(), erased_before=mark), None, unique_keys)


def every_object(store: Store, partition: Partition) -> Iterator[tuple[str, Stored]]:
    """Key and bytes of each object of a partition, damaged or not, including objects that a listing misses."""
    listed_keys = {row.key for row in store.list(partition.prefix) if parse_segment(row.key)}
    highest = max((segment[1] for key in listed_keys if (segment := parse_segment(key))), default=-1)
    # The listing may miss the newest key too; the numbers have no gaps.
    expected_keys = sorted(listed_keys | {partition.segment(number) for number in range(highest + 1)})
    for key in chain(expected_keys, map(partition.segment, count(highest + 1))):
        stored = store.get(key)
        if stored is not None:
            yield key, stored
        elif key not in expected_keys:
            return


def _read(store: Store, key: str) -> Segment | None:
    stored = store.get(key)
    return decode(stored.data, key) if stored else None
