"""From the queue to the table: nothing acknowledged early, nobody held back by another's trouble."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from mallard.drops.drop_counts import rejections
from mallard.drops.drop_note import DropNote
from mallard.flush import drain as drain_module
from mallard.flush.drain import EXPIRED, drain, flush
from mallard.queue.base import RECEIVED_BYTES, VISIBILITY_SECONDS, Message
from mallard.queue.local import LocalQueue
from mallard.table.layout import Partition
from mallard.table.writer import ATTEMPTS, TableWriter
from support.faults import Fault, FaultyStore
from support.memory import MemoryQueue, MemoryStore
from support.rows import HERE, event, events, noon, segments

POISON = b'{"event_id": "not a number"}'


def writer(store: FaultyStore) -> TableWriter:
    return TableWriter(store, sleep=lambda seconds: None, jitter=lambda: 0.0)


def sent(*bodies: bytes) -> MemoryQueue:
    queue = MemoryQueue()
    queue.send(bodies)
    return queue


def stored_ids(store: FaultyStore, partition: Partition = HERE) -> list[int]:
    return [number for segment in segments(store, partition) for number in segment.rows["event_id"].to_pylist()]


def test_drained_messages_are_in_the_table_and_out_of_the_queue() -> None:
    store = FaultyStore(MemoryStore())
    queue = sent(*(each.to_message() for each in events(1, 2, 3)))
    report = drain(queue, writer(store), clock=noon)
    assert (report.rows.written, report.partitions, queue.depth()) == (3, 1, 0)
    assert stored_ids(store) == [1, 2, 3]


def test_drain_acknowledges_messages_only_after_the_write() -> None:
    store, depths = FaultyStore(MemoryStore()), list[int]()
    queue = sent(*(each.to_message() for each in events(1, 2)))
    store.after_write = lambda: depths.append(queue.depth())
    drain(queue, writer(store), clock=noon)
    assert depths == [2]
    assert queue.depth() == 0


def test_unreadable_message_is_a_dead_letter_and_the_rest_is_flushed() -> None:
    store = FaultyStore(MemoryStore())
    queue = sent(event(1).to_message(), POISON, b"\xff", event(2).to_message())
    report = drain(queue, writer(store), clock=noon)
    assert stored_ids(store) == [1, 2]
    assert [body for body, _ in queue.aside] == [POISON, b"\xff"]
    assert all(reason for _, reason in queue.aside)
    assert (len(report.poison), queue.depth()) == (2, 0)


def test_drain_takes_large_messages_in_rounds_of_bounded_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain_module, "RECEIVED_BYTES", 100_000)
    store, rounds = FaultyStore(MemoryStore()), list[int]()

    class Measured(MemoryQueue):
        def receive(self, limit: int, most_bytes: int = RECEIVED_BYTES) -> list[Message]:
            messages = super().receive(limit, 100_000)
            rounds.append(sum(len(each.body) for each in messages))
            return messages

    queue = Measured()
    queue.send([event(number, props='{"k":"' + "x" * 8000 + '"}').to_message() for number in range(1, 101)])
    report = drain(queue, writer(store), clock=noon)
    assert (report.rows.written, queue.depth()) == (100, 0)
    assert max(rounds) <= 100_000
    assert min(rounds[:-1]) > 50_000


def test_invalid_date_affects_only_its_own_message() -> None:
    store = FaultyStore(MemoryStore())
    wrong, note = event(2, date="tomorrow").to_message(), DropNote(HERE.site_id, "2026-01-02", 1, "bot").to_message()
    wrong_note = DropNote(HERE.site_id, "tomorrow", 1, "bot").to_message()
    queue = sent(event(1).to_message(), wrong, note, wrong_note)
    drain(queue, writer(store), clock=noon)
    assert stored_ids(store) == [1]
    assert [body for body, _ in queue.aside] == [wrong_note, wrong]
    assert [each.count for each in rejections(store, HERE.site_id, HERE.date, HERE.date + timedelta(days=1))] == [1]


def test_failing_partition_does_not_block_others_and_its_messages_return() -> None:
    store = FaultyStore(MemoryStore())
    first, second = event(1, site_id="a.example"), event(2, site_id="b.example")
    queue = sent(first.to_message(), second.to_message())
    store.faults.extend([Fault.UNAVAILABLE] * ATTEMPTS)
    report = drain(queue, writer(store), clock=noon)
    assert (len(report.failed), report.rows.written, queue.depth()) == (1, 1, 1)
    queue.expire()
    assert drain(queue, writer(store), clock=noon).rows.written == 1
    assert stored_ids(store, Partition("a.example", HERE.date)) == [1]
    assert stored_ids(store, Partition("b.example", HERE.date)) == [2]


def test_drain_stops_when_told_not_to_go_on() -> None:
    queue = sent(event(1).to_message())
    drain(queue, writer(FaultyStore(MemoryStore())), clock=noon, may_go_on=lambda: False)
    assert queue.depth() == 1


class Watch:
    """A clock that the test moves; both kinds of time from one."""

    def __init__(self) -> None:
        self.now = noon()

    def __call__(self) -> datetime:
        return self.now

    def seconds(self) -> float:
        return self.now.timestamp()

    def pass_seconds(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def local(tmp_path: Path, watch: Watch) -> Iterator[LocalQueue]:
    with closing(LocalQueue(tmp_path / "queue.sqlite", clock=watch.seconds)) as queue:
        yield queue


def of_sites(count: int) -> list[bytes]:
    return [event(number, site_id=f"site-{number}.example").to_message() for number in range(1, count + 1)]


def test_messages_stay_invisible_while_they_are_written(local: LocalQueue, watch: Watch) -> None:
    """Eleven partitions of 40 seconds each are far more than one visibility."""
    local.send(of_sites(11))
    store, stolen = FaultyStore(MemoryStore()), list[Message]()

    def write() -> None:
        watch.pass_seconds(40)
        stolen.extend(local.receive(100))

    store.before_write.extend([write] * 11)
    report = drain(local, writer(store), clock=watch)
    assert stolen == []
    assert (report.rows.written, report.rows.duplicates, local.depth()) == (11, 0, 0)
    assert watch.now - noon() > 2 * timedelta(seconds=VISIBILITY_SECONDS)


def test_drain_at_the_deadline_settles_written_messages_and_releases_the_rest(local: LocalQueue, watch: Watch) -> None:
    local.send(of_sites(5))
    store = FaultyStore(MemoryStore())
    report = drain(local, writer(store), clock=watch, may_go_on=lambda: len(store.writes) < 2)
    assert (report.rows.written, len(report.left), len(report.failed)) == (2, 3, 0)
    assert local.depth() == 3
    assert len(local.receive(10)) == 3


def test_failed_message_is_tried_once_per_drain_with_growing_pauses(local: LocalQueue, watch: Watch) -> None:
    local.send([event(1).to_message()])
    store, pauses = FaultyStore(MemoryStore()), list[float]()
    for _ in range(12):
        store.faults.extend([Fault.UNAVAILABLE] * ATTEMPTS)
        assert len(drain(local, writer(store), clock=watch).failed) == 1
        assert not store.faults
        failed = watch.now
        while not (again := local.receive(1)):
            watch.pass_seconds(1)
        pauses.append((watch.now - failed).total_seconds())
        local.release(again)
    assert pauses[0] <= 2
    assert pauses == sorted(pauses)
    assert pauses[-1] == 900
    assert drain(local, writer(store), clock=watch).rows.written == 1
    assert local.depth() == 0


def test_messages_that_keep_failing_do_not_block_later_ones(
    local: LocalQueue, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain_module, "BATCH", 3)
    local.send([event(n, site_id="bad.example").to_message() for n in range(1, 4)] + of_sites(2))
    store = FaultyStore(MemoryStore())
    store.faults.extend([Fault.UNAVAILABLE] * ATTEMPTS)
    assert len(drain(local, writer(store), clock=watch).failed) == 3
    assert drain(local, writer(store), clock=watch).rows.written == 2
    assert local.depth() == 3


def test_a_full_batch_is_followed_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain_module, "BATCH", 2)
    store = FaultyStore(MemoryStore())
    queue = sent(*(each.to_message() for each in events(1, 2, 3, 4, 5)))
    assert drain(queue, writer(store), clock=noon).rows.written == 5
    assert queue.depth() == 0


def test_an_event_of_a_day_past_retention_is_set_aside_as_expired() -> None:
    store = FaultyStore(MemoryStore())
    table = TableWriter(store, retention_days=30)
    # West of UTC it may still be the day before.
    kept, gone = noon().date() - timedelta(days=31), noon().date() - timedelta(days=32)
    old, young = event(1, date=gone.isoformat()), event(2, date=kept.isoformat())
    queue = sent(old.to_message(), young.to_message())
    report = drain(queue, table, clock=noon)
    assert queue.aside == [(old.to_message(), EXPIRED)]
    assert (report.rows.written, len(report.poison), queue.depth()) == (1, 1, 0)
    assert stored_ids(store, Partition(HERE.site_id, gone)) == []
    assert stored_ids(store, Partition(HERE.site_id, kept)) == [2]


def test_flush_accepts_any_day_without_retention() -> None:
    store = FaultyStore(MemoryStore())
    report = flush([Message("1", event(1, date="2015-01-01").to_message())], TableWriter(store), noon())
    assert (report.rows.written, report.poison) == (1, ())


def test_flush_of_an_empty_batch_gives_an_empty_report() -> None:
    report = flush([], writer(FaultyStore(MemoryStore())), noon())
    assert (report.done, report.failed, report.poison, report.partitions) == ((), (), (), 0)


def test_drain_repeats_receives_until_the_queue_returns_little() -> None:
    class Stingy(MemoryQueue):
        rounds = 0

        def receive(self, limit: int, most_bytes: int = RECEIVED_BYTES) -> list[Message]:
            self.rounds += 1
            return super().receive(3, most_bytes)

    def stingy() -> Stingy:
        queue = Stingy()
        queue.send([event(number).to_message() for number in range(1, 9)])
        return queue

    whole, once = stingy(), stingy()
    assert drain(whole, writer(FaultyStore(MemoryStore())), clock=noon, enough=3).rows.written == 8
    assert (whole.rounds, whole.depth()) == (3, 0)
    assert drain(once, writer(FaultyStore(MemoryStore())), clock=noon).rows.written == 3
