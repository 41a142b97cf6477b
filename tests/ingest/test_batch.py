"""Batches from servers: with a key, row by row, each drop with its reason; the same behind both fronts."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ingest.contexts import (
    ADDRESS,
    FIREFOX,
    GOOGLEBOT,
    NOW,
    SITE,
    BrokenStore,
    Reply,
    call,
    connection,
    open_context,
    scope,
    wire,
    wire_body,
)
from mallard.auth.api_keys import ApiKeys
from mallard.aws.ingest_function import answer_gateway
from mallard.drops.drop_note import is_note
from mallard.ingest.batch import MAX_BATCH_BYTES, MAX_ROWS
from mallard.ingest.drop_reasons import DropReason
from mallard.ingest.http.asgi import BATCH_PATH, IngestApp
from mallard.privacy.salts import delete_old_salts
from mallard.queue.local import LocalQueue
from mallard.sites.settings_store import SiteSettingsStore
from mallard.store.local import LocalStore
from support.memory import MemoryQueue

Send = Callable[..., Reply]


@dataclass
class Shop:
    """A server's view of one front: ``send`` posts a body with headers; ``queued`` are the events that arrived."""

    store: LocalStore
    keys: ApiKeys
    send: Send
    queued: Callable[[], list[dict[str, Any]]]

    def key(self, scope_name: str = "Ingest", *sites: str) -> tuple[str, str]:
        text, _ = self.keys.create("a server", scope_name, NOW, sites)
        return ("authorization", f"Bearer {text}")


@pytest.fixture(params=["embedded", "lambda"])
def shop(request: pytest.FixtureRequest, store: LocalStore, queue: LocalQueue) -> Shop:
    keys, site_settings = ApiKeys(store), SiteSettingsStore(store)
    context = open_context(store, site_settings=site_settings)
    if request.param == "embedded":
        app = IngestApp(context, queue, keys, clock=lambda: NOW)

        def embedded(body: bytes, *headers: tuple[str, str]) -> Reply:
            return call(app, {**scope("POST", headers), "path": BATCH_PATH}, connection([body]))

        return Shop(store, keys, embedded, lambda: [json.loads(each.body) for each in queue.receive(2000)])
    memory = MemoryQueue()

    def gateway(body: bytes, *headers: tuple[str, str]) -> Reply:
        event = {
            "rawPath": BATCH_PATH,
            "headers": dict(headers),
            "requestContext": {"http": {"method": "POST", "sourceIp": "192.0.2.1"}},
            "body": base64.b64encode(body).decode(),
            "isBase64Encoded": True,
        }
        answer = answer_gateway(event, context, memory, keys, NOW)
        return Reply(answer["statusCode"], answer["headers"], base64.b64decode(answer["body"]))

    return Shop(store, keys, gateway, lambda: [json.loads(each.body) for each in memory.receive(2000)])


def row(**more: Any) -> dict[str, Any]:
    return wire(ua=FIREFOX, ip=ADDRESS, **more)


def array(*rows: Any) -> bytes:
    return json.dumps(rows).encode()


def taken(reply: Reply) -> dict[str, Any]:
    assert reply.status == 202, reply.body
    found: dict[str, Any] = json.loads(reply.body)
    return found


def reasons(reply: Reply) -> list[tuple[int, str]]:
    return [(each["index"], each["reason"]) for each in taken(reply)["dropped"]]


def test_batch_accepts_a_json_array(shop: Shop) -> None:
    reply = shop.send(array(row(), row(n="signup")), shop.key())
    assert taken(reply) == {"accepted": 2, "dropped": []}
    assert [event["event_name"] for event in shop.queued()] == ["pageview", "signup"]


def test_batch_accepts_ndjson_and_drops_invalid_lines(shop: Shop) -> None:
    body = b"\n".join([json.dumps(row()).encode(), b"{", b"", b"[1]", json.dumps(row()).encode()])
    reply = shop.send(body, shop.key())
    assert taken(reply)["accepted"] == 2
    assert reasons(reply) == [(1, "malformed"), (2, "malformed")]


@pytest.mark.parametrize("scope_name", ["Ingest", "Admin"])
def test_batch_accepts_a_key_of_scope_ingest_or_admin(shop: Shop, scope_name: str) -> None:
    name, value = shop.key(scope_name)
    assert shop.send(array(row()), (name, value)).status == 202
    assert shop.send(array(row()), ("x-api-key", value.removeprefix("Bearer "))).status == 202


def test_batch_without_a_valid_key_is_401(shop: Shop) -> None:
    name, value = shop.key()
    shop.keys.revoke(shop.keys.all()[0].key_hash)
    for headers in (
        (),
        (("authorization", "Bearer mm_" + "A" * 43),),
        ((name, value),),
        (("authorization", "Basic x"),),
    ):
        reply = shop.send(array(row()), *headers)
        assert (reply.status, reply.error["reason"]) == (401, "key")
    assert shop.queued() == []


