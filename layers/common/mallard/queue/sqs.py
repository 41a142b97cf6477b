"""SQS as queue: batches of ten, a dead-letter queue where the redrive policy names one."""

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from mallard.errors import QueueError
from mallard.queue.base import VISIBILITY_SECONDS, Message

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

BATCH = 10
"""The API's limit of entries per call."""

MAX_BATCH_BYTES = 256 * 1024


class SqsQueue:
    """One SQS queue; ``dead_letters_url`` takes what nobody can process, else the redrive policy does."""

    def __init__(self, client: "SQSClient", url: str, dead_letters_url: str = "") -> None:
        """The client's own retries are welcome here: a message sent twice is one event."""
        self._client = client
        self._url = url
        self._dead_letters_url = dead_letters_url

    def send(self, bodies: Sequence[bytes]) -> None:
        """Send all; QueueError names how many entries were refused."""
        for batch in _batches(bodies):
            entries: Any = [{"Id": str(n), "MessageBody": body.decode()} for n, body in enumerate(batch)]
            answer = self._call("send_message_batch", Entries=entries)
            if answer.get("Failed"):
                raise QueueError(f"The queue refused {len(answer['Failed'])} of {len(batch)} messages.")

    def receive(self, limit: int) -> list[Message]:
        """Up to ``limit`` messages, by calls of ten, until a call finds none."""
        messages: list[Message] = []
        while len(messages) < limit:
            answer = self._call(
                "receive_message",
                MaxNumberOfMessages=min(BATCH, limit - len(messages)),
                VisibilityTimeout=VISIBILITY_SECONDS,
            )
            found = answer.get("Messages", [])
            messages += [Message(each["ReceiptHandle"], each["Body"].encode()) for each in found]
            if not found:
                break
        return messages

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Delete by batches; one that could not be deleted comes again, and the table knows it."""
        for start in range(0, len(messages), BATCH):
            part = messages[start : start + BATCH]
            self._call(
                "delete_message_batch", Entries=[{"Id": str(n), "ReceiptHandle": m.receipt} for n, m in enumerate(part)]
            )

    def release(self, messages: Sequence[Message]) -> None:
        """Make visible at once."""
        for start in range(0, len(messages), BATCH):
            part = messages[start : start + BATCH]
            self._call(
                "change_message_visibility_batch",
                Entries=[
                    {"Id": str(n), "ReceiptHandle": m.receipt, "VisibilityTimeout": 0} for n, m in enumerate(part)
                ],
            )

    def set_aside(self, message: Message, reason: str) -> None:
        """Send to the dead-letter queue with the reason, then delete."""
        if not self._dead_letters_url:
            return
        try:
            self._client.send_message(
                QueueUrl=self._dead_letters_url,
                MessageBody=message.body.decode(errors="replace"),
                MessageAttributes={"reason": {"DataType": "String", "StringValue": reason}},
            )
        except (ClientError, BotoCoreError) as error:
            raise _failed(error) from error
        self.acknowledge([message])

    def depth(self) -> int:
        """Waiting plus in flight, approximate."""
        answer = self._call(
            "get_queue_attributes",
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )
        return sum(int(value) for value in answer["Attributes"].values())

    def _call(self, operation: str, **arguments: Any) -> Any:
        try:
            return getattr(self._client, operation)(QueueUrl=self._url, **arguments)
        except (ClientError, BotoCoreError) as error:
            raise _failed(error) from error


def _batches(bodies: Sequence[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for body in bodies:
        if batch and (len(batch) == BATCH or size + len(body) > MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(body)
        size += len(body)
    if batch:
        yield batch


def _failed(error: Exception) -> QueueError:
    code = error.response["Error"].get("Code", "") if isinstance(error, ClientError) else type(error).__name__
    return QueueError(f"The queue did not answer as expected: {code}.")


def connect(url: str, *, region: str = "") -> SqsQueue:
    """The queue of an SQS URL, whose host is the endpoint, with the dead-letter queue of its redrive policy."""
    parts = urlsplit(url)
    config = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 3})
    client = boto3.client(
        "sqs", endpoint_url=f"{parts.scheme}://{parts.netloc}", region_name=region or None, config=config
    )
    return SqsQueue(client, url, _dead_letters_url(client, url))


def _dead_letters_url(client: "SQSClient", url: str) -> str:
    try:
        answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])
        policy = json.loads(answer.get("Attributes", {}).get("RedrivePolicy", "{}"))
        if "deadLetterTargetArn" not in policy:
            return ""
        return client.get_queue_url(QueueName=policy["deadLetterTargetArn"].rpartition(":")[2])["QueueUrl"]
    except (ClientError, BotoCoreError) as error:
        raise _failed(error) from error
