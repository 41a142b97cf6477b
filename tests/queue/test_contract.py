"""One suite over every queue, the fake included: what ingest and flush may rely on.

moto's SQS stands in `make test`; ministack's, which keeps more of the contract, in `make check`.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest

from mallard.queue.base import Message, Queue
from mallard.queue.local import LocalQueue
from mallard.queue.sqs import SqsQueue, connect
from support.memory import MemoryQueue
from support.ministack import ministack
from support.moto import moto_server
from support.rows import event
from support.sqlite import rows
from support.sqs import make_queues, new_name, read_all

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

BODIES = [b"%d" % number for number in range(23)]
REASON = "it lacks 'event_id'"

Aside = list[tuple[bytes, str]]


@dataclass(frozen=True)
class Case:
    """A queue, and a look at what was set aside with its reason."""

    queue: Queue
    aside: Callable[[], Aside]


@pytest.fixture(scope="module")
def moto() -> Iterator["SQSClient"]:
    with moto_server() as address:
        yield boto3.client("sqs", endpoint_url=address)


@pytest.fixture(scope="module")
def stack() -> Iterator["SQSClient"]:
    with ministack() as address:
        yield boto3.client("sqs", endpoint_url=address)


HEAVY = pytest.param("stack", marks=pytest.mark.heavy)


@pytest.fixture(params=["memory", "local", "moto", HEAVY])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    if request.param == "memory":
        memory = MemoryQueue()
        yield Case(memory, lambda: memory.aside)
    elif request.param == "local":
        file = tmp_path / "queue.sqlite"
        with closing(LocalQueue(file)) as local:
            yield Case(local, lambda: rows(file, "SELECT body, reason FROM set_aside"))
    else:
        client: SQSClient = request.getfixturevalue(request.param)
        url, dead_letters_url = make_queues(client)
        # A server in one process answers with all it has: nothing to wait for.
        queue = SqsQueue(client, url, dead_letters_url=dead_letters_url, wait_seconds=0, connections=4)
        yield Case(queue, lambda: read_all(client, dead_letters_url))


@pytest.fixture
def queue(case: Case) -> Queue:
    return case.queue


def bodies(messages: Sequence[Message]) -> Counter[bytes]:
    return Counter(each.body for each in messages)


def test_receive_stops_at_its_byte_limit_and_returns_the_rest_next(case: Case) -> None:
    large = [b"%d" % number + b"x" * 20_000 for number in range(40)]
    case.queue.send(large)
    received: list[bytes] = []
    while len(received) < len(large):
        part = [each.body for each in case.queue.receive(1000, 65_000)]
        # A batch of the transport may go beyond.
        assert len(part) <= 3 or (isinstance(case.queue, SqsQueue) and len(part) <= 10 + 20)
        received += part
    assert sorted(received) == sorted(large)


def test_sent_bodies_are_received_once(queue: Queue) -> None:
    queue.send(BODIES)
    assert bodies(queue.receive(100)) == Counter(BODIES)
    assert queue.receive(100) == []


def test_empty_queue_returns_no_messages(queue: Queue) -> None:
    assert queue.receive(10) == []
    assert queue.depth() == 0


def test_empty_batches_are_allowed(queue: Queue) -> None:
    queue.send([])
    queue.acknowledge([])
    queue.release([])
    queue.postpone([])
    queue.hold([])
    assert queue.set_aside([]) == []
    assert queue.depth() == 0


@pytest.mark.parametrize(
    "body",
    [
        '{"pathname":"/über/日本語/🦆"}'.encode(),
        b'{"pathname":"/with \\u0000 and \\n and \\" and \\\\"}',
        b'{"pathname":" <&>\' "}',
        "\u2028\ufeff\u200d".encode(),
        b" ",
        b"x" * 60_000,
    ],
    ids=["non-ASCII", "escapes", "markup", "odd characters", "space", "large"],
)
def test_body_is_received_byte_for_byte(queue: Queue, body: bytes) -> None:
    queue.send([body])
    assert [each.body for each in queue.receive(1)] == [body]


def test_queue_keeps_equal_bodies_as_two_messages(queue: Queue) -> None:
    queue.send([b"same", b"same"])
    assert bodies(queue.receive(10)) == Counter({b"same": 2})


def test_receive_returns_at_most_the_requested_number(queue: Queue) -> None:
    queue.send(BODIES)
    first, second = queue.receive(12), queue.receive(100)
    assert len(first) == 12
    assert bodies(first) + bodies(second) == Counter(BODIES)


def test_acknowledged_message_is_not_redelivered(queue: Queue) -> None:
    queue.send(BODIES)
    messages = queue.receive(100)
    queue.acknowledge(messages[:15])
    queue.release(messages)
    assert bodies(queue.receive(100)) == bodies(messages[15:])


def test_acknowledging_a_message_twice_is_harmless(queue: Queue) -> None:
    queue.send([b"1", b"2"])
    first, _ = queue.receive(2)
    queue.acknowledge([first])
    queue.acknowledge([first])
    assert queue.depth() == 1


def test_released_messages_are_redelivered_at_once(queue: Queue) -> None:
    queue.send(BODIES)
    messages = queue.receive(100)
    queue.release(messages[:12])
    assert bodies(queue.receive(100)) == bodies(messages[:12])


def test_depth_counts_waiting_and_received_messages(queue: Queue) -> None:
    queue.send(BODIES)
    assert queue.depth() == 23
    messages = queue.receive(20)
    assert queue.depth() == 23
    queue.acknowledge(messages)
    assert queue.depth() == 3


def test_dead_letter_is_stored_with_its_reason(case: Case) -> None:
    bad = [b"not an event", "{🦆".encode()]
    case.queue.send(bad)
    assert case.queue.set_aside([(each, REASON) for each in case.queue.receive(10)]) == []
    assert case.queue.depth() == 0
    assert sorted(case.aside()) == [(body, REASON) for body in bad]


def test_set_aside_of_one_message_leaves_the_others(case: Case) -> None:
    case.queue.send([b"bad", b"good"])
    messages = {each.body: each for each in case.queue.receive(10)}
    case.queue.set_aside([(messages[b"bad"], REASON)])
    case.queue.release([messages[b"good"]])
    assert [each.body for each in case.queue.receive(10)] == [b"good"]


def test_queue_moves_many_messages_to_the_dead_letters_at_once(case: Case) -> None:
    case.queue.send(BODIES[:12])
    case.queue.set_aside([(each, REASON) for each in case.queue.receive(12)])
    assert case.queue.depth() == 0
    assert case.queue.receive(1) == []


def test_postponed_message_stays_hidden_in_the_queue(queue: Queue) -> None:
    queue.send([b"1", b"2"])
    messages = queue.receive(2)
    queue.postpone(messages[:1])
    assert queue.receive(2) == []
    assert queue.depth() == 2


def test_queue_is_idle_while_there_is_nothing_to_receive(queue: Queue) -> None:
    assert queue.is_idle()
    queue.send([b"1", b"2"])
    assert not queue.is_idle()
    first, second = queue.receive(2)
    assert queue.is_idle()
    queue.release([first])
    assert not queue.is_idle()
    queue.acknowledge([*queue.receive(1), second])
    assert queue.is_idle()


def test_held_messages_stay_hidden_for_their_time(queue: Queue) -> None:
    queue.send([b"1", b"2", b"3"])
    messages = {each.body: each for each in queue.receive(3)}
    queue.hold([(messages[b"1"], 0), (messages[b"2"], 3600), (messages[b"3"], 36_000)])
    assert [each.body for each in queue.receive(3)] == [b"1"]
    assert queue.depth() == 3


def test_deliveries_are_counted(queue: Queue) -> None:
    queue.send([b"1"])
    for receives in (1, 2, 3):
        (message,) = queue.receive(1)
        assert message.receives == receives
        queue.release([message])


def test_characters_refused_by_sqs_do_not_block_messages(queue: Queue) -> None:
    odd = [event(1, pathname="/\uffff\ufffe"), event(2, props='{"a":"\x00\x08"}'), event(3)]
    queue.send([each.to_message() for each in odd])
    received = [json.loads(each.body) for each in queue.receive(10)]
    assert sorted(received, key=lambda each: each["event_id"]) == [json.loads(each.to_message()) for each in odd]


@pytest.mark.parametrize("server", ["moto", HEAVY])
def test_sqs_dead_letters_go_to_the_queue_of_the_redrive_policy(server: str, request: pytest.FixtureRequest) -> None:
    client: SQSClient = request.getfixturevalue(server)
    url, dead_letters_url = make_queues(client)
    queue = connect(url)
    queue.send([b"bad"])
    queue.set_aside([(queue.receive(1)[0], REASON)])
    assert read_all(client, dead_letters_url) == [(b"bad", REASON)]
    assert queue.depth() == 0


@pytest.mark.parametrize("server", ["moto", HEAVY])
def test_sqs_queue_without_dead_letters_keeps_unprocessable_messages_and_warns(
    server: str, request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> None:
    client: SQSClient = request.getfixturevalue(server)
    url = client.create_queue(QueueName=new_name("alone"), Attributes={"VisibilityTimeout": "0"})
    queue = connect(url["QueueUrl"])
    queue.send([b"bad"])
    (message,) = queue.receive(1)
    assert queue.set_aside([(message, REASON)]) == [message]
    assert queue.receive(1) == []
    assert queue.depth() == 1
    assert REASON in caplog.text