def test_batch_with_a_read_only_key_is_403(shop: Shop) -> None:
    reply = shop.send(array(row()), shop.key("ReadOnly"))
    assert (reply.status, reply.error["reason"]) == (403, "scope")


def test_batch_key_of_one_site_drops_rows_of_other_sites(shop: Shop) -> None:
    reply = shop.send(array(row(), row(d="other.org", u="/")), shop.key("Ingest", SITE))
    assert reasons(reply) == [(1, "site")]


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"", 400, "empty"),
        (b" \n ", 400, "empty"),
        (b"[1", 400, "malformed"),
        (b"[NaN]", 400, "malformed"),
        (b"[" * 100_000, 400, "malformed"),
        (b" " * (MAX_BATCH_BYTES + 1), 413, "too_large"),
        (array(*[1] * (MAX_ROWS + 1)), 413, "too_large"),
    ],
    ids=["empty", "blank", "half", "nan", "deep", "large", "many"],
)
def test_malformed_batch_body_is_refused(shop: Shop, body: bytes, status: int, reason: str) -> None:
    reply = shop.send(body, shop.key())
    assert (reply.status, reply.error["reason"]) == (status, reason)
    assert shop.queued() == []


def test_batch_accepts_a_thousand_rows(shop: Shop) -> None:
    lines = b"\n".join(json.dumps(row(i=str(number))).encode() for number in range(MAX_ROWS))
    assert taken(shop.send(lines, shop.key()))["accepted"] == MAX_ROWS
    assert len({event["event_id"] for event in shop.queued()}) == MAX_ROWS


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (1, DropReason.MALFORMED),
        ({}, DropReason.MISSING),
        (row(ts=1), DropReason.TYPE),
        (row(ts="yesterday"), DropReason.TIME),
        (row(ts="2025-06-30T12:00:00"), DropReason.TIME),
        (row(ts="2025-06-30T12:05:01Z"), DropReason.TIME),
        (row(ts="2025-06-29T12:00:00Z"), DropReason.TIME),
        (row(ts="0001-01-01T00:00:00+14:00"), DropReason.TIME),
        (row(ts="9999-12-31T23:59:59-14:00"), DropReason.TIME),
        (wire(ip="example.com", ua=FIREFOX), DropReason.ADDRESS),
        (wire(ip=["192.0.2.1"], ua=FIREFOX), DropReason.TYPE),
        (wire(ip=ADDRESS, ua=GOOGLEBOT), DropReason.BOT),
        (row(n="x" * 257), DropReason.TOO_LONG),
    ],
)
def test_batch_reports_a_dropped_row_and_accepts_the_others(shop: Shop, given: Any, reason: DropReason) -> None:
    reply = shop.send(array(row(), given, row()), shop.key())
    assert taken(reply)["accepted"] == 2
    assert reasons(reply) == [(1, reason.value)]


def test_take_batch_keeps_a_row_with_invalid_optional_values_and_names_them(shop: Shop) -> None:
    rows = [row(), wire(ip=ADDRESS, ua="\ud800" + FIREFOX, ra="1,299"), row(d="other.org", n="x" * 257), row(p="{")]
    answer = taken(shop.send(array(*rows), shop.key()))
    assert (answer["accepted"], [each["index"] for each in answer["dropped"]]) == (3, [2])
    assert answer["ignored"] == [
        {"index": 1, "fields": ["revenue", "user_agent"]},
        {"index": 3, "fields": ["props"]},
    ]
    first, repaired, _ = shop.queued()[:3]
    assert repaired["visitor_id"] == first["visitor_id"]


@pytest.mark.parametrize("agent", [1, [], {}, True])
def test_take_batch_ignores_an_agent_that_is_no_text(shop: Shop, agent: Any) -> None:
    assert taken(shop.send(array(wire(ip=ADDRESS, ua=agent)), shop.key()))["ignored"] == [
        {"index": 0, "fields": ["user_agent"]}
    ]


def test_take_batch_treats_null_address_and_agent_as_absent(shop: Shop) -> None:
    assert taken(shop.send(array(wire(ip=None, ua=None)), shop.key())) == {"accepted": 1, "dropped": []}


def test_take_batch_stores_the_same_row_as_the_event_endpoint(store: LocalStore) -> None:
    """One event by both endpoints is one row but for its id, whatever is repaired in it."""
    event = wire(n=" Cafe\u0301 ", u="/cafe%CC%81", ra="1.299,00 €", p={"a": 5.0, "b": "\ud83d"}, w="800", i="one")
    context = open_context(store, site_settings=SiteSettingsStore(store))
    memory, keys = MemoryQueue(), ApiKeys(store)
    text, _ = keys.create("a server", "Ingest", NOW)
    agent = {"user-agent": FIREFOX + " x" * 3000}
    for path, headers, body in (
        ("/api/event", agent, wire_body(**event)),
        (BATCH_PATH, {"x-api-key": text}, array({**event, "ip": ADDRESS, "ua": agent["user-agent"]})),
    ):
        http = {"method": "POST", "sourceIp": ADDRESS}
        request = {"rawPath": path, "headers": headers, "requestContext": {"http": http}, "body": body.decode()}
        assert answer_gateway(request, context, memory, keys, NOW)["statusCode"] == 202
    first, second = (json.loads(each.body) for each in memory.receive(10) if not is_note(each.body))
    assert first.pop("event_id") != second.pop("event_id")
    assert first == second
    assert (first["event_name"], first["pathname"], first["revenue_amount"]) == ("Café", "/café", "1299.00")


