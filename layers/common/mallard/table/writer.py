"""Table writer: reads a partition's tail, deduplicates, replaces it by compare-and-swap."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TypeVar

import pyarrow as pa
from cachetools import LRUCache

from mallard.errors import ConflictError, StoreError, StoreUnavailableError
from mallard.event import utc_date
from mallard.privacy.rotation import outlives_its_day
from mallard.store.base import Store
from mallard.table.append_report import AppendReport
from mallard.table.deduplicate import KnownEvents, select_new_rows
from mallard.table.layout import Partition
from mallard.table.schema import EVENTS
from mallard.table.segment import Segment, decode, decode_ids, encode, says_spanning
from mallard.table.tail import Tail, find_tail
from mallard.table.tail_cache import TailCache
from mallard.table.unconditional_writer import UnconditionalWriter

SEAL_ROWS = 262_144
SEAL_BYTES = 64 * 1024 * 1024
"""Of a segment's rows in memory: the size of SEAL_ROWS usual events; larger events fill it earlier."""

ATTEMPTS = 6
FIRST_PAUSE_SECONDS = 0.05
CACHED_SEALED_SEGMENTS = 64

Done = TypeVar("Done")


class TableWriter:
    """Appends rows to partitions of one store. Any number of writers may run at once, anywhere."""

    def __init__(
        self,
        store: Store,
        *,
        seal_rows: int = SEAL_ROWS,
        seal_bytes: int = SEAL_BYTES,
        retention_days: int = 0,
        unique_names: UnconditionalWriter | None = None,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """The write that brings a segment to ``seal_rows`` or ``seal_bytes`` seals it; ``jitter`` gives 0 ≤ x < 1.

        ``retention_days`` 0 keeps everything. With ``unique_names`` no segment is replaced: each append creates a
        key of its own, for stores that ignore conditions.
        """
        self._store = store
        self._seal_rows = seal_rows
        self._seal_bytes = seal_bytes
        self._retention_days = retention_days
        self._sleep = sleep
        self._jitter = jitter
        self._unique_names = unique_names
        self._tails = TailCache()
        self._sealed_ids: LRUCache[str, pa.ChunkedArray] = LRUCache(CACHED_SEALED_SEGMENTS)

    @property
    def store(self) -> Store:
        """The store of the table."""
        return self._store

    def first_kept_date(self, now: datetime) -> date | None:
        """The oldest local date of any time zone that is within retention; None without retention.

        West of UTC the date may still be that of the day before.
        """
        return utc_date(now) - timedelta(days=self._retention_days + 1) if self._retention_days else None

    def forget(self) -> None:
        """Empty the caches, as after an erasure."""
        if self._unique_names:
            self._unique_names.forget()
        self._tails.clear()
        self._sealed_ids.clear()

    def close(self) -> None:
        """Release the lease of a single writer, if any."""
        if self._unique_names:
            self._unique_names.close()

    def append(self, partition: Partition, deliveries: pa.Table, *, spans_days: bool = False) -> AppendReport:
        """Put rows (schema ``DELIVERIES``) into a partition, each exactly once.

        ``spans_days`` says that some visitor ids among them live longer than their day, where their salts do not say
        so already. At return each row is in a
        whole object that was seen or acknowledged. Raises StoreError where ATTEMPTS tries did not get there: then
        some rows may be in, and trying again is safe.
        """
        spans = spans_days or _spans_days(deliveries)

        def attempt() -> AppendReport:
            if self._unique_names:
                room = self._room(EVENTS.empty_table(), deliveries)
                counts = self._unique_names.append(partition, deliveries, room, spans)
                return AppendReport(*counts)
            return self._try_append(partition, deliveries, spans, must_say=spans_days)

        return self._with_retries(partition, attempt)

    def mark_spanning(self, partition: Partition) -> None:
        """Mark a partition whose visitor ids live longer than the day. Raises as ``append``."""

        def attempt() -> None:
            if self._unique_names:
                self._unique_names.mark_spanning(partition)
                return
            tail = find_tail(self._store, partition)
            if not tail.segment.spans_days:
                # After a sealed segment an empty tail holds the mark; the next rows are added to it.
                self._swap(partition, tail, replace(tail.segment, spans_days=True))

        self._tails.forget(partition)
        self._with_retries(partition, attempt)

    def _with_retries(self, partition: Partition, work: Callable[[], Done]) -> Done:
        failure: StoreError | None = None
        for attempt in range(ATTEMPTS):
            if attempt:
                self._sleep(FIRST_PAUSE_SECONDS * 2**attempt * (0.5 + self._jitter()))
            try:
                return work()
            except (ConflictError, StoreUnavailableError) as error:
                # A conflict surely wrote nothing, an unclear answer may have: reading again is right in both cases.
                self._tails.forget(partition)
                failure = error
        raise failure or StoreUnavailableError(f"{partition.prefix} could not be written.")

    def _try_append(
        self, partition: Partition, deliveries: pa.Table, spans_days: bool, *, must_say: bool
    ) -> AppendReport:
        # A cached tail needs no read: its ETag is the condition, which a write of another process changes.
        tail = self._tails.get(partition) or find_tail(self._store, partition)
        below = [*(partition.segment(number) for number in range(tail.number)), *tail.unique_keys]
        sealed = {key: self._ids_of(key) for key in below}
        known_events = KnownEvents(tail.segment.rows, sealed, self._read_rows)
        rows, duplicates, erased = select_new_rows(deliveries, known_events, tail.segment.erased_before)
        written = 0
        while written < rows.num_rows:
            part = rows.slice(written, self._room(tail.segment.rows, rows))
            tail = self._write(partition, tail, part, spans_days)
            written += part.num_rows
        if must_say and duplicates and not written and not self._says_spanning(tail, below):
            # The rows were stored before without the information that their visitor ids live longer.
            tail = self._write(partition, tail, rows, spans_days)
        self._tails.put(partition, tail)
        return AppendReport(written, duplicates, erased)

    def _room(self, tail: pa.Table, rows: pa.Table) -> int:
        """The number of such rows that fit into the tail's segment, at least one."""
        of_bytes: int = (self._seal_bytes - tail.nbytes) * rows.num_rows // max(1, rows.nbytes) + 1
        return max(1, min(int(self._seal_rows - tail.num_rows), of_bytes))

    def _says_spanning(self, tail: Tail, below: Sequence[str]) -> bool:
        stored = (self._store.get(key) for key in below)
        return tail.segment.spans_days or any(each is not None and says_spanning(each.data) for each in stored)

    def _write(self, partition: Partition, tail: Tail, part: pa.Table, spans_days: bool) -> Tail:
        """Replace the tail by itself with ``part`` appended; returns the tail of the next write."""
        both = pa.concat_tables([tail.segment.rows, part], promote_options="default")
        segment = replace(
            tail.segment,
            rows=both,
            sealed=both.num_rows >= self._seal_rows or both.nbytes >= self._seal_bytes,
            spans_days=tail.segment.spans_days or spans_days,
        )
        return _after(replace(tail, segment=segment, etag=self._swap(partition, tail, segment)))

    def _swap(self, partition: Partition, tail: Tail, segment: Segment) -> str:
        """Replace the tail by ``segment`` if it is unchanged; returns the ETag."""
        key, data = partition.segment(tail.number), encode(segment)
        if tail.etag is None:
            return self._store.put_if_absent(key, data)
        return self._store.put_if_match(key, data, tail.etag)

    def _ids_of(self, key: str) -> pa.ChunkedArray:
        """The ids of a sealed segment, cached, since only an erasure changes them.

        A cached id of an erased event does no harm: the erasure's mark rejects that event anyway.
        """
        ids = self._sealed_ids.get(key)
        if ids is None:
            stored = self._store.get(key)
            if stored is None:
                return EVENTS.empty_table()["event_id"]
            ids = self._sealed_ids[key] = decode_ids(stored.data, key)
        return ids

    def _read_rows(self, key: str) -> pa.Table:
        stored = self._store.get(key)
        return decode(stored.data, key).rows if stored else EVENTS.empty_table()


def _spans_days(deliveries: pa.Table) -> bool:
    return any(salt is not None and outlives_its_day(salt) for salt in deliveries["salt"].unique().to_pylist())


def _after(tail: Tail) -> Tail:
    if not tail.segment.sealed:
        return tail
    empty = Segment(EVENTS.empty_table(), erased_before=tail.segment.erased_before)
    return Tail(tail.number + 1, empty, None, tail.unique_keys)
