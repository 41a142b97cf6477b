"""The built functions under AWS's own runtime client: page views from the front door to their number."""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import boto3
import pytest

from support.functions import ROOT, load, request
from support.moto import moto_server
from support.rows import event
from support.runtime_api import Function, running
from support.sqs import read_all

pytestmark = pytest.mark.heavy

SITE = "smoke.example"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
PASSWORD = "kettle-moss-17"
SEAL_ROWS = 1000
WARM_CALLS = 20
MAX_INIT_MS = 8_000
"""Of an instance's start on a machine that does other things too; Lambda itself gives an init ten seconds."""

MAX_PEAK_MB = {"ingest": 256, "flush": 1200, "query": 1200}
LAYERS = {"ingest": ("Common",), "flush": ("Common", "Arrow", "Duckdb"), "query": ("Common", "Arrow", "Duckdb")}
SCHEDULED = {
    "version": "0",
    "id": "8f507cfc",
    "detail-type": "Scheduled Event",
    "source": "aws.scheduler",
    "account": "123456789012",
    "time": "2026-03-10T15:30:00Z",
    "region": "us-east-1",
    "resources": ["arn:aws:scheduler:us-east-1:123456789012:schedule/default/flush"],
    "detail": "{}",
}


class Stack:
    """The three functions, each one instance, and what they share."""

    def __init__(self, build: Path, started: ExitStack) -> None:
        server = started.enter_context(moto_server())
        settings = load(ROOT / "localstack" / "smoke.py")._resources(server)
        settings |= {"MALLARD_AUTH": "on", "MALLARD_ADMIN_PASSWORD": PASSWORD, "MALLARD_SEAL_ROWS": str(SEAL_ROWS)}
        settings |= {"MALLARD_CLOUDWATCH_METRICS": "true", "MALLARD_LOG_LEVEL": "debug"}
        started.enter_context(patch.dict(os.environ, settings))
        self.sqs = boto3.client("sqs", endpoint_url=server)
        self.queue = settings["MALLARD_QUEUE"]

        def function(name: str) -> Function:
            folders = [build / f"{name.capitalize()}Function", *(build / f"{each}Layer" for each in LAYERS[name])]
            return started.enter_context(running(folders, settings))

        self.ingest, self.flush, self.query = function("ingest"), function("flush"), function("query")
        self._token = ""

    def ask(self, path: str, query: str) -> Any:
        """The API's JSON, as the owner."""
        headers = {"content-type": "application/json"}
        if not self._token:
            body = json.dumps({"password": PASSWORD})
            login = self.query(request("POST", "/api/auth/login", body=body, headers=headers)).value
            self._token = json.loads(login["body"])["token"]
        headers["authorization"] = f"Bearer {self._token}"
        answer = self.query(request("GET", path, query=query, headers=headers)).value
        assert answer["statusCode"] == 200, answer
        return json.loads(answer["body"])


@pytest.fixture(scope="module")
def stack(here: Path) -> Iterator[Stack]:
    with ExitStack() as started:
        yield Stack(here, started)


def page_view(path: str = "/hello", **more: Any) -> dict[str, Any]:
    body = json.dumps({"d": SITE, "n": "pageview", "u": f"https://{SITE}{path}"})
    return request(body=body, headers={"user-agent": FIREFOX, "content-type": "text/plain"}, **more)


def from_function_url(given: dict[str, Any]) -> dict[str, Any]:
    """The same request at a Function URL: the same format, of another domain and without stages and routes."""
    context = {**given["requestContext"], "domainName": "abc.lambda-url.us-east-1.on.aws", "accountId": "anonymous"}
    return {**given, "requestContext": context}


def handed_over(bodies: list[bytes]) -> dict[str, Any]:
    """SQS's event source."""
    return {
        "Records": [
            {
                "messageId": str(number),
                "receiptHandle": f"handle-{number}",
                "body": body.decode(),
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:queue",
                "awsRegion": "us-east-1",
            }
            for number, body in enumerate(bodies)
        ]
    }


def test_pageviews_of_both_endpoints_are_counted_after_the_flush(stack: Stack) -> None:
    assert stack.ingest(page_view()).value["statusCode"] == 202
    assert stack.ingest(from_function_url(page_view("/url"))).value["statusCode"] == 202
    assert stack.flush(SCHEDULED).value["written"] == 2
    assert stack.ask("/api/stats/main", f"site_id={SITE}&period=today")["total_pageviews"] == 2


def test_sqs_batches_are_sealed_and_read_through_httpfs(stack: Stack) -> None:
    site, today = "batch.example", datetime.now(UTC).date()
    bodies = [event(n, site_id=site, date=f"{today}").to_message() for n in range(SEAL_ROWS + 1)]
    for batch in (bodies[:SEAL_ROWS], [*bodies[SEAL_ROWS:], b"no event"]):
        assert stack.flush(handed_over(batch)).value == {"batchItemFailures": []}
    # The first thousand lie in a sealed segment, which DuckDB reads from the bucket by itself.
    assert stack.ask("/api/stats/main", f"site_id={site}&period=today")["total_pageviews"] == SEAL_ROWS + 1


def test_message_that_is_no_event_is_a_dead_letter_with_its_reason(stack: Stack) -> None:
    stack.sqs.send_message(QueueUrl=stack.queue, MessageBody="nonsense")
    assert stack.flush(SCHEDULED).value["set_aside"] == 1
    found = read_all(stack.sqs, f"{stack.queue}-dead")
    assert (b"nonsense", True) in [(body, bool(reason)) for body, reason in found]


def test_the_query_functions_url_answers_like_the_api(stack: Stack) -> None:
    answer = stack.query(from_function_url(request("GET", "/api/auth/status"))).value
    assert (answer["statusCode"], json.loads(answer["body"])["authenticated"]) == (200, False)


def test_cold_starts_calls_and_memory_stay_within_budget(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    stack.ask("/api/stats/main", f"site_id={SITE}&period=today")
    asked = request("GET", "/api/stats/main", query=f"site_id={SITE}&period=today")
    asked["headers"] = {"authorization": f"Bearer {stack._token}"}
    calls = {"ingest": (stack.ingest, page_view()), "flush": (stack.flush, SCHEDULED), "query": (stack.query, asked)}
    for name, (function, given) in calls.items():
        warm, before = [], function.cpu_seconds
        for _ in range(WARM_CALLS):
            warm.append(function(given).milliseconds)
        cpu_ms = 1000 * (function.cpu_seconds - before) / WARM_CALLS
        with capsys.disabled():
            print(
                f"\n{name}: init {function.init_ms:.0f} ms, first call {function.first_ms:.0f} ms,"
                f" warm {median(warm):.1f} ms ({cpu_ms:.1f} ms of processor time), at most {function.peak_mb} MB",
                end="",
            )
        assert function.init_ms < MAX_INIT_MS
        assert function.peak_mb < MAX_PEAK_MB[name]


def test_no_function_writes_an_address_or_a_user_agent(stack: Stack) -> None:
    stack.ingest(page_view(source="203.0.113.77"))
    printed = stack.ingest.output + stack.flush.output + stack.query.output
    assert '"accepted"' in printed
    assert [word for word in ("203.0.113.77", "192.0.2.1", "Firefox", "Gecko") if word in printed] == []
