"""Ids of events that their sender named: one namespace with a key and one without, and no way back to the name."""

import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest

from ingest.contexts import NOW, SECRET, SITE, call, connection, open_context, post, scope, take, wire, wire_body
from mallard.auth.api_keys import ApiKeys
from mallard.event import Event
from mallard.ingest.batch import BatchOutcome, accept_batch
from mallard.ingest.event_ids import EventIds
from mallard.ingest.http.asgi import BATCH_PATH, IngestApp
from mallard.queue.local import LocalQueue
from mallard.store.local import LocalStore

DAY = "2025-06-30"


def keyed(store: LocalStore, context: Any, **row: Any) -> Event:
    """The event of a batch of one row, sent with a key made for it."""
    _, key = ApiKeys(store).create("a server", "Ingest", NOW, ())
    taken = accept_batch(json.dumps([wire(**row)]).encode(), key, context, NOW)
    assert isinstance(taken, BatchOutcome)
    (event,) = taken.events
    return event


def test_keyed_event_id_differs_from_an_anonymous_event_of_the_same_client_id(store: LocalStore) -> None:
    context = open_context(store)
    order = keyed(store, context, n="purchase", i="order-4711")
    assert take(context, client_id="order-4711").event_id != order.event_id


def test_keyed_event_is_queued_beside_an_anonymous_event_of_the_same_client_id(
    store: LocalStore, queue: LocalQueue
) -> None:
    keys = ApiKeys(store)
    app = IngestApp(open_context(store), queue, keys, clock=lambda: NOW)
    text, _ = keys.create("a server", "Ingest", NOW, ())
    assert post(app, wire_body(n="x", i="order-4712")).status == 202
    batch = {**scope("POST", [("authorization", f"Bearer {text}")]), "path": BATCH_PATH}
    body = json.dumps([wire(n="purchase", i="order-4712")]).encode()
    assert json.loads(call(app, batch, connection([body])).body)["accepted"] == 1
    ids = {json.loads(each.body)["event_id"] for each in queue.receive(10)}
    assert len(ids) == 2


def test_keyed_event_has_one_id_across_keys_and_functions(store: LocalStore) -> None:
    first, again = (keyed(store, open_context(store), i="order-4711") for _ in range(2))
    assert (first.event_id, first.named_by_client) == (again.event_id, True)


def test_anonymous_event_has_one_id_when_retried_through_another_function(store: LocalStore) -> None:
    later = NOW + timedelta(hours=11)
    assert (
        take(open_context(store), client_id="c1").event_id
        == take(open_context(store), client_id="c1", now=later).event_id
    )


@pytest.mark.parametrize("is_keyed", [False, True])
def test_named_event_id_does_not_reveal_the_client_id_without_the_key(is_keyed: bool) -> None:
    """Each guess at the name would be one hash, as of order numbers or mail addresses."""
    text = f"{SITE}|{DAY}|order-4711".encode()
    unkeyed = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 1
    made = EventIds(SECRET).named(SITE, DAY, "order-4711", keyed=is_keyed)
    other = EventIds(b"another key").named(SITE, DAY, "order-4711", keyed=is_keyed)
    assert len({unkeyed, made, other}) == 3
    assert 0 <= made < 2**63
