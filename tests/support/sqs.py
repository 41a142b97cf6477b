"""Queues with dead letters on a running server, and a look into them."""

from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_NUMBERS = count()


def new_name(kind: str) -> str:
    """A name no queue of this process has."""
    return f"{kind}-{next(_NUMBERS)}"


def make_queues(client: "SQSClient", max_receives: int = 100) -> tuple[str, str]:
    """The addresses of a queue and of its dead letters, named by the redrive policy."""
    dead_letters_url = client.create_queue(QueueName=new_name("dead-letters"))["QueueUrl"]
    answer = client.get_queue_attributes(QueueUrl=dead_letters_url, AttributeNames=["QueueArn"])
    policy = f'{{"deadLetterTargetArn": "{answer["Attributes"]["QueueArn"]}", "maxReceiveCount": "{max_receives}"}}'
    made = client.create_queue(QueueName=new_name("events"), Attributes={"RedrivePolicy": policy})
    return made["QueueUrl"], dead_letters_url


def read_all(client: "SQSClient", url: str) -> list[tuple[bytes, str]]:
    """Body and reason of up to ten messages; the reason is empty where SQS itself moved it there."""
    answer = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
    found = []
    for each in answer.get("Messages", []):
        attributes = each.get("MessageAttributes", {})
        found.append((each["Body"].encode(), attributes["reason"]["StringValue"] if attributes else ""))
    return found
