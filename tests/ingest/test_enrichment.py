"""Source, agent and place of whole requests, as they are stored, and their forgery by clients."""

import json
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ingest.contexts import ADDRESS, FIREFOX, GOOGLEBOT, NOW, open_context, post, take, wire_body
from ingest.test_geoip import ENGLAND, LONDON, UNKNOWN, write_database
from mallard.auth.api_keys import ApiKeys
from mallard.aws.ingest_function import answer_gateway
from mallard.ingest.client import Client, read_sender
from mallard.ingest.enrich.cdn_headers import NO_EDGE, CdnHeaders
from mallard.ingest.enrich.client_hints import ClientHints
from mallard.ingest.enrich.geoip import NOWHERE, Geoip, LocalGeoipSource, Place
from mallard.ingest.http.asgi import IngestApp
from mallard.ingest.pipeline import IngestContext, receive
from mallard.ingest.request import EventRequest
from mallard.queue.local import LocalQueue
from mallard.store.local import LocalStore
from support.memory import MemoryQueue

SECRET = "the edge's own word"
GPTBOT = "Mozilla/5.0 (compatible; GPTBot/1.2)"
FORGED = (
    {"X-Forwarded-For": LONDON},
    {"X-Real-IP": LONDON, "Forwarded": f"for={LONDON}"},
    {"CloudFront-Viewer-Address": f"{LONDON}:443", "CloudFront-Viewer-Country": "GB"},
    {"X-Mallard-Edge": "a guess", "CloudFront-Viewer-Address": f"{LONDON}:443", "CloudFront-Viewer-Country": "GB"},
    {"X-Mallard-Edge": "", "CF-Connecting-IP": LONDON, "CF-IPCountry": "GB"},
    {"Fastly-Client-IP": LONDON, "X-Geo-Country": "GB"},
)
"""What a client may send to look like somebody else, somewhere else."""


@pytest.fixture
def geo(tmp_path: Path) -> Geoip:
    networks = {"203.0.113.0/24": ENGLAND, f"{UNKNOWN}/32": {"country": {"iso_code": "FR"}}}
    return Geoip(LocalGeoipSource(write_database(tmp_path / "city.mmdb", networks=networks)), in_background=False)


@pytest.fixture
def context(store: LocalStore, geo: Geoip) -> IngestContext:
    return replace(open_context(store), geo=geo, edge=CdnHeaders(SECRET))


def place_of(stored: Any) -> Place:
    """Of an event, or of a message as it lies in the queue."""
    get = stored.get if isinstance(stored, dict) else lambda name: getattr(stored, name)
    return Place(get("country_code"), get("region"), get("city"))


# Steps


def test_place_of_the_address_is_stored(context: IngestContext) -> None:
    assert place_of(take(context, address=LONDON)) == Place("GB", "England", "London")
    assert place_of(take(context, address="192.0.2.200")) == NOWHERE


def receive_from(sender: Client, context: IngestContext) -> Any:
    return receive(EventRequest("example.com", "pageview", "/"), sender, context, NOW)


@pytest.mark.parametrize(
    ("precision", "place"),
    [("city", Place("CH", "Zurich", "Uster")), ("country", Place("CH")), ("none", NOWHERE)],
)
def test_cdn_place_is_stored_at_the_configured_precision_without_a_database(
    precision: str, place: Place, store: LocalStore
) -> None:
    context = replace(open_context(store), geo=Geoip(precision=precision))
    sender = Client(ADDRESS, FIREFOX, place=Place("CH", "Zurich", "Uster"))
    assert place_of(receive_from(sender, context)) == place


def test_place_database_overrides_the_cdn_place(context: IngestContext) -> None:
    sender = Client("192.0.2.200", FIREFOX, place=Place("CH"))
    assert place_of(receive_from(sender, context)) == NOWHERE
    assert place_of(receive_from(msgspec.structs.replace(sender, address=LONDON), context)).country_code == "GB"


def test_hints_are_stored_but_do_not_change_the_visitor_id(context: IngestContext) -> None:
    chrome = FIREFOX.replace("rv:132.0) Gecko/20100101 Firefox/132.0", "") + ") AppleWebKit/537.36 Chrome/131.0.0.0"
    plain = receive_from(Client(ADDRESS, chrome), context)
    brave = receive_from(Client(ADDRESS, chrome, hints=ClientHints('"Brave";v="131"')), context)
    assert (plain.browser, brave.browser) == ("Chrome", "Brave")
    assert plain.visitor_id == brave.visitor_id


def test_source_channel_and_click_id_are_read_from_the_page_url(context: IngestContext) -> None:
    event = take(context, url="https://example.com/?gclid=secret-value&ref=hn")
    assert (event.referrer_source, event.channel) == ("Hacker News", "Paid Social")
    assert b"secret-value" not in event.to_message()


def test_an_unreferred_page_is_direct(context: IngestContext) -> None:
    assert take(context).channel == "Direct"


@pytest.mark.parametrize("user_agent", [GOOGLEBOT, GPTBOT])
def test_bots_and_ai_crawlers_are_accepted_when_the_filter_is_off(user_agent: str, store: LocalStore) -> None:
    assert take(open_context(store, filter_bots=False), user_agent=user_agent).pathname == "/"


