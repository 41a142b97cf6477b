"""The three functions against an emulated AWS: one page view from the front door to its number.

    python localstack/smoke.py http://127.0.0.1:4566

makes a bucket and a queue with dead letters at that address (LocalStack, ministack, moto), calls the handlers of
`functions/` as Lambda would, and prints what each answered. Exit code 0 only when the number is right.
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
    """What of Lambda's context the handlers look at."""

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
    flushed = _handler("flush").handle({}, Context())
    print(f"flush: {flushed}")
    answer = _handler("query").handle(_request("GET", "/api/stats/main", f"site_id={SITE}&period=today"), Context())
    print(f"query: {answer['statusCode']} {answer['body']}")
    return 0 if json.loads(answer["body"])["total_pageviews"] == 1 else 1


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
