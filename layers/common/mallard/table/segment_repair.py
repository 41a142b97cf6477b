"""Repair of damaged segments: detection, and replacement by an empty segment.

Keys are never deleted, so that a prepared write for one cannot succeed. The new segment is sealed, whatever the damaged
one was, so the next write opens the next number; writers that read the old one get a conflict.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from mallard.errors import ConflictError
from mallard.store.base import Store
from mallard.table.layout import Partition, aside_key, parse_segment
from mallard.table.schema import EVENTS
from mallard.table.segment import Segment, damage_of, encode, mark_in
from mallard.table.tail import every_object


@dataclass(frozen=True, slots=True)
class DamagedSegment:
    """A damaged segment as read by one GET; ``reason`` is a clause."""

    key: str
    data: bytes
    etag: str
    reason: str

    @property
    def partition(self) -> Partition:
        """The site and date of its key."""
        segment = parse_segment(self.key)
        assert segment is not None
        return segment[0]


def damaged_in(store: Store, partition: Partition) -> Iterator[DamagedSegment]:
    """The damaged segments of a partition, each object read whole."""
    for key, stored in every_object(store, partition):
        if reason := damage_of(stored.data):
            yield DamagedSegment(key, stored.data, stored.etag, reason)


def set_aside(store: Store, damaged: DamagedSegment, erased_before: int | None = None) -> str:
    """Keep the bytes under a key of ``damaged/`` and put zero rows in their place; the key.

    ``erased_before`` is the latest erasure of the day that is known otherwise. Raises ConflictError where the segment
    is another by now: then it must be checked again.
    """
    key = aside_key(damaged.key, damaged.etag)
    # The key holds the hash of the bytes: where it exists, an interrupted run has stored them.
    with suppress(ConflictError):
        store.put_if_absent(key, damaged.data)
    replace_by_nothing(store, damaged, erased_before)
    return key


def replace_by_nothing(store: Store, damaged: DamagedSegment, erased_before: int | None = None) -> None:
    """Replace a damaged segment by a sealed empty one. ConflictError as in ``set_aside``.

    The day's mark of an erasure is kept where its other segments or the caller know it. The damaged file's own may be
    what was damaged: with a flipped digit it would refuse what is new.
    """
    marks = [erased_before, *_marks_beside(store, damaged)]
    mark = max((each for each in marks if each is not None), default=None)
    segment = Segment(EVENTS.empty_table(), sealed=True, erased_before=mark)
    store.put_if_match(damaged.key, encode(segment), damaged.etag)


def _marks_beside(store: Store, damaged: DamagedSegment) -> Iterator[int | None]:
    for key, stored in every_object(store, damaged.partition):
        if key != damaged.key and damage_of(stored.data) is None:
            yield mark_in(stored.data)
