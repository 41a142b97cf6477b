"""From the queue to the table: nothing acknowledged early, nobody held back by another's trouble."""

from mallard.flush.core import drain, flush
from mallard.table.layout import Partition
from mallard.table.write import ATTEMPTS, TableWriter
from support.faults import Fault, FaultyStore
from support.memory import MemoryQueue, MemoryStore
from support.rows import HERE, event, events, segments

POISON = b'{"event_id": "not a number"}'


def writer(store: FaultyStore) -> TableWriter:
    return TableWriter(store, sleep=lambda seconds: None, jitter=lambda: 0.0)


def sent(*bodies: bytes) -> MemoryQueue:
    queue = MemoryQueue()
    queue.send(bodies)
    return queue


def stored_ids(store: FaultyStore, partition: Partition = HERE) -> list[int]:
    return [number for segment in segments(store, partition) for number in segment.rows["event_id"].to_pylist()]


def test_what_is_drained_is_in_the_table_and_out_of_the_queue() -> None:
    store = FaultyStore(MemoryStore())
    queue = sent(*(each.to_message() for each in events(1, 2, 3)))
    report = drain(queue, writer(store))
    assert (report.rows.written, report.partitions, queue.depth()) == (3, 1, 0)
    assert stored_ids(store) == [1, 2, 3]


def test_nothing_is_acknowledged_before_it_is_written() -> None:
    store, depths = FaultyStore(MemoryStore()), list[int]()
    queue = sent(*(each.to_message() for each in events(1, 2)))
    store.after_write = lambda: depths.append(queue.depth())
    drain(queue, writer(store))
    assert depths == [2]
    assert queue.depth() == 0


def test_a_message_nobody_can_read_is_set_aside_with_its_reason_and_the_rest_is_flushed() -> None:
    store = FaultyStore(MemoryStore())
    queue = sent(event(1).to_message(), POISON, b"\xff", event(2).to_message())
    report = drain(queue, writer(store))
    assert stored_ids(store) == [1, 2]
    assert [body for body, _ in queue.aside] == [POISON, b"\xff"]
    assert all(reason for _, reason in queue.aside)
    assert (len(report.poison), queue.depth()) == (2, 0)


def test_a_partition_in_trouble_does_not_hold_back_others_and_its_messages_come_again() -> None:
    store = FaultyStore(MemoryStore())
    first, second = event(1, site_id="a.example"), event(2, site_id="b.example")
    queue = sent(first.to_message(), second.to_message())
    store.faults.extend([Fault.UNAVAILABLE] * ATTEMPTS)
    report = drain(queue, writer(store))
    assert (len(report.failed), report.rows.written, queue.depth()) == (1, 1, 1)
    assert drain(queue, writer(store)).rows.written == 1
    assert stored_ids(store, Partition("a.example", HERE.date)) == [1]
    assert stored_ids(store, Partition("b.example", HERE.date)) == [2]


def test_it_stops_where_it_may_not_go_on() -> None:
    queue = sent(event(1).to_message())
    drain(queue, writer(FaultyStore(MemoryStore())), may_go_on=lambda: False)
    assert queue.depth() == 1


def test_an_empty_batch_is_an_empty_report() -> None:
    report = flush([], writer(FaultyStore(MemoryStore())))
    assert (report.done, report.failed, report.poison, report.partitions) == ((), (), (), 0)
