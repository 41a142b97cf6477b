"""Bytes of an event as it is stored, whatever a client sends."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.contexts import FIREFOX, NOW, open_context
from mallard.event import Event
from mallard.ingest.client import Client
from mallard.ingest.drop_reasons import Dropped
from mallard.ingest.ignored_fields import IgnoredField
from mallard.ingest.pipeline import IngestContext, receive
from mallard.ingest.request import MAX_EVENT_BYTES, MAX_URL_LENGTH, EventRequest, parse_body
from mallard.store.local import LocalStore

MUSIC = "\U0001d160"
"""One letter of four bytes whose composed form takes twelve."""

pieces = st.sampled_from(["a", "é", "ﷺ", "\U0001f986", MUSIC, '"', "%F0%9D%85%A0", "&utm_source="])
fat_texts = st.lists(st.tuples(pieces, st.sampled_from([1, 60, 2000])), max_size=4).map(
    lambda runs: "".join(piece * times for piece, times in runs)[:2048]
)


def parsed(**keys: Any) -> EventRequest:
    wire = {"d": "example.com", "n": "pageview", "u": "https://example.com/", **keys}
    request = parse_body(json.dumps(wire, ensure_ascii=False).encode())
    assert isinstance(request, EventRequest), request
    return request


def stored_bytes(event: Event) -> int:
    return sum(len(getattr(event, name).encode()) for name in event.__struct_fields__ if _is_text(event, name))


def _is_text(event: Event, name: str) -> bool:
    return isinstance(getattr(event, name), str)


@pytest.fixture
def context(store: LocalStore) -> IngestContext:
    return open_context(store)


@given(name=fat_texts, url=fat_texts, referrer=fat_texts, key=fat_texts, value=fat_texts)
def test_stored_event_is_bounded_in_bytes(
    tmp_path_factory: pytest.TempPathFactory, name: str, url: str, referrer: str, key: str, value: str
) -> None:
    context = open_context(LocalStore(tmp_path_factory.getbasetemp() / "sizes"))
    wire = {
        "d": "example.com",
        "n": (name or "x")[:256],
        "u": f"https://example.com/{url}?utm_medium={url}"[:2048],
        "r": f"https://other.example/{referrer}",
        "p": {key[:200]: value, "b": value * 2, "c": key},
    }
    request = parse_body(json.dumps(wire, ensure_ascii=False).encode())
    outcome = receive(request, Client("192.0.2.1", FIREFOX), context, NOW)
    if isinstance(outcome, Dropped):
        assert outcome.reason in ("too_large", "too_long", "empty", "spam", "malformed")
    else:
        assert stored_bytes(outcome) <= MAX_EVENT_BYTES


def test_largest_event_is_truncated_and_names_the_fields(context: IngestContext) -> None:
    duck = "\U0001f986"
    request = parsed(
        n=duck * 256, u="https://example.com/" + duck * 2000, r="https://x.example/" + duck * 2000, p={"k": duck * 4000}
    )
    assert request.ignored == (IgnoredField.URL, IgnoredField.REFERRER, IgnoredField.PROPS)
    outcome = receive(request, Client("192.0.2.1", FIREFOX), context, NOW)
    assert isinstance(outcome, Event)
    assert stored_bytes(outcome) <= MAX_EVENT_BYTES
    assert set(outcome.pathname or "") == {"/", duck}
    assert set(json.loads(outcome.props or "")["k"]) == {duck}


def test_longest_ascii_texts_are_kept_whole() -> None:
    value = "v" * 4080
    request = parsed(u="https://example.com/" + "a" * 1000, r="https://x.example/" + "b" * 500, p={"k": value})
    assert request.ignored == ()
    assert json.loads(request.props or "") == {"k": value}


def test_properties_are_limited_by_the_bytes_the_addresses_leave() -> None:
    request = parsed(u="https://example.com/" + "a" * 2028, r="https://x.example/" + "b" * 2030, p={"k": "v" * 4080})
    assert request.ignored == (IgnoredField.PROPS,)
    assert len(request.props or "") > 2000
    assert len(request.url) == len(request.referrer or "") == MAX_URL_LENGTH
