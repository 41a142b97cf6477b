"""Ingest behind API Gateway: the pipeline, the client address, and no 202 without the queue."""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mallard.auth.api_keys import ApiKeys
from mallard.aws.ingest_function import answer_gateway
from mallard.errors import QueueError
from mallard.ingest.allowed_sites import AllowedSites
from mallard.ingest.event_ids import EventIds
from mallard.ingest.pipeline import IngestContext
from mallard.ingest.rate_limit import RateLimit
from mallard.privacy.salts import Salts
from support.memory import MemoryQueue, MemoryStore
from support.pins import read_pins

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
NO_KEYS = ApiKeys(MemoryStore())
PAGE_VIEW = json.dumps({"d": "example.com", "n": "pageview", "u": "/"})


@pytest.fixture
def context() -> IngestContext:
    return IngestContext(
        sites=AllowedSites(("example.com",)),
        salts=Salts(MemoryStore(), b"secret"),
        event_ids=EventIds(b"key"),
        rate_limit=RateLimit(0),
    )


def request(method: str = "POST", body: str | None = PAGE_VIEW, **more: Any) -> dict[str, Any]:
    headers = {"User-Agent": FIREFOX, **more.pop("headers", {})}
    http = {"method": method, "sourceIp": more.pop("source", "192.0.2.7")}
    return {"headers": headers, "requestContext": {"http": http}, "body": body, "rawQueryString": "", **more}


def sent(queue: MemoryQueue) -> list[dict[str, Any]]:
    return [json.loads(message.body) for message in queue.receive(100)]


def test_an_event_is_queued_and_answered_202(context: IngestContext) -> None:
    queue = MemoryQueue()
    answer = answer_gateway(request(), context, queue, NO_KEYS, NOW)
    assert (answer["statusCode"], answer["body"]) == (202, "")
    assert [event["pathname"] for event in sent(queue)] == ["/"]


def test_a_base64_body_is_read(context: IngestContext) -> None:
    queue = MemoryQueue()
    body = base64.b64encode(PAGE_VIEW.encode()).decode()
    assert answer_gateway(request(body=body, isBase64Encoded=True), context, queue, NO_KEYS, NOW)["statusCode"] == 202
    assert len(sent(queue)) == 1


@pytest.mark.parametrize("body", ["%%%", "é", "e30=é", "\ud800"])
def test_a_broken_base64_body_is_a_refusal(context: IngestContext, body: str) -> None:
    answer = answer_gateway(request(body=body, isBase64Encoded=True), context, MemoryQueue(), NO_KEYS, NOW)
    assert (answer["statusCode"], answer["headers"]["x-mallard-dropped"]) == (400, "malformed")


def test_a_forged_forwarded_header_does_not_change_the_visitor(context: IngestContext) -> None:
    queue = MemoryQueue()
    for forged in ("198.51.100.1", "198.51.100.2"):
        answer_gateway(request(headers={"X-Forwarded-For": forged}), context, queue, NO_KEYS, NOW)
    answer_gateway(request(source="192.0.2.8"), context, queue, NO_KEYS, NOW)
    first, second, other = (event["visitor_id"] for event in sent(queue))
    assert first == second != other


def test_queue_failure_is_503(context: IngestContext) -> None:
    class Failing(MemoryQueue):
        def send(self, bodies: Any) -> None:
            raise QueueError("down")

    answer = answer_gateway(request(), context, Failing(), NO_KEYS, NOW)
    assert (answer["statusCode"], answer["headers"]["retry-after"]) == (503, "1")


def test_pixel_response_is_always_an_image(context: IngestContext) -> None:
    queue = MemoryQueue()
    event = request("GET", None) | {"rawQueryString": "d=example.com&n=pageview&u=%2Fa"}
    answer = answer_gateway(event, context, queue, NO_KEYS, NOW)
    assert (answer["statusCode"], answer["headers"]["content-type"]) == (200, "image/gif")
    assert [event["pathname"] for event in sent(queue)] == ["/a"]
    assert (
        answer_gateway(request("GET", None), context, queue, NO_KEYS, NOW)["headers"]["x-mallard-dropped"] == "missing"
    )


def test_a_preflight_and_a_wrong_method_are_answered(context: IngestContext) -> None:
    assert answer_gateway(request("OPTIONS"), context, MemoryQueue(), NO_KEYS, NOW)["statusCode"] == 204
    assert answer_gateway(request("PUT"), context, MemoryQueue(), NO_KEYS, NOW)["statusCode"] == 405


def test_preflight_allows_the_headers_of_a_tracing_library(context: IngestContext) -> None:
    event = request("OPTIONS", headers={"Access-Control-Request-Headers": "traceparent,baggage"})
    answer = answer_gateway(event, context, MemoryQueue(), NO_KEYS, NOW)
    assert answer["headers"]["access-control-allow-headers"] == "content-type, traceparent, baggage"


def test_a_message_holds_neither_address_nor_agent(context: IngestContext) -> None:
    queue = MemoryQueue()
    answer_gateway(request(), context, queue, NO_KEYS, NOW)
    (message,) = queue.receive(1)
    assert b"192.0.2.7" not in message.body
    assert b"Gecko" not in message.body


def test_the_functions_folder_holds_the_pins_of_its_group() -> None:
    root = Path(__file__).parents[2]
    for name, package in (
        ("functions/ingest", "user-agents"),
        ("functions/query", "fastapi"),
        ("layers/duckdb", "duckdb"),
    ):
        assert package in {pin.name for pin in read_pins(root / name / "requirements.txt")}
