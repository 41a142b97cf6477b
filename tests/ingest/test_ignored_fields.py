"""An optional value that cannot be read costs the value, never the event; each front says which."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from ingest.contexts import ADDRESS, FIREFOX, NOW, open_context, pixel, post, wire, wire_body
from mallard.auth.api_keys import ApiKeys
from mallard.aws.ingest_function import answer_gateway
from mallard.ingest.http.asgi import IngestApp
from mallard.ingest.http.responses import PIXEL, IngestResponse
from mallard.ingest.ignored_fields import HEADER, IgnoredField, kind_of
from mallard.queue.local import LocalQueue
from mallard.store.local import LocalStore
from support.memory import MemoryQueue

DOCS = Path(__file__).parents[2] / "docs" / "ingest.md"

WRONG: dict[str, Any] = {"ra": "1,299", "r": "/" * 2049, "p": {f"k{number}": 1 for number in range(31)}}
FIELDS = "revenue, referrer, props"


def app_of(store: LocalStore, queue: LocalQueue) -> IngestApp:
    return IngestApp(open_context(store), queue, ApiKeys(store), clock=lambda: NOW)


def test_asgi_names_ignored_values_beside_the_202(store: LocalStore, queue: LocalQueue) -> None:
    app = app_of(store, queue)
    reply = post(app, wire_body(**WRONG))
    assert (reply.status, reply.body, reply.headers[HEADER]) == (202, b"", FIELDS)
    assert HEADER in reply.headers["access-control-expose-headers"]
    assert (app.accepted, app.dropped, app.ignored) == (1, {}, dict.fromkeys(["revenue", "referrer", "props"], 1))


def test_asgi_names_no_ignored_values_for_a_valid_event(store: LocalStore, queue: LocalQueue) -> None:
    app = app_of(store, queue)
    assert HEADER not in post(app, wire_body(ra="49.99")).headers
    assert app.ignored == {}


@pytest.mark.parametrize("is_known", [False, True])
def test_take_names_ignored_values(is_known: bool, store: LocalStore, queue: LocalQueue) -> None:
    """Both ways of the connection: with and without a look at the store."""
    app = app_of(store, queue)
    if is_known:
        post(app, wire_body())

    async def answered() -> IngestResponse:
        replies: asyncio.Queue[IngestResponse] = asyncio.Queue()
        app.take(wire_body(**WRONG), [(b"user-agent", FIREFOX.encode())], ADDRESS, replies.put_nowait)
        return await replies.get()

    answer = asyncio.run(answered())
    assert (answer.status, answer.headers[HEADER]) == (202, FIELDS)


def test_pixel_names_ignored_values(store: LocalStore, queue: LocalQueue) -> None:
    reply = pixel(app_of(store, queue), wire(w="wide"))
    assert (reply.status, reply.body, reply.headers[HEADER]) == (200, PIXEL, "width")
    assert "x-mallard-dropped" not in reply.headers
    assert queue.depth() == 1


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_gateway_names_ignored_values(method: str, store: LocalStore) -> None:
    event = {
        "headers": {"user-agent": FIREFOX},
        "requestContext": {"http": {"method": method, "sourceIp": ADDRESS}},
        "body": wire_body(w="wide").decode(),
        "rawQueryString": "d=example.com&n=pageview&u=/&w=wide",
    }
    answer = answer_gateway(event, open_context(store), MemoryQueue(), ApiKeys(store), NOW)
    assert (answer["statusCode"], answer["headers"][HEADER]) == (202 if method == "POST" else 200, "width")


def test_every_field_is_documented() -> None:
    found = re.findall(
        r"^\|\s*`([a-z_]+)`\s*\|[^|]*\|\s*`(ignored_[a-z_]+)`\s*\|", DOCS.read_text("utf-8"), re.MULTILINE
    )
    assert found == [(field.value, kind_of(field)) for field in IgnoredField]
