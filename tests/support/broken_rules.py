"""The flush machine with one rule of the protocol left out each: a test of the test."""

from collections.abc import Callable
from dataclasses import replace

import pyarrow as pa

from mallard.errors import ConflictError
from mallard.queue.base import RECEIVED_BYTES, Message
from mallard.sites.settings_store import SiteSettingsStore
from mallard.store.base import Store
from mallard.table.layout import Partition
from mallard.table.partition_eraser import RemovedRows
from mallard.table.segment import Segment, encode
from mallard.table.tail import Tail, find_tail
from mallard.table.writer import TableWriter
from support.counting import ArrowEngine
from support.flush_machine import FlushMachine
from support.memory import MemoryQueue, MemoryStore


class BlindStore(MemoryStore):
    """A server that ignores ``If-Match``, as some do."""

    def put_if_match(self, key: str, data: bytes, etag: str) -> str:
        """Overwrite whatever is there."""
        self.objects.pop(key, None)
        return self.put_if_absent(key, data)


class BlindMachine(FlushMachine):
    """The condition of a swap is ignored."""

    make_objects = BlindStore


class CarelessStore(MemoryStore):
    """A server that ignores ``If-None-Match``."""

    def put_if_absent(self, key: str, data: bytes) -> str:
        """Overwrite whatever is there."""
        self.objects.pop(key, None)
        return super().put_if_absent(key, data)


class CarelessMachine(FlushMachine):
    """The condition of a creation is ignored."""

    make_objects = CarelessStore


class HastyQueue(MemoryQueue):
    """Forgets what it hands out."""

    def receive(self, limit: int, most_bytes: int = RECEIVED_BYTES) -> list[Message]:
        messages = super().receive(limit, most_bytes)
        self.acknowledge(messages)
        return messages


class HastyMachine(FlushMachine):
    """Messages are acknowledged before they are written."""

    make_queue = HastyQueue


class ForwardWriter(TableWriter):
    """On a conflict it opens the next segment, beside one that grows."""

    def _write(self, partition: Partition, tail: Tail, part: pa.Table, spans_days: bool) -> Tail:
        try:
            return super()._write(partition, tail, part, spans_days)
        except ConflictError:
            empty = replace(tail.segment, rows=tail.segment.rows.slice(0, 0))
            return super()._write(partition, Tail(tail.number + 1, empty, None), part, spans_days)


class ForwardMachine(FlushMachine):
    """Another writer's conflict opens the next number."""

    make_writer = ForwardWriter


class ForgetfulWriter(TableWriter):
    """Does not carry the mark of an erasure on."""

    def _write(self, partition: Partition, tail: Tail, part: pa.Table, spans_days: bool) -> Tail:
        if tail.etag is None:
            tail = replace(tail, segment=replace(tail.segment, erased_before=None))
        return super()._write(partition, tail, part, spans_days)


class ForgetfulMachine(FlushMachine):
    """``erased_before`` ends with the segment that an eraser wrote."""

    make_writer = ForgetfulWriter


class NearsightedWriter(TableWriter):
    """Looks for duplicates in its tail only."""

    def _ids_of(self, key: str) -> pa.ChunkedArray:
        return pa.chunked_array([[]], pa.int64())


class NearsightedMachine(FlushMachine):
    """Sealed segments are not searched for duplicates."""

    make_writer = NearsightedWriter


class CachedEngine(ArrowEngine):
    """Reads each object once and for all, as a file cache over growing objects would."""

    def __init__(self, store: Store, pending: Callable[[str], pa.Table], site_settings: SiteSettingsStore) -> None:
        super().__init__(store, pending, site_settings)
        self._cache: dict[str, list[tuple[int, str]]] = {}

    def _rows(self, file: str) -> list[tuple[int, str]]:
        key = file.rpartition("events/")[2]
        if key not in self._cache:
            self._cache[key] = super()._rows(file)
        return self._cache[key]


class CachedBuildMachine(FlushMachine):
    """Rollups are built from a cached read, and the reader reads well."""

    def __init__(self) -> None:
        super().__init__()
        self.engines["builder"] = CachedEngine(self.store, self._pending, self.site_settings)


class ErasuresMachine(FlushMachine):
    """Erasures, and processes beside them, without the rules that they do not need: a search among fewer schedules."""

    outlive = accept_a_known_id = redeliver = race = finish = None  # type: ignore[assignment]


def delete_partition(store: Store, partition: Partition, before_ms: int, **_: object) -> RemovedRows:
    """An erasure that frees the names."""
    keys = [row.key for row in store.list(partition.prefix)]
    for key in keys:
        store.delete(key)
    return RemovedRows(len(keys))


def erase_upwards(store: Store, partition: Partition, before_ms: int, **_: object) -> RemovedRows:
    """An erasure that begins with the lowest segment, and marks the highest last."""
    removed = 0
    tail = find_tail(store, partition)
    for number in range(tail.number + 1):
        key = partition.segment(number)
        stored = store.get(key)
        data = encode(Segment(tail.segment.rows.slice(0, 0), sealed=True, erased_before=before_ms))
        if stored is None:
            store.put_if_absent(key, data)
        else:
            store.put_if_match(key, data, stored.etag)
            removed += 1
    return RemovedRows(removed)
