"""Writer for stores without conditional writes: unique names, sealed segments, one flusher.

No object is overwritten, so a flusher that pauses past its lease can write rows twice, but lose none.
"""

import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import pyarrow as pa
from cachetools import LRUCache

from mallard.errors import LeaseTakenError, StoreError
from mallard.store.base import Listed, Store
from mallard.store.lease import Lease
from mallard.table.deduplicate import KnownEvents, select_new_rows
from mallard.table.layout import Partition, parse_segment
from mallard.table.schema import EVENTS
from mallard.table.segment import Segment, decode, encode

SUFFIX_BYTES = 4
MAX_KNOWN_BYTES = 128 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _SegmentFacts:
    """Metadata of a segment at the ``version`` of a listing."""

    version: str
    ids: pa.ChunkedArray
    erased_before: int | None
    spans_days: bool


class UnconditionalWriter:
    """Appends to partitions under a lease; ``random_suffix`` gives 8 hexadecimal digits."""

    def __init__(
        self, store: Store, lease: Lease, random_suffix: Callable[[], str] = lambda: secrets.token_hex(SUFFIX_BYTES)
    ) -> None:
        self._store = store
        self._lease = lease
        self._random_suffix = random_suffix
        self._known: LRUCache[str, _SegmentFacts] = LRUCache(MAX_KNOWN_BYTES, getsizeof=lambda known: known.ids.nbytes)

    def append(
        self, partition: Partition, deliveries: pa.Table, seal_rows: int, spans_days: bool
    ) -> tuple[int, int, int]:
        """Numbers of written rows, duplicates, and rows from before an erasure. Raises LeaseTakenError."""
        self._hold_lease()
        number, segments = self._read_segments(partition)
        marks = [each.erased_before for each in segments.values() if each.erased_before is not None]
        mark = max(marks, default=None)
        known_events = KnownEvents(EVENTS.empty_table(), {key: each.ids for key, each in segments.items()}, self._rows)
        rows, duplicates, erased = select_new_rows(deliveries, known_events, mark)
        for start in range(0, rows.num_rows, seal_rows):
            part = Segment(rows.slice(start, seal_rows), sealed=True, erased_before=mark, spans_days=spans_days)
            self._store.put_if_absent(partition.unique_segment(number, self._random_suffix()), encode(part))
            number += 1
        if spans_days and duplicates and not rows.num_rows and not any(each.spans_days for each in segments.values()):
            # The rows were stored before without the information that their visitor ids live longer.
            marked = Segment(rows, sealed=True, erased_before=mark, spans_days=True)
            self._store.put_if_absent(partition.unique_segment(number, self._random_suffix()), encode(marked))
        return rows.num_rows, duplicates, erased

    def mark_spanning(self, partition: Partition) -> None:
        """Add an empty segment with the mark ``spans_days``. LeaseTakenError as in ``append``."""
        self._hold_lease()
        number, segments = self._read_segments(partition)
        mark = max((each.erased_before for each in segments.values() if each.erased_before is not None), default=None)
        empty = Segment(EVENTS.empty_table(), sealed=True, erased_before=mark, spans_days=True)
        self._store.put_if_absent(partition.unique_segment(number, self._random_suffix()), encode(empty))

    def _hold_lease(self) -> None:
        if not self._lease.is_held and (other_lease := self._lease.acquire()):
            raise LeaseTakenError(str(other_lease))

    def forget(self) -> None:
        """Empty the cache."""
        self._known.clear()

    def close(self) -> None:
        """Release the lease; one that cannot be released expires by itself."""
        with suppress(StoreError):
            self._lease.release()

    def _read_segments(self, partition: Partition) -> tuple[int, dict[str, _SegmentFacts]]:
        """The next segment number, and all segments of a partition."""
        numbered_rows = [
            (segment[1], row) for row in self._store.list(partition.prefix) if (segment := parse_segment(row.key))
        ]
        segments = {row.key: facts for _, row in numbered_rows if (facts := self._read_facts(row))}
        return max((number for number, _ in numbered_rows), default=-1) + 1, segments

    def _read_facts(self, row: Listed) -> _SegmentFacts | None:
        facts = self._known.get(row.key)
        # An erasure replaces a segment, and with it the version.
        if facts is None or facts.version != row.version:
            stored = self._store.get(row.key)
            if stored is None:
                return None
            segment = decode(stored.data, row.key)
            facts = _SegmentFacts(row.version, segment.rows["event_id"], segment.erased_before, segment.spans_days)
            with suppress(ValueError):
                # A single entry beyond the limit is not cached.
                self._known[row.key] = facts
        return facts

    def _rows(self, key: str) -> pa.Table:
        stored = self._store.get(key)
        return decode(stored.data, key).rows if stored else EVENTS.empty_table()
