"""What only SQS has: batches with limits, and answers that refuse a part of one."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from socket import socket
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import Mock

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from mallard.auth.api_keys import ApiKeys
from mallard.aws.ingest_function import answer_gateway
from mallard.errors import QueueError
from mallard.ingest.allowed_sites import AllowedSites
from mallard.ingest.event_ids import EventIds
from mallard.ingest.pipeline import IngestContext
from mallard.ingest.rate_limit import RateLimit
from mallard.privacy.salts import Salts
from mallard.queue.base import Message
from mallard.queue.sqs import GATHER_SECONDS, SqsQueue, connect
from mallard.queue.sqs_entries import MAX_BATCH_BYTES, MAX_MESSAGE_BYTES
from support.memory import MemoryQueue, MemoryStore
from support.moto import CREDENTIALS, REGION, moto_server

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class RecordingClient:
    """Takes every batch; refuses the bodies and receipts in ``refused`` as often as that says."""

    def __init__(self, refused: dict[str, int] | None = None) -> None:
        self.refused = Counter(refused or {})
        self.calls: list[tuple[str, list[dict[str, Any]]]] = []
        self._lock = Lock()

    def __getattr__(self, operation: str) -> Callable[..., dict[str, Any]]:
        def call(*, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
            with self._lock:
                self.calls.append((f"{QueueUrl.rpartition('/')[2]}: {operation}", Entries))
                refused = [each["Id"] for each in Entries if self._refuses(each)]
            return {
                "Successful": [{"Id": each["Id"]} for each in Entries if each["Id"] not in refused],
                "Failed": [{"Id": each} for each in refused],
            }

        return call

    def _refuses(self, entry: dict[str, Any]) -> bool:
        key = entry.get("MessageBody") or entry["ReceiptHandle"]
        self.refused[key] -= 1
        return self.refused[key] >= 0


class ServingClient:
    """Gives what was put into ``answers``: a number of messages, or a fault; then nothing."""

    def __init__(self, *answers: int | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[int] = []
        self._numbers = count(1)
        self._lock = Lock()

    def receive_message(self, *, MaxNumberOfMessages: int, **_: Any) -> dict[str, Any]:  # noqa: N803
        with self._lock:
            self.asked.append(MaxNumberOfMessages)
            answer = self.answers.pop(0) if self.answers else 0
            if isinstance(answer, Exception):
                raise answer
            return {
                "Messages": [
                    {"ReceiptHandle": str(next(self._numbers)), "Body": "b", "Attributes": {}} for _ in range(answer)
                ]
            }


def queue_of(client: RecordingClient | ServingClient, **options: Any) -> SqsQueue:
    dead_letters_url = "http://127.0.0.1/1/dead"
    return SqsQueue(
        cast("SQSClient", client), "http://127.0.0.1/1/events", dead_letters_url=dead_letters_url, **options
    )


def messages(count: int) -> list[Message]:
    return [Message(f"receipt {number}", b"%d" % number) for number in range(count)]


def receipts(calls: Iterable[tuple[str, list[dict[str, Any]]]]) -> list[str]:
    return sorted(each["ReceiptHandle"] for _, entries in calls for each in entries)


def test_messages_go_in_batches_of_ten() -> None:
    client = RecordingClient()
    queue_of(client).send([b"%d" % number for number in range(23)])
    assert sorted(len(entries) for _, entries in client.calls) == [3, 10, 10]
    sent = sorted(int(each["MessageBody"]) for _, entries in client.calls for each in entries)
    assert sent == list(range(23))


def test_a_batch_never_outgrows_its_limit_in_bytes() -> None:
    client = RecordingClient()
    queue_of(client).send([b"x" * (MAX_BATCH_BYTES // 3 + 1)] * 5)
    assert sorted(len(entries) for _, entries in client.calls) == [1, 2, 2]


def test_bodies_that_exactly_fill_the_limit_share_a_batch() -> None:
    client = RecordingClient()
    queue_of(client).send([b"x" * (MAX_BATCH_BYTES // 4)] * 4)
    assert [len(entries) for _, entries in client.calls] == [4]


def test_message_over_the_limit_raises_and_no_message_is_sent() -> None:
    client = RecordingClient()
    with pytest.raises(QueueError, match="A message of 262,144 bytes is over the queue's limit of 258,048"):
        queue_of(client).send([b"good", b"x" * MAX_BATCH_BYTES])
    assert client.calls == []


def test_the_largest_message_can_still_be_set_aside_with_its_reason() -> None:
    client = RecordingClient()
    large = [Message(str(number), b"x" * MAX_MESSAGE_BYTES) for number in range(2)]
    queue_of(client).set_aside([(each, "é" * 5000) for each in large])
    (_, entries), *_ = client.calls
    (entry,) = entries
    size = len(entry["MessageBody"]) + len("reason" + "String" + entry["MessageAttributes"]["reason"]["StringValue"])
    assert MAX_MESSAGE_BYTES < size <= MAX_BATCH_BYTES


def test_largest_accepted_event_is_far_below_the_message_limit() -> None:
    duck, queue = "🦆", MemoryQueue()
    event = {
        "d": "example.com",
        "n": duck * 256,
        "u": "/" + duck * 2047,
        "r": "https://r.example/" + duck * 2000,
        "p": {"a": duck * 4000},
    }
    context = IngestContext(
        sites=AllowedSites(("example.com",)),
        salts=Salts(MemoryStore(), b"secret"),
        event_ids=EventIds(b"key"),
        rate_limit=RateLimit(0),
    )
    request = {
        "headers": {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"},
        "requestContext": {"http": {"method": "POST", "sourceIp": "192.0.2.7"}},
        "body": json.dumps(event, ensure_ascii=False),
        "rawQueryString": "",
    }
    answer_gateway(request, context, queue, ApiKeys(MemoryStore()), datetime(2026, 3, 10, tzinfo=UTC))
    (message,) = queue.receive(10)
    assert 7_000 < len(message.body) < MAX_MESSAGE_BYTES / 15


def test_characters_that_sqs_refuses_are_escaped() -> None:
    client = RecordingClient()
    odd = "".join(map(chr, [*range(0x20), 0x7F, 0x2028, 0xFEFF, 0xFFFD, 0xFFFE, 0xFFFF, 0x1F986]))
    queue_of(client).send([json.dumps({"a": odd}, ensure_ascii=False).encode()])
    (text,) = [each["MessageBody"] for _, entries in client.calls for each in entries]
    assert json.loads(text) == {"a": odd}
    assert not any(0xFFFE <= ord(each) <= 0xFFFF or ord(each) < 0x20 for each in text)
    assert chr(0x1F986) in text


def test_body_that_is_no_utf8_raises() -> None:
    with pytest.raises(QueueError, match="UTF-8"):
        queue_of(RecordingClient()).send([b"\xff"])


def test_batch_entry_ids_are_unique() -> None:
    client = RecordingClient()
    queue = queue_of(client)
    queue.acknowledge(messages(12))
    queue.release(messages(12))
    for _, entries in client.calls:
        assert len({each["Id"] for each in entries}) == len(entries)
    assert receipts(client.calls) == sorted(2 * [each.receipt for each in messages(12)])


def test_refused_entry_is_retried_once_alone() -> None:
    client = RecordingClient({"1": 1})
    queue_of(client).send([b"0", b"1", b"2"])
    assert [[each["MessageBody"] for each in entries] for _, entries in client.calls] == [["0", "1", "2"], ["1"]]


def test_permanently_refused_entry_raises_and_the_rest_is_sent() -> None:
    client = RecordingClient({"3": 99, "14": 99})
    with pytest.raises(QueueError, match="refused 2 of 23"):
        queue_of(client).send([b"%d" % number for number in range(23)])
    sent = {each["MessageBody"] for _, entries in client.calls for each in entries}
    assert len(sent) == 23


def test_failed_deletion_of_a_message_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    client = RecordingClient({"receipt 3": 99})
    queue_of(client).acknowledge(messages(12))
    assert "1 messages could not be deleted" in caplog.text
    assert set(receipts(client.calls)) == {each.receipt for each in messages(12)}


def test_failed_release_of_a_message_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    client = RecordingClient({"receipt 3": 99, "receipt 4": 1})
    queue_of(client).release(messages(12))
    assert "1 messages could not be given back" in caplog.text


def test_message_that_cannot_become_a_dead_letter_is_not_deleted() -> None:
    client = RecordingClient({"1": 99})
    first, second, third = messages(3)
    assert queue_of(client).set_aside([(each, "broken") for each in (first, second, third)]) == [second]
    deleted = [call for call in client.calls if call[0] == "events: delete_message_batch"]
    assert receipts(deleted) == [first.receipt, third.receipt]


def test_dead_letter_reason_is_sent_without_characters_sqs_refuses() -> None:
    client = RecordingClient()
    queue_of(client).set_aside([(messages(1)[0], "cannot read '\x00\uffff'"), (messages(2)[1], "")])
    (_, entries), _ = client.calls
    assert [each["MessageAttributes"]["reason"]["StringValue"] for each in entries] == ["cannot read '??'", "unknown"]


def test_postponement_grows_with_the_receive_count() -> None:
    client = RecordingClient()
    queue_of(client).postpone([Message(str(receives), b"", receives) for receives in (1, 2, 5, 100)])
    ((_, entries),) = client.calls
    assert [each["VisibilityTimeout"] for each in entries] == [2, 4, 32, 900]


def test_receive_from_an_empty_queue_costs_one_call() -> None:
    client = ServingClient()
    assert queue_of(client).receive(1000) == []
    assert client.asked == [10]


def test_receive_continues_after_a_call_with_few_messages() -> None:
    client = ServingClient(1, 3, 2)
    assert len(queue_of(client).receive(1000)) == 6


def test_receive_from_a_full_queue_adds_connections_up_to_the_limit() -> None:
    client = ServingClient(*[10] * 100)
    received = queue_of(client, connections=8).receive(250)
    assert len({each.receipt for each in received}) == 250
    assert client.asked == [10] * 25


def test_receive_keeps_messages_when_one_call_fails() -> None:
    client = ServingClient(10, 10, EndpointConnectionError(endpoint_url="http://127.0.0.1"), 10)
    assert len(queue_of(client).receive(1000)) == 20


def test_receive_raises_when_no_call_succeeds() -> None:
    with pytest.raises(QueueError, match="EndpointConnectionError"):
        queue_of(ServingClient(EndpointConnectionError(endpoint_url="http://127.0.0.1"))).receive(10)


def test_receive_ends_while_messages_keep_trickling_in() -> None:
    seconds = count(0)
    received = queue_of(ServingClient(*[1] * 1000), monotonic=lambda: float(next(seconds))).receive(10_000)
    assert 0 < len(received) <= 2 * GATHER_SECONDS


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
        lambda queue: queue.postpone([Message("1", b"")]),
        lambda queue: queue.set_aside([(Message("1", b""), "broken")]),
        lambda queue: queue.depth(),
    ],
    ids=["send", "receive", "acknowledge", "release", "postpone", "set aside", "depth"],
)
def test_missing_sqs_queue_raises(client: "SQSClient", call: Callable[[SqsQueue], object]) -> None:
    queue = SqsQueue(client, f"{client.meta.endpoint_url}/123456789012/never-made")
    with pytest.raises(QueueError, match="NonExistentQueue"):
        call(queue)


def test_unreachable_sqs_server_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    # Bound, so that nobody else comes to listen there, and listening to nobody.
    with closing(socket()) as silent:
        silent.bind(("127.0.0.1", 0))
        queue = connect(f"http://127.0.0.1:{silent.getsockname()[1]}/123456789012/events", region=REGION)
        with pytest.raises(QueueError, match="EndpointConnectionError"):
            queue.send([b"1"])


@pytest.mark.parametrize("error", [LookupError, ValueError, OSError])
def test_programming_errors_are_not_wrapped(error: type[Exception]) -> None:
    with pytest.raises(error, match="ours"):
        queue_of(ServingClient(error("ours"))).receive(1)


@pytest.mark.parametrize("message", [{"Body": "b"}, {"ReceiptHandle": "1"}])
def test_message_without_a_body_or_receipt_raises(message: dict[str, str]) -> None:
    client = Mock(receive_message=Mock(return_value={"Messages": [message]}))
    with pytest.raises(QueueError, match=r"did not answer as expected: no (ReceiptHandle|Body)\."):
        queue_of(client).receive(1)


def test_dead_letter_queue_without_a_url_raises() -> None:
    attributes = {"QueueArn": "a:events", "RedrivePolicy": '{"deadLetterTargetArn": "a:dead"}'}
    client = Mock(
        get_queue_attributes=Mock(return_value={"Attributes": attributes}), get_queue_url=Mock(return_value={})
    )
    queue = SqsQueue(cast("SQSClient", client), "http://127.0.0.1/1/events")
    with pytest.raises(QueueError, match=r"did not answer as expected: no QueueUrl\."):
        queue.set_aside([(Message("1", b"{"), "broken")])


class Nonsense(BaseHTTPRequestHandler):
    """Answers 200 and no JSON, as a captive portal does."""

    def do_POST(self) -> None:
        """Read and answer."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>Welcome</html>")

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


def test_invalid_sqs_response_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    with ThreadingHTTPServer(("127.0.0.1", 0), Nonsense) as server:
        Thread(target=server.serve_forever).start()
        try:
            url = f"http://127.0.0.1:{server.server_port}/123456789012/events"
            queue = connect(url, region=REGION)
            with pytest.raises(QueueError, match="no attributes"):
                queue.set_aside([(Message("1", b"{"), "broken")])
            with pytest.raises(QueueError, match="refused 2 of 2"):
                queue.send([b"1", b"2"])
            with pytest.raises(QueueError, match="no attributes"):
                queue.depth()
        finally:
            server.shutdown()