def test_prefetch_is_dropped_even_when_the_bot_filter_is_off(store: LocalStore) -> None:
    dropped = receive_from(Client(ADDRESS, FIREFOX, is_prefetch=True), open_context(store, filter_bots=False))
    assert dropped.reason.value == "prefetch"


# Nobody but the CDN can say who a viewer is, and where


def queued(queue: LocalQueue) -> list[dict[str, Any]]:
    return [json.loads(message.body) for message in queue.receive(100)]


def as_seen(event: dict[str, Any]) -> tuple[int, Place]:
    return event["visitor_id"], place_of(event)


@pytest.mark.parametrize("secret", ["", SECRET], ids=["no CDN", "a CDN"])
@pytest.mark.parametrize("forged", FORGED, ids=lambda each: ",".join(each))
def test_forged_headers_over_asgi_change_neither_visitor_nor_place(
    forged: dict[str, str], secret: str, context: IngestContext, store: LocalStore, queue: LocalQueue
) -> None:
    app = IngestApp(
        replace(context, edge=CdnHeaders(secret)), queue, ApiKeys(store), trusted_proxies=(), clock=lambda: NOW
    )
    headers = [(name.lower(), value) for name, value in forged.items()]
    assert post(app, wire_body(), peer=UNKNOWN).status == 202
    assert post(app, wire_body(), *headers, peer=UNKNOWN).status == 202
    honest, forger = map(as_seen, queued(queue))
    assert honest == forger
    assert honest[1] == Place("FR")


def test_forged_headers_through_a_trusted_proxy_change_nothing(
    context: IngestContext, store: LocalStore, queue: LocalQueue
) -> None:
    app = IngestApp(context, queue, ApiKeys(store), trusted_proxies=(ip_network("127.0.0.0/8"),), clock=lambda: NOW)
    for forged in ({}, *FORGED[2:]):
        headers = [(name.lower(), value) for name, value in forged.items()]
        post(app, wire_body(), ("x-forwarded-for", f"{LONDON}, {UNKNOWN}"), *headers, peer="127.0.0.1")
    seen = set(map(as_seen, queued(queue)))
    assert len(seen) == 1
    assert seen.pop()[1] == Place("FR")


def gateway_request(source: str, headers: dict[str, str]) -> dict[str, Any]:
    http = {"method": "POST", "sourceIp": source}
    return {
        "rawPath": "/api/event",
        "headers": {"User-Agent": FIREFOX, **headers},
        "requestContext": {"http": http},
        "body": wire_body().decode(),
        "rawQueryString": "",
    }


@pytest.mark.parametrize("secret", ["", SECRET], ids=["no CDN", "a CDN"])
@pytest.mark.parametrize("forged", FORGED, ids=lambda each: ",".join(each))
def test_forged_headers_on_lambda_change_neither_visitor_nor_place(
    forged: dict[str, str], secret: str, context: IngestContext, store: LocalStore
) -> None:
    queue, keys = MemoryQueue(), ApiKeys(store)
    for headers in ({}, forged):
        answer_gateway(gateway_request(UNKNOWN, headers), replace(context, edge=CdnHeaders(secret)), queue, keys, NOW)
    honest, forger = (as_seen(json.loads(message.body)) for message in queue.receive(10))
    assert honest == forger
    assert honest[1] == Place("FR")


def test_cdn_viewers_on_lambda_are_separate_visitors_with_their_own_places(
    context: IngestContext, store: LocalStore
) -> None:
    queue, keys = MemoryQueue(), ApiKeys(store)
    for viewer in (LONDON, UNKNOWN):
        headers = {"X-Mallard-Edge": SECRET, "CloudFront-Viewer-Address": f"{viewer}:40000"}
        answer_gateway(gateway_request("192.0.2.200", headers), context, queue, keys, NOW)
    first, second = (as_seen(json.loads(message.body)) for message in queue.receive(10))
    assert first[0] != second[0]
    assert (first[1].country_code, second[1].country_code) == ("GB", "FR")


def test_neither_address_nor_secret_nor_hints_reach_the_queue(context: IngestContext, store: LocalStore) -> None:
    queue = MemoryQueue()
    headers = {
        "X-Mallard-Edge": SECRET,
        "CloudFront-Viewer-Address": f"{LONDON}:40000",
        "Sec-CH-UA": '"Chromium";v="131", "Some Brand";v="7"',
    }
    answer_gateway(gateway_request(UNKNOWN, headers), context, queue, ApiKeys(store), NOW)
    (message,) = queue.receive(10)
    for secret in (LONDON, UNKNOWN, SECRET, "40000", "Some Brand"):
        assert secret.encode() not in message.body


def test_long_headers_are_truncated_before_they_are_cached() -> None:
    sender = read_sender({"user-agent": "a" * 60_000, "accept-language": "b" * 60_000}, ADDRESS, NO_EDGE)
    assert (len(sender.user_agent), len(sender.accept_language)) == (512, 256)
