"""A drop is noted for its site, through the queue, whichever front it met; without visitor, address or agent."""

import base64
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ingest.contexts import ADDRESS, FIREFOX, GOOGLEBOT, NOW, call, connection, open_context, post, scope, wire_body
from mallard.auth.api_keys import ApiKeys
from mallard.aws.ingest_function import answer_gateway
from mallard.drops.drop_note import DropNote, DropNotes, is_note, read_note
from mallard.ingest.http.asgi import BATCH_PATH, IngestApp
from mallard.ingest.ignored_fields import IgnoredField
from mallard.ingest.pipeline import IngestContext
from mallard.queue.local import LocalQueue
from mallard.store.local import LocalStore
from support.memory import MemoryQueue

Send = Callable[[IngestContext, bytes, str], list[bytes]]


@pytest.fixture(params=["embedded", "lambda"])
def send(request: pytest.FixtureRequest, store: LocalStore, queue: LocalQueue) -> Send:
    """Post a body with a user agent; what is in the queue then."""

    def embedded(context: IngestContext, body: bytes, agent: str) -> list[bytes]:
        post(IngestApp(context, queue, ApiKeys(store), clock=lambda: NOW), body, ("user-agent", agent))
        # What nobody waits for is there once something that was sent later is.
        queue.send([b"{}"])
        return [each.body for each in queue.receive(10) if each.body != b"{}"]

    def gateway(context: IngestContext, body: bytes, agent: str) -> list[bytes]:
        memory = MemoryQueue()
        event: dict[str, Any] = {
            "headers": {"user-agent": agent},
            "requestContext": {"http": {"method": "POST", "sourceIp": ADDRESS}},
            "body": base64.b64encode(body).decode(),
            "isBase64Encoded": True,
        }
        answer_gateway(event, context, memory, ApiKeys(store), NOW)
        return [each.body for each in memory.receive(10)]

    return embedded if request.param == "embedded" else gateway


def noting(store: LocalStore, **settings: Any) -> IngestContext:
    return replace(open_context(store, **settings), notes=DropNotes())


def test_drop_of_a_bot_is_recorded_for_its_site_without_details(send: Send, store: LocalStore) -> None:
    (body,) = send(noting(store), wire_body(), GOOGLEBOT)
    assert is_note(body)
    assert read_note(body) == DropNote("example.com", "2025-06-30", 1_751_284_800_250, "bot")
    assert set(json.loads(body)) == {"rejected", "site_id", "date", "accepted_ms"}


def test_accepted_event_records_no_drop(send: Send, store: LocalStore) -> None:
    (body,) = send(noting(store), wire_body(), FIREFOX)
    assert not is_note(body)


@pytest.mark.parametrize("body", [b"{", wire_body(d="other.org", u="/")], ids=["malformed", "another site"])
def test_drops_for_unlisted_sites_are_not_recorded(send: Send, store: LocalStore, body: bytes) -> None:
    assert send(noting(store, sites=("example.com",)), body, FIREFOX) == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (wire_body(n=""), "empty"),
        (wire_body(n=1), "type"),
        (wire_body(u="/" * 2049), "too_long"),
        (b'{"d": "Example.com"}', "missing"),
    ],
)
def test_parse_refusal_is_recorded_for_its_site(send: Send, store: LocalStore, body: bytes, reason: str) -> None:
    for settings in ({"sites": ("example.com",)}, {"known": ("example.com",), "new_per_hour": 0}):
        (note,) = send(noting(store, **settings), body, FIREFOX)
        assert read_note(note) == DropNote("example.com", "2025-06-30", 1_751_284_800_250, reason)


def test_parse_refusal_is_not_recorded_for_an_unknown_site(send: Send, store: LocalStore) -> None:
    body = wire_body(n="", d="other.org")
    for settings in ({"sites": ("example.com",)}, {"known": ("example.com",), "new_per_hour": 100}):
        assert send(noting(store, **settings), body, FIREFOX) == []


def test_ignored_values_are_recorded_for_their_site_by_kind(send: Send, store: LocalStore) -> None:
    event, *notes = sorted(send(noting(store), wire_body(ra="1,299", p="{"), FIREFOX), key=is_note)
    assert not is_note(event)
    assert [read_note(each).rejected for each in notes] == ["ignored_revenue", "ignored_props"]
    assert {read_note(each).site_id for each in notes} == {"example.com"}


def test_ignored_values_of_a_dropped_event_are_not_recorded(send: Send, store: LocalStore) -> None:
    (note,) = send(noting(store), wire_body(ra="1,299"), GOOGLEBOT)
    assert read_note(note).rejected == "bot"


BATCH = (
    {"d": "example.com", "n": ""},
    {"d": "example.com", "n": "x", "u": "/", "ts": "yesterday"},
    {"d": "example.com", "n": "x", "u": "/", "ts": "2001-01-01T00:00:00Z"},
    {"d": "example.com", "n": "x", "u": "/", "ip": "nowhere"},
    {"d": "example.com", "n": "x", "u": "/", "ra": "1,299"},
    {"d": "other.org", "n": ""},
    {"d": "unknown.org", "n": ""},
)


@pytest.mark.parametrize("front", ["embedded", "lambda"])
def test_batch_drops_are_recorded_for_sites_of_the_key(front: str, store: LocalStore, queue: LocalQueue) -> None:
    keys, context = ApiKeys(store), noting(store, sites=("example.com", "other.org"))
    text, _ = keys.create("a server", "Ingest", NOW, ("example.com",))
    body = json.dumps(BATCH).encode()
    if front == "embedded":
        app = IngestApp(context, queue, keys, clock=lambda: NOW)
        call(app, {**scope("POST", [("x-api-key", text)]), "path": BATCH_PATH}, connection([body]))
        queue.send([b"{}"])
        found = [each.body for each in queue.receive(20)]
        assert app.ignored == {IgnoredField.REVENUE: 1}
    else:
        memory, counts = MemoryQueue(), Counter[str]()
        http = {"method": "POST", "sourceIp": ADDRESS}
        event = {"rawPath": BATCH_PATH, "headers": {"x-api-key": text}, "requestContext": {"http": http}}
        answer_gateway({**event, "body": body.decode()}, context, memory, keys, NOW, counts)
        found = [each.body for each in memory.receive(20)]
        assert (counts["accepted"], counts["ignored"], counts["ignored_revenue"]) == (1, 1, 1)
    notes = [read_note(each) for each in found if is_note(each)]
    assert {each.site_id for each in notes} == {"example.com"}
    assert [each.rejected for each in notes] == ["empty", "time", "time", "address", "ignored_revenue"]


def test_drop_over_the_site_rate_is_recorded(send: Send, store: LocalStore) -> None:
    context = noting(store, per_second=1)
    send(context, wire_body(), FIREFOX)
    assert [read_note(body).rejected for body in send(context, wire_body(), FIREFOX) if is_note(body)] == ["rate"]