def test_batch_row_keeps_its_own_time_and_the_arrival_time(shop: Shop) -> None:
    shop.send(array(row(ts="2025-06-30T14:00:00.5+02:00"), row()), shop.key())
    early, now = shop.queued()
    assert early["timestamp"] == int(datetime(2025, 6, 30, 12, 0, 0, 500_000, UTC).timestamp() * 1000)
    assert early["accepted_ms"] == now["accepted_ms"] == now["timestamp"]


def test_batch_row_address_and_agent_determine_the_visitor(shop: Shop) -> None:
    rows = [row(), row(), wire(ip="192.0.2.9", ua=FIREFOX), wire(ua=FIREFOX), wire(ip=ADDRESS)]
    assert taken(shop.send(array(*rows), shop.key()))["accepted"] == 5
    first, again, other, nobody, agentless = [event.get("visitor_id") for event in shop.queued()]
    assert first == again is not None
    assert other not in (first, None)
    assert nobody is None
    assert agentless not in (first, None)


def test_batch_retry_with_the_same_client_id_is_one_event(shop: Shop) -> None:
    key = shop.key()
    for _ in range(2):
        shop.send(array(row(i="order-1", ts="2025-06-30T11:00:00Z")), key)
    assert len({event["event_id"] for event in shop.queued()}) == 1


def test_batch_accepts_yesterday_while_its_salt_exists(store: LocalStore, queue: LocalQueue) -> None:
    keys, context = ApiKeys(store), open_context(store)
    text, _ = keys.create("a server", "Ingest", NOW)
    moments = iter([NOW, datetime(2025, 7, 1, 1, 59, tzinfo=UTC), datetime(2025, 7, 1, 2, 0, tzinfo=UTC)])
    app = IngestApp(context, queue, keys, clock=lambda: next(moments))
    replies = [
        call(
            app,
            {**scope("POST", [("x-api-key", text)]), "path": BATCH_PATH},
            connection([array(row(ts="2025-06-30T11:00:00Z"))]),
        )
        for _ in range(3)
    ]
    assert [taken(reply)["accepted"] for reply in replies] == [1, 1, 0]
    before, after = (json.loads(each.body) for each in queue.receive(10))
    assert (before["visitor_id"], before["date"]) == (after["visitor_id"], after["date"])


NIGHT = datetime(2025, 7, 1, 1, 0, tzinfo=UTC)


@pytest.mark.parametrize("came", ["nobody", "somebody, and the salt was deleted"])
def test_batch_refuses_a_row_of_a_past_day_without_a_salt(store: LocalStore, queue: LocalQueue, came: str) -> None:
    keys, context = ApiKeys(store), open_context(store)
    text, _ = keys.create("a server", "Ingest", NOW)
    asked = {**scope("POST", [("x-api-key", text)]), "path": BATCH_PATH}
    if came != "nobody":
        call(IngestApp(context, queue, keys, clock=lambda: NOW), asked, connection([array(row())]))
        queue.acknowledge(queue.receive(10))
        delete_old_salts(store, SiteSettingsStore(store), NOW + timedelta(days=9))
    app = IngestApp(open_context(store), queue, keys, clock=lambda: NIGHT)
    rows = array(row(ts="2025-06-30T23:59:59Z"), row(ts="2025-06-30T23:59:59Z") | {"ip": ""}, row(ts=NIGHT.isoformat()))
    reply = taken(call(app, asked, connection([rows])))
    # Who has no address is nobody in any case, and needs no salt.
    assert (reply["accepted"], [each["reason"] for each in reply["dropped"]]) == (2, [DropReason.TIME])
    assert not [key.key for key in store.list("salts/") if "2025-06-30" in key.key]


def test_batch_with_another_method_is_405(store: LocalStore, queue: LocalQueue) -> None:
    app = IngestApp(open_context(store), queue, ApiKeys(store), clock=lambda: NOW)
    assert call(app, {**scope("GET"), "path": BATCH_PATH}).status == 405


def test_batch_is_503_when_the_store_is_unavailable(queue: LocalQueue) -> None:
    app = IngestApp(open_context(BrokenStore()), queue, ApiKeys(BrokenStore()), clock=lambda: NOW)
    asked = {**scope("POST", [("x-api-key", "mm_" + "A" * 43)]), "path": BATCH_PATH}
    assert call(app, asked, connection([array(row())])).status == 503
