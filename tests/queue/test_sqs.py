"""What only SQS has: batches with limits, and answers that refuse a part of one."""

from collections.abc import Callable, Iterator
from contextlib import closing
from socket import create_server
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest

from mallard.errors import QueueError
from mallard.queue.base import Message
from mallard.queue.sqs import MAX_BATCH_BYTES, SqsQueue, connect
from support.moto import CREDENTIALS, REGION, moto_server

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class RecordingClient:
    """Takes every batch, refuses the entries named in ``refused``."""

    def __init__(self, refused: list[str] | None = None) -> None:
        self.refused = refused or []
        self.calls: list[tuple[str, list[dict[str, str]]]] = []

    def __getattr__(self, operation: str) -> Callable[..., dict[str, Any]]:
        def call(*, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803
            self.calls.append((operation, Entries))
            return {"Failed": [{"Id": each} for each in self.refused]}

        return call


def queue_of(client: RecordingClient) -> SqsQueue:
    return SqsQueue(cast("SQSClient", client), "http://127.0.0.1/1/events")


def test_messages_go_in_batches_of_ten_in_their_order() -> None:
    client = RecordingClient()
    queue_of(client).send([b"%d" % number for number in range(23)])
    assert [len(entries) for _, entries in client.calls] == [10, 10, 3]
    assert [each["MessageBody"] for _, entries in client.calls for each in entries] == [str(n) for n in range(23)]


def test_a_batch_never_outgrows_its_limit_in_bytes() -> None:
    client = RecordingClient()
    queue_of(client).send([b"x" * (MAX_BATCH_BYTES // 3 + 1)] * 5)
    assert [len(entries) for _, entries in client.calls] == [2, 2, 1]


def test_bodies_that_fill_the_limit_share_a_batch() -> None:
    client = RecordingClient()
    queue_of(client).send([b"x" * (MAX_BATCH_BYTES // 4)] * 4)
    assert [len(entries) for _, entries in client.calls] == [4]


def test_entries_of_a_batch_have_names_of_their_own() -> None:
    client = RecordingClient()
    messages = [Message(f"receipt {number}", b"") for number in range(12)]
    queue = queue_of(client)
    queue.acknowledge(messages)
    queue.release(messages)
    assert [operation for operation, _ in client.calls] == [
        *["delete_message_batch"] * 2,
        *["change_message_visibility_batch"] * 2,
    ]
    for _, entries in client.calls:
        assert len({each["Id"] for each in entries}) == len(entries)
    assert [each["ReceiptHandle"] for _, entries in client.calls[:2] for each in entries] == [
        each.receipt for each in messages
    ]


def test_a_batch_taken_in_part_is_an_error() -> None:
    with pytest.raises(QueueError, match="refused 1 of 2"):
        queue_of(RecordingClient(refused=["1"])).send([b"1", b"2"])


@pytest.fixture(scope="module")
def client() -> Iterator["SQSClient"]:
    with moto_server() as address:
        yield boto3.client("sqs", endpoint_url=address)


@pytest.mark.parametrize(
    "call",
    [
        lambda queue: queue.send([b"1"]),
        lambda queue: queue.receive(1),
        lambda queue: queue.acknowledge([Message("1", b"")]),
        lambda queue: queue.release([Message("1", b"")]),
        lambda queue: queue.depth(),
    ],
    ids=["send", "receive", "acknowledge", "release", "depth"],
)
def test_a_queue_that_is_not_there_is_an_error(client: "SQSClient", call: Callable[[SqsQueue], object]) -> None:
    queue = SqsQueue(client, f"{client.meta.endpoint_url}/123456789012/never-made")
    with pytest.raises(QueueError, match="NonExistentQueue"):
        call(queue)


def test_a_server_that_does_not_answer_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    with closing(create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    with pytest.raises(QueueError, match="EndpointConnectionError"):
        connect(f"http://127.0.0.1:{port}/123456789012/events", region=REGION)
