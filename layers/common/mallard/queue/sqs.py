"""SQS queue: batches of ten over many connections, and a dead-letter queue."""

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from mallard.errors import QueueError
from mallard.queue.base import RECEIVED_BYTES, VISIBILITY_SECONDS, Message, pause_seconds
from mallard.queue.sqs_entries import BATCH, batches, reason_of, text_of

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

CONNECTIONS = 16
"""Calls at once: one takes some 15 ms and ten messages."""

WAIT_SECONDS = 1
"""A call that waits asks all of the queue's servers; one that does not may find nothing where there is something."""

GATHER_SECONDS = 10
"""One receive takes no longer, even where messages keep trickling in."""

TRIES_OF_AN_ENTRY = 2

HIDDEN_WITHOUT_DEAD_LETTERS_SECONDS = 42_000
"""A little less than the twelve hours that SQS allows."""

_FOREIGN = (
    ClientError,
    BotoCoreError,
    # Errors that the SDK lets through: of incomplete or invalid responses.
    ResponseParserError,
    HTTPError,
    HTTPException,
)

_T = TypeVar("_T")
_R = TypeVar("_R")

log = logging.getLogger("mallard.queue")


@dataclass(frozen=True, slots=True)
class SqsLimits:
    """Retention of messages, and receives before a message becomes a dead letter; None without dead letters."""

    kept_seconds: int
    receives: int | None = None
    dead_letters_kept_seconds: int | None = None


