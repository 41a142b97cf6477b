"""Smoke test of the three functions against an emulated AWS, with two pageviews.

    python localstack/smoke.py http://127.0.0.1:4566

makes a bucket and a queue with dead letters at that address (LocalStack, ministack, moto), calls the handlers of
`functions/` as Lambda would, flush both by its schedule and by its queue, and prints what each answered. Exit code 0
only when the number is right.
"""

import argparse
import importlib.util
import json
import os
import secrets
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3

FUNCTIONS = Path(__file__).parents[1] / "functions"
SITE = "smoke.example"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


class Context:
    """The attributes of Lambda's context that the handlers read."""

    aws_request_id = "smoke"

    def get_remaining_time_in_millis(self) -> int:
        """Plenty."""
        return 60_000


def main() -> int:
    """Run once."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("endpoint", help="address of the emulated AWS")
    endpoint = parser.parse_args().endpoint
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_LAMBDA_FUNCTION_NAME": "smoke",
    }.items():
        os.environ.setdefault(name, value)
    os.environ |= _resources(endpoint)

    sent = _handler("ingest").handle(_request("POST", "/api/event", body=_page_view()), Context())
    print(f"ingest: {sent['statusCode']}")
    flush = _handler("flush")
    print(f"flush by the schedule: {flush.handle({}, Context())}")
    _handler("ingest").handle(_request("POST", "/api/event", body=_page_view()), Context())
    print(f"flush by the queue: {_hand_over(endpoint, flush)}")
    answer = _handler("query").handle(_request("GET", "/api/stats/main", f"site_id={SITE}&period=today"), Context())
    print(f"query: {answer['statusCode']} {answer['body']}")
    return 0 if json.loads(answer["body"])["total_pageviews"] == 2 else 1


def _resources(endpoint: str) -> dict[str, str]:
    """A bucket and queues of this run's own, and the settings that name them."""
    name = f"mallard-smoke-{secrets.token_hex(4)}"
    boto3.client("s3", endpoint_url=endpoint).create_bucket(Bucket=name)
    sqs = boto3.client("sqs", endpoint_url=endpoint)
    dead = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 100})
    queue = sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": policy})["QueueUrl"]
    return {
        "MALLARD_STORE": f"s3://{name}",
        "MALLARD_S3_ENDPOINT": endpoint,
        "MALLARD_QUEUE": queue,
        "MALLARD_SITES": SITE,
        "MALLARD_AUTH": "off",
    }


def _hand_over(endpoint: str, flush: ModuleType) -> dict[str, Any]:
    """Acts as SQS's event source: hands over a batch, and deletes the messages that did not fail."""
    sqs, url = boto3.client("sqs", endpoint_url=endpoint), os.environ["MALLARD_QUEUE"]
    sqs.send_message(QueueUrl=url, MessageBody="no event")
    found: list[Any] = []
    while batch := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages"):
        found += batch
    records = [
        {"messageId": each["MessageId"], "receiptHandle": each["ReceiptHandle"], "body": each["Body"]} for each in found
    ]
    answer: dict[str, Any] = flush.handle({"Records": records}, Context())
    failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
    done = [each for each in found if each["MessageId"] not in failed]
    # Dead letters are deleted already: in a batch that is no error.
    entries: Any = [{"Id": str(n), "ReceiptHandle": each["ReceiptHandle"]} for n, each in enumerate(done)]
    sqs.delete_message_batch(QueueUrl=url, Entries=entries)
    return answer | {"received": len(found)}


def _page_view() -> str:
    return json.dumps({"d": SITE, "n": "pageview", "u": f"https://{SITE}/hello"})


def _request(method: str, path: str, query: str = "", body: str | None = None) -> dict[str, Any]:
    """API Gateway's format 2.0."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"host": "smoke", "user-agent": FIREFOX, "content-type": "text/plain"},
        "requestContext": {
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": FIREFOX,
            },
            "stage": "$default",
            "requestId": "smoke",
            "domainName": "smoke",
        },
        "body": body,
        "isBase64Encoded": False,
    }


def _handler(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"{name}_handler", FUNCTIONS / name / "handler.py")
    if spec is None or spec.loader is None:
        raise ImportError(name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    sys.exit(main())
