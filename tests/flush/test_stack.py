"""Flush from a real SQS's behaviour to a real S3's: many messages, two drains at once, redelivery, dead letters."""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import boto3
import pytest

from mallard.event import Event
from mallard.flush.drain import drain, flush
from mallard.flush.flush_report import FlushReport
from mallard.queue.sqs import SqsQueue, connect
from mallard.table.layout import Partition
from mallard.table.writer import ATTEMPTS, TableWriter
from support.faults import Fault, FaultyStore
from support.ministack import ministack
from support.moto import REGION
from support.rows import DAY, event, noon, stored_ids
from support.s3 import Server
from support.sqs import make_queues, read_all

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

pytestmark = pytest.mark.heavy

SITES = 10
EVENTS = 2000
PATIENCE_SECONDS = 60


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with ministack() as found:
        yield found


@pytest.fixture(scope="module")
def server(address: str) -> Server:
    return Server(address)


@pytest.fixture(scope="module")
def client(address: str) -> "SQSClient":
    client: SQSClient = boto3.client("sqs", endpoint_url=address)
    return client


def site(number: int) -> str:
    return f"site-{number % SITES}.example"


def spread(numbers: range) -> list[Event]:
    return [event(number, site_id=site(number)) for number in numbers]


def stored_once(store: FaultyStore) -> bool:
    found = Counter(number for n in range(SITES) for number in stored_ids(store, Partition(site(n), DAY)))
    return found == Counter(range(EVENTS))


def drained(queue: SqsQueue, store: FaultyStore) -> FlushReport:
    """By a writer of its own, as in another function; run after run until nothing waits."""
    table, total, deadline = TableWriter(store), FlushReport(), time.monotonic() + PATIENCE_SECONDS
    while queue.depth() and time.monotonic() < deadline:
        total += drain(queue, table, clock=noon)
    return total


def test_concurrent_drains_write_each_event_once(server: Server, client: "SQSClient") -> None:
    url, _ = make_queues(client)
    store = FaultyStore(server.new_store())
    queues = [connect(url, region=REGION) for _ in range(2)]
    queues[0].send([each.to_message() for each in spread(range(EVENTS))])
    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(drained, queues, [store, store]))
    assert stored_once(store)
    assert queues[0].depth() == 0
    assert sum(each.rows.written for each in reports) == EVENTS


def test_redelivered_messages_are_counted_once_after_a_missed_acknowledgement(
    server: Server, client: "SQSClient"
) -> None:
    url, _ = make_queues(client)
    store = FaultyStore(server.new_store())
    queue = connect(url, region=REGION)
    queue.send([each.to_message() for each in spread(range(EVENTS))])
    first = queue.receive(EVENTS)
    assert flush(first, TableWriter(store), noon()).rows.written == len(first)
    queue.release(first)
    report = drained(queue, store)
    assert (report.rows.duplicates, report.rows.written) == (len(first), EVENTS - len(first))
    assert stored_once(store)
    assert queue.depth() == 0


def test_unreadable_message_is_a_dead_letter_with_its_reason(server: Server, client: "SQSClient") -> None:
    url, dead_letters_url = make_queues(client)
    queue = connect(url, region=REGION)
    queue.send([b'{"date":"2026-01-02"}', event(1).to_message()])
    report = drained(queue, FaultyStore(server.new_store()))
    assert (report.rows.written, len(report.poison), queue.depth()) == (1, 1, 0)
    ((body, reason),) = read_all(client, dead_letters_url)
    assert body == b'{"date":"2026-01-02"}'
    assert reason


def test_message_that_keeps_failing_ends_in_the_dead_letters(server: Server, client: "SQSClient") -> None:
    url, dead_letters_url = make_queues(client, max_receives=2)
    store = FaultyStore(server.new_store())
    store.faults.extend([Fault.UNAVAILABLE] * 2 * ATTEMPTS)
    queue = connect(url, region=REGION)
    queue.send([event(1).to_message()])
    table = TableWriter(store, sleep=lambda seconds: None)
    failures, deadline = 0, time.monotonic() + PATIENCE_SECONDS
    while queue.depth() and time.monotonic() < deadline:
        failures += len(drain(queue, table, clock=noon).failed)
    assert failures == 2
    assert [body for body, _ in read_all(client, dead_letters_url)] == [event(1).to_message()]
