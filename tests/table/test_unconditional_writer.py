"""One writer alone on a store that ignores conditions: exact while nobody pauses; who pauses may double, never lose."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mallard.errors import LeaseTakenError
from mallard.flush.drain import drain
from mallard.store.base import Store
from mallard.store.lease import CLOCKS_DIFFER, KEY, LASTS, Lease
from mallard.table.append_report import AppendReport
from mallard.table.layout import parse_segment
from mallard.table.partition_eraser import count_remaining_rows, erase_partition
from mallard.table.unconditional_writer import UnconditionalWriter
from mallard.table.writer import TableWriter
from support.faults import CrashError, Fault, FaultyStore
from support.lax import NOON, IgnoresConditions
from support.memory import MemoryQueue
from support.rows import HERE, NOON_MS, deliveries, event, events, segments, stored_ids

LONG = LASTS + CLOCKS_DIFFER + timedelta(seconds=1)


class Clock:
    """Time that passes when somebody sleeps, and when the test says so."""

    def __init__(self) -> None:
        self.time = NOON

    def now(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


def writer(store: Store, name: str, clock: Clock, seal_rows: int = 100) -> TableWriter:
    lease = Lease(store, name, now=clock.now, sleep=clock.sleep)
    return TableWriter(
        store,
        seal_rows=seal_rows,
        unique_names=UnconditionalWriter(store, lease),
        sleep=lambda seconds: None,
        jitter=lambda: 0.0,
    )


def keys(store: Store) -> list[str]:
    return [row.key.removeprefix(HERE.prefix) for row in store.list(HERE.prefix)]


def test_single_writer_append_uses_a_new_name_each_time() -> None:
    store, clock = FaultyStore(IgnoresConditions()), Clock()
    table = writer(store, "one", clock, seal_rows=3)
    assert table.append(HERE, deliveries(events(1, 2))) == AppendReport(written=2)
    assert table.append(HERE, deliveries(events(2, 3, 4, 5, 6))) == AppendReport(written=4, duplicates=1)
    assert [parse_segment(HERE.prefix + key) for key in keys(store)] == [(HERE, 0), (HERE, 1), (HERE, 2)]
    assert all(len(key) == len("00000-01234567.parquet") for key in keys(store))
    assert stored_ids(store) == [1, 2, 3, 4, 5, 6]
    written = [key for operation, key in store.writes if key != KEY]
    assert sorted(written) == sorted(set(written))


def test_a_second_writer_is_refused_until_the_first_gives_its_lease_back() -> None:
    store, clock = IgnoresConditions(), Clock()
    one, two = writer(store, "one", clock), writer(store, "two", clock)
    one.append(HERE, deliveries(events(1)))
    with pytest.raises(LeaseTakenError, match=r"^Another process \(one\) flushes, until 12:02:00 UTC at most\.$"):
        two.append(HERE, deliveries(events(1, 2)))
    one.close()
    assert two.append(HERE, deliveries(events(1, 2))) == AppendReport(written=1, duplicates=1)
    assert stored_ids(store) == [1, 2]


def test_single_writer_paused_past_its_lease_overwrites_no_object() -> None:
    objects, clock = IgnoresConditions(), Clock()
    store = FaultyStore(objects)
    one, two = writer(store, "one", clock), writer(objects, "two", clock)
    one.append(HERE, deliveries(events(1)))

    def pause() -> None:
        clock.time += LONG
        two.append(HERE, deliveries(events(2, 3)))

    store.before_write.append(pause)
    one.append(HERE, deliveries(events(2, 4)))
    assert stored_ids(objects) == [1, 2, 2, 3, 4]


def test_erasure_mark_is_kept_by_later_names() -> None:
    store, clock = IgnoresConditions(), Clock()
    table = writer(store, "one", clock)
    table.append(HERE, deliveries(events(1, 2)))
    erase_partition(store, HERE, NOON_MS + 10)
    assert count_remaining_rows(store, HERE, NOON_MS + 10) == 0
    assert table.append(HERE, deliveries(events(3, 20))) == AppendReport(written=1, erased=1)
    assert writer(store, "one", clock).append(HERE, deliveries(events(4, 21))) == AppendReport(written=1, erased=1)
    assert stored_ids(store) == [20, 21]


def test_shared_writer_continues_after_a_single_writer() -> None:
    store, clock = IgnoresConditions(), Clock()
    many = TableWriter(store, sleep=lambda seconds: None)
    many.append(HERE, deliveries(events(1)))
    single = writer(store, "one", clock)
    single.append(HERE, deliveries(events(1, 2)))
    erase_partition(store, HERE, NOON_MS + 2)
    single.append(HERE, deliveries(events(3)))
    single.close()
    again = TableWriter(store, sleep=lambda seconds: None)
    assert again.append(HERE, deliveries(events(1, 3, 4))) == AppendReport(written=1, duplicates=1, erased=1)
    assert again.append(HERE, deliveries(events(3, 4, 5))) == AppendReport(written=1, duplicates=2)
    assert stored_ids(store) == [3, 4, 5]


class SegmentFaults(FaultyStore):
    """Faults befall the writes of segments only, so that nobody pauses while a lease is taken."""

    def _write(self, operation: str, key: str, write: Callable[[], str]) -> str:
        return write() if key == KEY else super()._write(operation, key, write)


class SingleWriters(RuleBasedStateMachine):
    """Two flushers that should be one, over a store that ignores conditions."""

    make_store: type[FaultyStore] = SegmentFaults
    pauses = False

    def __init__(self) -> None:
        super().__init__()
        self.clock, self.queue = Clock(), MemoryQueue()
        self.store = self.make_store(IgnoresConditions())
        self.accepted: list[int] = []
        self.writers = [writer(self.store, name, self.clock, seal_rows=3) for name in ("one", "two")]

    @rule(count=st.integers(1, 4))
    def accept(self, count: int) -> None:
        """Some events arrive."""
        numbers = range(len(self.accepted) + 1, len(self.accepted) + 1 + count)
        self.queue.send([event(number).to_message() for number in numbers])
        self.accepted += numbers

    @rule(who=st.sampled_from([0, 1]), faults=st.lists(st.sampled_from(Fault), max_size=3))
    def flush(self, who: int, faults: list[Fault]) -> None:
        """One flushes, and its writes meet faults; after a crash it settles nothing."""
        self.queue.expire()
        self.store.faults.extend(faults)
        try:
            drain(self.queue, self.writers[who], clock=self.clock.now)
        except CrashError:
            pass
        finally:
            self.store.faults.clear()
            self.store.before_write.clear()

    @rule(who=st.sampled_from([0, 1]), count=st.integers(1, 4), writes_before=st.integers(0, 1))
    def race(self, who: int, count: int, writes_before: int) -> None:
        """Before one of its writes the other flushes the same messages, and one more; it may pause meanwhile."""
        self.accept(count)

        def meanwhile() -> None:
            self.store.before_write.clear()
            self.accept(1)
            if self.pauses:
                self.clock.time += LONG
            self.queue.expire()
            drain(self.queue, self.writers[1 - who], clock=self.clock.now)

        self.store.before_write.extend([lambda: None] * writes_before + [meanwhile])
        self.flush(who, [])

    @rule(seconds=st.sampled_from([1, 60, 100, 200]))
    def wait(self, seconds: int) -> None:
        """Time passes while nobody works."""
        self.clock.sleep(seconds)

    @invariant()
    def nothing_is_lost(self) -> None:
        """What is no longer queued is in the table."""
        self.queue.expire()
        messages = self.queue.receive(10_000)
        self.queue.release(messages)
        queued = {json.loads(message.body)["event_id"] for message in messages}
        assert set(self.accepted) <= set(stored_ids(self.store)) | queued

    @invariant()
    def nothing_is_twice_unless_somebody_paused(self) -> None:
        """Exact, as with conditions."""
        found = stored_ids(self.store)
        assert self.pauses or len(found) == len(set(found))

    def teardown(self) -> None:
        """Left alone, everything accepted is in the table."""
        self.clock.time += LONG
        self.queue.expire()
        drain(self.queue, self.writers[0], clock=self.clock.now)
        assert set(stored_ids(self.store)) == set(self.accepted)
        assert self.queue.depth() == 0


class PausingWriters(SingleWriters):
    """The same where each pause is longer than a lease, and may come while a lease is taken."""

    make_store = FaultyStore
    pauses = True


SETTINGS = settings(max_examples=25, stateful_step_count=8, deadline=None, derandomize=True)
TestSingleWriters = SingleWriters.TestCase
TestSingleWriters.settings = SETTINGS
TestPausingWriters = PausingWriters.TestCase
TestPausingWriters.settings = SETTINGS


def test_redelivered_rows_set_the_spans_days_mark_once() -> None:
    store = IgnoresConditions()
    table = writer(store, "one", Clock())
    table.append(HERE, deliveries(events(1, 2)))
    for _ in range(2):
        assert table.append(HERE, deliveries(events(1, 2)), spans_days=True) == AppendReport(duplicates=2)
        assert [(each.spans_days, each.rows.num_rows) for each in segments(store)] == [(False, 2), (True, 0)]
