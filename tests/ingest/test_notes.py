"""A drop is noted for its site, through the queue, whichever front it met; without visitor, address or agent."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ingest.doors import ADDRESS, FIREFOX, GOOGLEBOT, NOW, open_door, post, wire_body
from mallard.auth.keys import KeyRing
from mallard.ingest.asgi import IngestApp
from mallard.ingest.gateway import answer_gateway
from mallard.ingest.pipeline import Door
from mallard.queue.local import LocalQueue
from mallard.rejected.note import Note, Notes, is_note, read_note
from mallard.store.local import LocalStore
from support.memory import MemoryQueue

Send = Callable[[Door, bytes, str], list[bytes]]


@pytest.fixture(params=["embedded", "lambda"])
def send(request: pytest.FixtureRequest, store: LocalStore, queue: LocalQueue) -> Send:
    """Post a body with a user agent; what is in the queue then."""

    def embedded(door: Door, body: bytes, agent: str) -> list[bytes]:
        post(IngestApp(door, queue, KeyRing(store), clock=lambda: NOW), body, ("user-agent", agent))
        # What nobody waits for is there once something that was sent later is.
        queue.send([b"{}"])
        return [each.body for each in queue.receive(10) if each.body != b"{}"]

    def gateway(door: Door, body: bytes, agent: str) -> list[bytes]:
        memory = MemoryQueue()
        event: dict[str, Any] = {
            "headers": {"user-agent": agent},
            "requestContext": {"http": {"method": "POST", "sourceIp": ADDRESS}},
            "body": base64.b64encode(body).decode(),
            "isBase64Encoded": True,
        }
        answer_gateway(event, door, memory, KeyRing(store), NOW)
        return [each.body for each in memory.receive(10)]

    return embedded if request.param == "embedded" else gateway


def noting(store: LocalStore, **settings: Any) -> Door:
    return replace(open_door(store, **settings), notes=Notes())


def test_a_bot_s_event_is_noted_for_its_site_and_says_nothing_of_the_bot(send: Send, store: LocalStore) -> None:
    (body,) = send(noting(store), wire_body(), GOOGLEBOT)
    assert is_note(body)
    assert read_note(body) == Note("example.com", "2025-06-30", 1_751_284_800_250, "bot")
    assert set(json.loads(body)) == {"rejected", "site_id", "date", "accepted_ms"}


def test_an_event_that_is_taken_is_not_noted(send: Send, store: LocalStore) -> None:
    (body,) = send(noting(store), wire_body(), FIREFOX)
    assert not is_note(body)


@pytest.mark.parametrize("body", [b"{", wire_body(d="other.org", u="/")], ids=["malformed", "another site"])
def test_what_is_nobody_s_here_is_not_noted(send: Send, store: LocalStore, body: bytes) -> None:
    assert send(noting(store, sites=("example.com",)), body, FIREFOX) == []


def test_a_site_over_its_rate_is_noted(send: Send, store: LocalStore) -> None:
    door = noting(store, per_second=1)
    send(door, wire_body(), FIREFOX)
    assert [read_note(body).rejected for body in send(door, wire_body(), FIREFOX) if is_note(body)] == ["rate"]
