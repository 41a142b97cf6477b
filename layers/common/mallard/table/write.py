"""The one way into the table: read a partition's tail, leave out what it holds, swap it whole."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from mallard.errors import ConflictError, StoreError, StoreUnavailableError
from mallard.store.base import Store
from mallard.table.fresh import Known, fresh_rows
from mallard.table.layout import Partition, parse_segment
from mallard.table.schema import EVENTS
from mallard.table.segment import Segment, decode, encode

SEAL_ROWS = 131_072
ATTEMPTS = 6
FIRST_PAUSE_SECONDS = 0.05
CACHED_SEALED_SEGMENTS = 64


@dataclass(frozen=True, slots=True)
class AppendReport:
    """What became of the rows: written now, already there, or too old for a partition that was erased since."""

    written: int = 0
    duplicates: int = 0
    erased: int = 0

    def __add__(self, other: "AppendReport") -> "AppendReport":
        return AppendReport(
            self.written + other.written, self.duplicates + other.duplicates, self.erased + other.erased
        )


@dataclass(frozen=True, slots=True)
class _Tail:
    """The highest segment of a partition as it was read; ``etag`` None where the partition is empty."""

    number: int
    segment: Segment
    etag: str | None


class TableWriter:
    """Appends rows to partitions of one store. Any number of writers may run at once, anywhere."""

    def __init__(
        self,
        store: Store,
        *,
        seal_rows: int = SEAL_ROWS,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """The write that brings a segment to ``seal_rows`` seals it; ``jitter`` gives 0 ≤ x < 1."""
        self._store = store
        self._seal_rows = seal_rows
        self._sleep = sleep
        self._jitter = jitter
        self._sealed_ids: dict[str, pa.ChunkedArray] = {}

    def append(self, partition: Partition, deliveries: pa.Table) -> AppendReport:
        """Put rows (schema ``DELIVERIES``) into a partition, each exactly once.

        At return each row is in a whole object that was seen or acknowledged. Raises StoreError where ATTEMPTS
        tries did not get there: then some rows may be in, and trying again is safe.
        """
        failure: StoreError | None = None
        for attempt in range(ATTEMPTS):
            if attempt:
                self._sleep(FIRST_PAUSE_SECONDS * 2**attempt * (0.5 + self._jitter()))
            try:
                return self._try_append(partition, deliveries)
            except (ConflictError, StoreUnavailableError) as error:
                # A conflict surely wrote nothing; an unclear answer may have. Reading again tells, in both cases.
                failure = error
        raise failure or StoreUnavailableError(f"{partition.prefix} could not be written.")

    def _try_append(self, partition: Partition, deliveries: pa.Table) -> AppendReport:
        tail, sealed = self._find_tail(partition)
        known = Known(tail.segment.rows, {key: self._ids_of(key) for key in sealed}, self._read_rows)
        erased_before = tail.segment.erased_before
        rows, duplicates, erased = fresh_rows(deliveries, known, erased_before)
        written = 0
        while written < rows.num_rows:
            room = max(1, self._seal_rows - tail.segment.rows.num_rows)
            part = rows.slice(written, room)
            tail = self._write(partition, tail, part)
            written += part.num_rows
        return AppendReport(written, duplicates, erased)

    def _write(self, partition: Partition, tail: _Tail, part: pa.Table) -> _Tail:
        """Swap the tail for itself with ``part``, and return what the next write builds on."""
        both = pa.concat_tables([tail.segment.rows, part], promote_options="default")
        segment = Segment(both, both.num_rows >= self._seal_rows, tail.segment.erased_before)
        key, data = partition.segment(tail.number), encode(segment)
        etag = (
            self._store.put_if_absent(key, data)
            if tail.etag is None
            else self._store.put_if_match(key, data, tail.etag)
        )
        return _after(_Tail(tail.number, segment, etag))

    def _find_tail(self, partition: Partition) -> tuple[_Tail, list[str]]:
        """The segment that grows, and the keys of all sealed ones. The listing is a hint: GET decides."""
        listed = [found[1] for row in self._store.list(partition.prefix) if (found := parse_segment(row.key))]
        number = max(listed, default=0)
        while True:
            key = partition.segment(number)
            stored = self._store.get(key)
            if stored is None:
                empty = Segment(EVENTS.empty_table(), erased_before=self._erased_before(partition, number))
                tail = _Tail(number, empty, None)
                break
            tail = _Tail(number, decode(stored.data, key), stored.etag)
            if not tail.segment.sealed:
                break
            number += 1
        return tail, [partition.segment(each) for each in range(number)]

    def _erased_before(self, partition: Partition, number: int) -> int | None:
        """The mark of the segment below a new one: it is carried on."""
        if number == 0:
            return None
        key = partition.segment(number - 1)
        stored = self._store.get(key)
        return decode(stored.data, key).erased_before if stored else None

    def _ids_of(self, key: str) -> pa.ChunkedArray:
        """The ids of a sealed segment: they never change, so a warm writer keeps them."""
        if key not in self._sealed_ids:
            if len(self._sealed_ids) >= CACHED_SEALED_SEGMENTS:
                self._sealed_ids.pop(next(iter(self._sealed_ids)))
            self._sealed_ids[key] = self._read_rows(key)["event_id"]
        return self._sealed_ids[key]

    def _read_rows(self, key: str) -> pa.Table:
        stored = self._store.get(key)
        return decode(stored.data, key).rows if stored else EVENTS.empty_table()


def _after(tail: _Tail) -> _Tail:
    if not tail.segment.sealed:
        return tail
    return _Tail(tail.number + 1, Segment(EVENTS.empty_table(), erased_before=tail.segment.erased_before), None)
