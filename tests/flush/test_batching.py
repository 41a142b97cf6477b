"""Quiet partitions wait for others where there are many, and never for longer than said."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mallard.aws.sqs_records import flush_records
from mallard.flush.batching import BUSY_ROWS, PROMPT_PARTITIONS, Batching
from mallard.flush.drain import drain, flush
from mallard.queue.base import Message
from mallard.queue.local import LocalQueue
from mallard.table.messages import partitions, read_deliveries
from mallard.table.reader import known_sites
from mallard.table.writer import TableWriter
from support.memory import MemoryQueue, MemoryStore
from support.rows import event

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SPAN = 1800
MANY = 3 * PROMPT_PARTITIONS


def message(number: int, site: int, at: datetime) -> bytes:
    milliseconds = int(at.timestamp() * 1000)
    return event(number, site_id=f"s{site}.example", date=f"{at.date()}", accepted_ms=milliseconds).to_message()


def of_sites(count: int, at: datetime = NOW, each: int = 1) -> list[bytes]:
    return [message(site * 1000 + number, site, at) for site in range(count) for number in range(each)]


class Moving:
    """A time to move."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Moving:
    return Moving()


@pytest.fixture
def queue(tmp_path: Path, clock: Moving) -> Iterator[LocalQueue]:
    with closing(LocalQueue(tmp_path / "queue.db", clock=lambda: clock.now.timestamp())) as queue:
        yield queue


def writer(store: MemoryStore) -> TableWriter:
    return TableWriter(store, sleep=lambda seconds: None, jitter=lambda: 0.0)


def test_flush_without_batching_holds_no_message() -> None:
    report = flush([Message(str(n), body) for n, body in enumerate(of_sites(MANY))], writer(MemoryStore()), NOW)
    assert (report.partitions, report.waiting) == (MANY, ())


def test_batching_holds_nothing_when_partitions_are_few(queue: LocalQueue, clock: Moving) -> None:
    queue.send(of_sites(PROMPT_PARTITIONS))
    report = drain(queue, writer(MemoryStore()), clock=clock, batching=Batching(SPAN))
    assert (report.partitions, report.waiting, queue.depth()) == (PROMPT_PARTITIONS, (), 0)


def test_batching_writes_events_accepted_by_a_fast_clock_at_once(queue: LocalQueue, clock: Moving) -> None:
    queue.send(of_sites(MANY, NOW + timedelta(hours=9)))
    report = drain(queue, writer(MemoryStore()), clock=clock, batching=Batching(SPAN))
    assert (report.partitions, report.waiting, queue.depth()) == (MANY, (), 0)


def test_batching_holds_quiet_partitions_and_writes_busy_ones_at_once(queue: LocalQueue, clock: Moving) -> None:
    queue.send(of_sites(MANY))
    queue.send([message(10**6 + number, 900, NOW) for number in range(BUSY_ROWS)])
    store = MemoryStore()
    report = drain(queue, writer(store), clock=clock, batching=Batching(SPAN))
    assert (report.partitions, len(report.waiting)) == (PROMPT_PARTITIONS + 1, MANY - PROMPT_PARTITIONS)
    assert "s900.example" in known_sites(store)
    assert queue.depth() == MANY - PROMPT_PARTITIONS


def test_held_messages_are_written_in_time_together_with_later_ones(queue: LocalQueue, clock: Moving) -> None:
    store, batching = MemoryStore(), Batching(SPAN)
    for minute in range(SPAN // 60):
        clock.now = NOW + timedelta(minutes=minute)
        # Ten busier sites take the prompt places.
        queue.send([message(minute * 100 + n, 500 + n // 3, clock.now) for n in range(3 * PROMPT_PARTITIONS)])
        queue.send([message(10**6 + minute, 7, clock.now)])
        drain(queue, writer(store), clock=clock, batching=batching)
    clock.now += timedelta(seconds=SPAN)
    report = drain(queue, writer(store), clock=clock, batching=batching)
    assert queue.depth() == 0
    # One write at the end of each of the two spans that half an hour touches.
    assert report.partitions <= 2
    assert "s7.example" in known_sites(store)


def test_batching_holds_no_message_longer_than_its_span(queue: LocalQueue, clock: Moving) -> None:
    queue.send(of_sites(MANY))
    store = MemoryStore()
    drain(queue, writer(store), clock=clock, batching=Batching(SPAN))
    clock.now += timedelta(seconds=SPAN)
    drain(queue, writer(store), clock=clock, batching=Batching(SPAN))
    assert (queue.depth(), len(known_sites(store))) == (0, MANY)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 7200), st.integers(1, 25)), min_size=1, max_size=40),
    st.integers(1, 36_000),
)
def test_a_pause_is_at_least_a_second_and_ends_within_the_span_of_the_first_event(
    sent: list[tuple[int, int, int]], seconds: int
) -> None:
    bodies = [
        message(number * 100 + copy, site, NOW - timedelta(seconds=age))
        for number, (site, age, copies) in enumerate(sent)
        for copy in range(copies)
    ]
    parts = [(partition, rows) for partition, _, rows in partitions(read_deliveries(bodies))]
    pauses = Batching(seconds).pauses(parts, NOW)
    for partition, rows in parts:
        if partition not in pauses:
            continue
        first = min(rows["accepted_ms"].to_pylist()) / 1000
        assert rows.num_rows < BUSY_ROWS
        assert 1 <= pauses[partition] <= seconds
        assert NOW.timestamp() + pauses[partition] <= first + seconds + 1
    quiet = sum(rows.num_rows < BUSY_ROWS for _, rows in parts)
    assert len(pauses) <= max(0, quiet - PROMPT_PARTITIONS)


def test_lambda_records_held_for_batching_are_reported_as_failures() -> None:
    class Holding(MemoryQueue):
        held: tuple[tuple[Message, int], ...] = ()

        def hold(self, waiting: object) -> None:
            self.held = tuple(waiting)  # type: ignore[arg-type]

    queue, bodies = Holding(), of_sites(MANY)
    records = [
        {"messageId": f"m{n}", "receiptHandle": f"{n}", "body": body.decode(), "attributes": {}}
        for n, body in enumerate(bodies)
    ]
    answer = flush_records(records, queue, writer(MemoryStore()), NOW, lambda: True, Batching(SPAN))
    again = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
    assert len(again) == len(queue.held) == MANY - PROMPT_PARTITIONS
    assert {f"m{each.receipt}" for each, _ in queue.held} == again