class SqsQueue:
    """One SQS queue.

    ``dead_letters_url`` is the dead-letter queue: None for that of the redrive policy, "" for none.
    ``wait_seconds`` is the wait of one receiving call for a message, ``monotonic`` a clock in seconds.
    """

    def __init__(
        self,
        client: "SQSClient",
        url: str,
        *,
        dead_letters_url: str | None = None,
        connections: int = CONNECTIONS,
        wait_seconds: int = WAIT_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """The client may retry by itself: a message sent twice is one event."""
        self._client = client
        self._url = url
        self._dead_letters_url = dead_letters_url
        self._connections = connections
        self._wait_seconds = wait_seconds
        self._monotonic = monotonic

    def send(self, bodies: Sequence[bytes]) -> None:
        """Send all. Raises QueueError where one is too large (then none is sent), or some were refused."""
        refused = self._in_batches("send_message_batch", [{"MessageBody": text_of(body)} for body in bodies])
        if refused:
            raise QueueError(f"The queue refused {len(refused)} of {len(bodies)} messages.")

    def receive(self, limit: int, most_bytes: int = RECEIVED_BYTES) -> list[Message]:
        """Up to ``limit`` messages within GATHER_SECONDS, until all calls of a round return none.

        The round that brings ``most_bytes`` is the last: it has CONNECTIONS × BATCH messages at most. One call
        looks first, so that an empty queue costs one; as long as they come well filled, the next round has twice as
        many. That one call finds few proves nothing.
        """
        messages: list[Message] = []
        calls, deadline = 1, self._monotonic() + GATHER_SECONDS
        received = 0
        while len(messages) < limit and received < most_bytes and self._monotonic() < deadline:
            sizes = [min(BATCH, limit - len(messages) - BATCH * n) for n in range(calls)]
            sizes = [size for size in sizes if size > 0]
            answers = self._call_all(self._try_receive, sizes)
            arrived = [message for answer in answers if isinstance(answer, list) for message in answer]
            messages += arrived
            received += sum(len(each.body) for each in arrived)
            failures = [answer for answer in answers if isinstance(answer, QueueError)]
            if failures and not messages:
                raise failures[0]
            if failures or not arrived:
                # Messages of the other calls are not left hidden; a lasting failure occurs again at the next receive.
                break
            calls = min(self._connections, 2 * calls) if 2 * len(arrived) >= sum(sizes) else max(1, calls // 2)
        return messages

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Delete by batches; an undeleted message is redelivered, and the table skips it as a duplicate."""
        undeleted = self._in_batches("delete_message_batch", [{"ReceiptHandle": each.receipt} for each in messages])
        if undeleted:
            log.warning("%d messages could not be deleted; they come again and count once", len(undeleted))

    def release(self, messages: Sequence[Message]) -> None:
        """Make the messages visible at once."""
        self._hide([(each, 0) for each in messages])

    def postpone(self, messages: Sequence[Message]) -> None:
        """Hide for a growing pause; after the redrive policy's number of receives they become dead letters."""
        self._hide([(each, pause_seconds(each.receives)) for each in messages])

    def hold(self, waiting: Sequence[tuple[Message, int]]) -> None:
        """Hide each message for its seconds."""
        self._hide(waiting)

    def set_aside(self, poison: Sequence[tuple[Message, str]]) -> list[Message]:
        """Send to the dead-letter queue with the reason, then delete.

        Without one a message stays, hidden for almost twelve hours each time, until its retention ends.
        """
        dead_letters_url = self._find_dead_letters() if poison else ""
        if not dead_letters_url:
            for _, reason in poison:
                log.error("a message that cannot be processed stays, because there is no dead-letter queue: %s", reason)
            self._hide([(message, HIDDEN_WITHOUT_DEAD_LETTERS_SECONDS) for message, _ in poison])
            return [message for message, _ in poison]
        entries = [
            {"MessageBody": text_of(message.body), "MessageAttributes": {"reason": reason_of(reason)}}
            for message, reason in poison
        ]
        refused = self._in_batches("send_message_batch", entries, url=dead_letters_url)
        if refused:
            log.error("%d messages could not be set aside; they come again", len(refused))
        self.acknowledge([message for position, (message, _) in enumerate(poison) if position not in refused])
        return [poison[position][0] for position in sorted(refused)]

    def is_idle(self) -> bool:
        """True by the approximate count of visible messages: milliseconds, where a receive waits for a second."""
        answer = self._call("get_queue_attributes", AttributeNames=["ApproximateNumberOfMessages"])
        return int(_field(_attributes(answer), "ApproximateNumberOfMessages")) == 0

    def depth(self) -> int:
        """The approximate number of waiting and in-flight messages."""
        answer = self._call(
            "get_queue_attributes",
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )
        return sum(int(value) for value in _attributes(answer).values())

    def limits(self) -> SqsLimits:
        """The limits of the queue and of its dead letters."""
        wanted = ["MessageRetentionPeriod", "RedrivePolicy"]
        arrived = _attributes(self._call("get_queue_attributes", AttributeNames=wanted))
        kept_seconds, policy = int(_field(arrived, wanted[0])), json.loads(arrived.get("RedrivePolicy", "{}"))
        if not (dead_letters := self._find_dead_letters()):
            return SqsLimits(kept_seconds)
        answer = self._call("get_queue_attributes", url=dead_letters, AttributeNames=wanted[:1])
        receives = int(_field(policy, "maxReceiveCount"))
        return SqsLimits(kept_seconds, receives, int(_field(_attributes(answer), wanted[0])))

    def _find_dead_letters(self) -> str:
        """The URL, looked up at first use: ingest never needs it, and its cold starts should be short."""
        if self._dead_letters_url is None:
            answer = self._call("get_queue_attributes", AttributeNames=["RedrivePolicy", "QueueArn"])
            # Every queue has an ARN, so a response without attributes is not from a queue.
            policy = json.loads(_attributes(answer).get("RedrivePolicy", "{}"))
            self._dead_letters_url = self._find_queue(policy.get("deadLetterTargetArn", ""))
        return self._dead_letters_url

    def _find_queue(self, arn: str) -> str:
        if not arn:
            return ""
        name = arn.rpartition(":")[2]
        try:
            answer = self._client.get_queue_url(QueueName=name)
        except _FOREIGN as error:
            raise _failed(error) from error
        return str(_field(answer, "QueueUrl"))

    def _hide(self, pauses: Sequence[tuple[Message, int]]) -> None:
        entries = [{"ReceiptHandle": each.receipt, "VisibilityTimeout": seconds} for each, seconds in pauses]
        undeleted = self._in_batches("change_message_visibility_batch", entries)
        if undeleted:
            log.warning("%d messages could not be given back; they come again in their time", len(undeleted))

    def _try_receive(self, limit: int) -> list[Message] | QueueError:
        try:
            answer = self._call(
                "receive_message",
                MaxNumberOfMessages=limit,
                VisibilityTimeout=VISIBILITY_SECONDS,
                WaitTimeSeconds=self._wait_seconds,
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )
            return [_message_in(each) for each in answer.get("Messages", [])]
        except QueueError as error:
            return error

    def _in_batches(self, operation: str, entries: Sequence[dict[str, Any]], *, url: str = "") -> set[int]:
        """Call the operation for all entries; returns the positions of those that were rejected twice."""
        numbered = [{"Id": str(position), **entry} for position, entry in enumerate(entries)]
        refused = self._call_all(lambda batch: self._call_twice(operation, batch, url), list(batches(numbered)))
        return {int(each["Id"]) for batch in refused for each in batch}

    def _call_twice(self, operation: str, entries: list[dict[str, Any]], url: str) -> list[dict[str, Any]]:
        """The entries that no attempt completed. Only entries that a response names are complete."""
        for _ in range(TRIES_OF_AN_ENTRY):
            answer = self._call(operation, url=url, Entries=entries)
            completed = {_field(each, "Id") for each in answer.get("Successful", [])}
            entries = [each for each in entries if each["Id"] not in completed]
            if not entries:
                break
        return entries

    def _call_all(self, call: Callable[[_T], _R], arguments: Sequence[_T]) -> list[_R]:
        """All responses in order; where a call fails the others end first."""
        if len(arguments) < 2:
            return [call(each) for each in arguments]
        with ThreadPoolExecutor(min(self._connections, len(arguments))) as pool:
            return list(pool.map(call, arguments))

    def _call(self, operation: str, *, url: str = "", **arguments: Any) -> Any:
        call = getattr(self._client, operation)
        try:
            return call(QueueUrl=url or self._url, **arguments)
        except _FOREIGN as error:
            raise _failed(error) from error


def _attributes(answer: dict[str, Any]) -> dict[str, str]:
    attributes: dict[str, str] = answer.get("Attributes", {})
    if not attributes:
        raise QueueError("The queue did not answer as expected: no attributes.")
    return attributes


def _message_in(row: dict[str, Any]) -> Message:
    receives = int(row.get("Attributes", {}).get("ApproximateReceiveCount", 1))
    return Message(_field(row, "ReceiptHandle"), _field(row, "Body").encode(), receives)


def _field(answer: Mapping[str, Any], name: str) -> Any:
    try:
        return answer[name]
    except KeyError as error:
        raise QueueError(f"The queue did not answer as expected: no {name}.") from error


def _failed(error: Exception) -> QueueError:
    code = error.response["Error"].get("Code", "") if isinstance(error, ClientError) else type(error).__name__
    return QueueError(f"The queue did not answer as expected: {code}.")


def connect(url: str, *, region: str = "") -> SqsQueue:
    """The queue of an SQS URL, whose host is the endpoint. Sends no request."""
    parts = urlsplit(url)
    config = Config(
        connect_timeout=5,
        read_timeout=30,
        retries={"mode": "standard", "total_max_attempts": 3},
        max_pool_connections=CONNECTIONS,
    )
    client: Any = botocore.session.get_session().create_client(
        "sqs", endpoint_url=f"{parts.scheme}://{parts.netloc}", region_name=region or None, config=config
    )
    return SqsQueue(client, url)
