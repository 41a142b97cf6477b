"""Batches that Lambda hands over from SQS: exactly what must come again is named."""

from collections.abc import Sequence
from typing import Any

from mallard.aws.sqs_records import flush_records
from mallard.queue.base import Message
from mallard.table.writer import ATTEMPTS, TableWriter
from support.faults import Fault, FaultyStore
from support.memory import MemoryQueue, MemoryStore
from support.rows import event, events, noon, stored_ids

POISON = b'{"event_id": "not a number"}'


class RecordingQueue(MemoryQueue):
    """A queue in memory that remembers what was given back."""

    def __init__(self) -> None:
        super().__init__()
        self.postponed: list[Message] = []
        self.released: list[Message] = []

    def postpone(self, messages: Sequence[Message]) -> None:
        """Remember."""
        self.postponed += messages

    def release(self, messages: Sequence[Message]) -> None:
        """Remember."""
        self.released += messages
        super().release(messages)


class FullQueue(RecordingQueue):
    """Has no place for what nobody can process."""

    def set_aside(self, poison: Sequence[tuple[Message, str]]) -> list[Message]:
        """Leave all where it is."""
        return [message for message, _ in poison]


def handed_over(queue: MemoryQueue, *bodies: bytes) -> list[dict[str, Any]]:
    """The records of Lambda's event: as SQS has them, received."""
    queue.send(bodies)
    return [
        {
            "messageId": f"id of {each.receipt}",
            "receiptHandle": each.receipt,
            "body": each.body.decode(),
            "attributes": {"ApproximateReceiveCount": "7"},
            "eventSource": "aws:sqs",
        }
        for each in queue.receive(100)
    ]


def failures(answer: dict[str, Any]) -> list[str]:
    assert list(answer) == ["batchItemFailures"]
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


def writer(store: FaultyStore) -> TableWriter:
    return TableWriter(store, sleep=lambda seconds: None, jitter=lambda: 0.0)


def test_written_batch_reports_no_failures() -> None:
    queue, store = RecordingQueue(), FaultyStore(MemoryStore())
    records = handed_over(queue, *(each.to_message() for each in events(1, 2, 3)))
    assert failures(flush_records(records, queue, writer(store), noon(), lambda: True)) == []
    assert stored_ids(store) == [1, 2, 3]


def test_failed_records_are_reported_and_delayed_by_their_receive_count() -> None:
    queue, store = RecordingQueue(), FaultyStore(MemoryStore())
    bodies = [event(n, site_id=f"{name}.example").to_message() for n, name in enumerate("abab", start=1)]
    records = handed_over(queue, *bodies)
    store.faults.extend([Fault.UNAVAILABLE] * ATTEMPTS)
    assert failures(flush_records(records, queue, writer(store), noon(), lambda: True)) == ["id of 1", "id of 3"]
    assert [(each.body, each.receives) for each in queue.postponed] == [(bodies[0], 7), (bodies[2], 7)]


def test_unreadable_record_is_a_dead_letter_and_not_reported() -> None:
    queue, store = RecordingQueue(), FaultyStore(MemoryStore())
    records = handed_over(queue, event(1).to_message(), POISON)
    assert failures(flush_records(records, queue, writer(store), noon(), lambda: True)) == []
    assert [body for body, _ in queue.aside] == [POISON]
    assert stored_ids(store) == [1]


def test_record_that_cannot_become_a_dead_letter_is_reported_as_failed() -> None:
    queue = FullQueue()
    records = handed_over(queue, event(1).to_message(), POISON)
    answer = flush_records(records, queue, writer(FaultyStore(MemoryStore())), noon(), lambda: True)
    assert failures(answer) == ["id of 2"]


def test_event_past_retention_is_a_dead_letter_and_not_reported() -> None:
    queue = RecordingQueue()
    records = handed_over(queue, event(1, date="2025-01-01").to_message())
    table = TableWriter(MemoryStore(), retention_days=30)
    assert failures(flush_records(records, queue, table, noon(), lambda: True)) == []
    assert [reason for _, reason in queue.aside] == ["expired"]


def test_records_without_time_left_are_reported_and_released_at_once() -> None:
    queue, store = RecordingQueue(), FaultyStore(MemoryStore())
    bodies = [event(n, site_id=f"{n}.example").to_message() for n in (1, 2, 3)]
    records = handed_over(queue, *bodies)
    answer = flush_records(records, queue, writer(store), noon(), lambda: not store.writes)
    assert failures(answer) == ["id of 2", "id of 3"]
    assert [each.body for each in queue.released] == bodies[1:]
    assert queue.postponed == []


def test_batch_delivered_twice_is_written_once() -> None:
    queue, store = RecordingQueue(), FaultyStore(MemoryStore())
    records = handed_over(queue, *(each.to_message() for each in events(1, 2)))
    for _ in range(2):
        assert failures(flush_records(records, queue, writer(store), noon(), lambda: True)) == []
    assert stored_ids(store) == [1, 2]
