"""Events in the words of Plausible's Events API: from the connection, batches and Lambda alike."""

import json
from typing import Any

import pytest

from ingest.contexts import ADDRESS, FIREFOX, NOW, open_context, post
from mallard.auth.api_keys import ApiKeys
from mallard.aws.ingest_function import answer_gateway
from mallard.ingest.drop_reasons import Dropped, DropReason
from mallard.ingest.http.asgi import IngestApp
from mallard.ingest.plausible_words import with_fragment_in_path
from mallard.ingest.request import EventRequest, parse_body, requests_of
from mallard.queue.local import LocalQueue
from mallard.store.local import LocalStore
from support.memory import MemoryQueue, MemoryStore

SITE = "example.com"
OWN = {"n": "pageview", "u": "https://example.com/a", "d": SITE}
WORDS = {"name": "pageview", "url": "https://example.com/a", "domain": SITE}


def read(**keys: Any) -> EventRequest:
    found = parse_body(json.dumps(keys).encode())
    assert isinstance(found, EventRequest), found
    return found


def refused(**keys: Any) -> Dropped:
    found = parse_body(json.dumps(keys).encode())
    assert isinstance(found, Dropped), found
    return found


@pytest.mark.parametrize(
    ("words", "own"),
    [
        ({}, {}),
        ({"referrer": "https://x.example/"}, {"r": "https://x.example/"}),
        ({"screen_width": 800}, {"w": 800}),
        ({"props": {"a": "b"}}, {"p": {"a": "b"}}),
        ({"meta": '{"a":"b"}'}, {"p": {"a": "b"}}),
        ({"m": {"a": "b"}, "props": None}, {"p": {"a": "b"}}),
        ({"revenue": {"amount": "12.30", "currency": "EUR"}}, {"ra": "12.30", "rc": "EUR"}),
        ({"$": {"amount": 5, "currency": "USD"}}, {"ra": 5, "rc": "USD"}),
        ({"$": '{"amount": 5, "currency": "USD"}'}, {"ra": 5, "rc": "USD"}),
        ({"revenue": {"currency": "EUR"}}, {"ra": [], "rc": "EUR"}),
        ({"revenue": [1]}, {"ra": [1]}),
        ({"props": "{"}, {"p": "{"}),
        ({"hashMode": 0, "v": 36}, {}),
        ({"name": 404}, {"n": "404"}),
    ],
)
def test_words_mean_the_same_as_ours(words: dict[str, Any], own: dict[str, Any]) -> None:
    assert read(**{**WORDS, **words}) == read(**{**OWN, **own})


def test_short_word_wins_over_the_long_one() -> None:
    assert read(**OWN, name="other", url="https://other.example/", domain="other.example") == read(**OWN)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example/app?q=1#/users/1?x=2", "https://a.example/app%23/users/1%3Fx=2?q=1"),
        ("https://a.example#top", "https://a.example/%23top"),
        ("https://a.example/", "https://a.example/"),
        ("/app#/b#c", "/app%23/b%23c"),
    ],
)
def test_hash_mode_moves_the_fragment_into_the_path(url: str, expected: str) -> None:
    assert with_fragment_in_path(url) == expected
    assert read(n="x", d=SITE, u=url, h=1).url == read(n="x", d=SITE, u=url, hashMode="1").url == expected


@pytest.mark.parametrize(
    ("url", "site"), [("https://www.Example.com/a", SITE), ("https://blog.example.com:8443/", "blog.example.com")]
)
def test_site_without_a_domain_is_the_host_of_the_address(url: str, site: str) -> None:
    assert read(name="pageview", url=url).site_id == site


def test_address_without_a_host_needs_a_domain() -> None:
    assert refused(name="pageview", url="/a").sentence == "The key d is missing."


def test_domain_may_name_several_sites_once_each() -> None:
    found = requests_of(read(**{**WORDS, "domain": "a.example, b.example,a.example"}))
    assert [each.site_id for each in found] == ["a.example", "b.example"]
    assert all(isinstance(each, EventRequest) and not each.more_sites for each in found)


def test_names_that_are_no_site_are_refused_alone() -> None:
    first, *rest = requests_of(read(**{**WORDS, "domain": "not a site,,a.example"}))
    assert first.site_id == "a.example"
    assert [each.reason for each in rest if isinstance(each, Dropped)] == [DropReason.MALFORMED, DropReason.EMPTY]
    assert refused(**{**WORDS, "domain": "no site,, "}).reason is DropReason.MALFORMED
    over = ",".join(f"s{number}.example" for number in range(11))
    assert refused(**{**WORDS, "domain": over}).sentence == "d names over 10 sites."
    assert refused(**{**WORDS, "domain": "a" * 3000 + ",b"}).reason is DropReason.TOO_LONG


def several(domain: str) -> bytes:
    return json.dumps({**WORDS, "domain": domain}).encode()


def test_each_site_takes_or_refuses_the_event_on_its_own(store: LocalStore, queue: LocalQueue) -> None:
    app = IngestApp(open_context(store, sites=("a.example", "b.example")), queue, ApiKeys(store), clock=lambda: NOW)
    reply = post(app, several("c.example,b.example,a.example"))
    assert (reply.status, reply.headers["x-mallard-dropped"], reply.headers["x-plausible-dropped"]) == (
        202,
        "site",
        "1",
    )
    assert (app.accepted, app.dropped, queue.depth()) == (2, {DropReason.SITE: 1}, 2)
    reply = post(app, several("c.example,d.example"))
    assert (reply.status, reply.headers["x-plausible-dropped"], queue.depth()) == (403, "2", 2)
    reply = post(app, several("a.example,b.example"))
    assert (reply.status, "x-plausible-dropped" in reply.headers, queue.depth()) == (202, False, 4)


def gateway(body: bytes, **headers: str) -> dict[str, Any]:
    return {
        "rawPath": "/api/event",
        "headers": {"user-agent": FIREFOX, **{name.replace("_", "-"): value for name, value in headers.items()}},
        "requestContext": {"http": {"method": "POST", "sourceIp": ADDRESS}},
        "body": body.decode(),
    }


def test_lambda_takes_an_event_of_several_sites(store: LocalStore) -> None:
    queue = MemoryQueue()
    context = open_context(store, sites=("a.example", "b.example"))
    answer = answer_gateway(gateway(several("a.example,c.example,b.example")), context, queue, ApiKeys(store), NOW)
    assert (answer["statusCode"], answer["headers"]["x-mallard-dropped"], queue.depth()) == (202, "site", 2)


def test_batch_row_may_name_several_sites(store: LocalStore) -> None:
    keys, queue = ApiKeys(store), MemoryQueue()
    key, _ = keys.create("server", "Ingest", NOW)
    event = gateway(b"[%s]" % several("a.example,no site"), authorization=f"Bearer {key}") | {"rawPath": "/api/events"}
    answer = answer_gateway(event, open_context(store), queue, keys, NOW)
    assert answer["statusCode"] == 202
    assert queue.depth() == 1


@pytest.mark.parametrize(
    ("scope", "believed"), [("Ingest", True), ("Admin", True), ("ReadOnly", False), ("unknown", False)]
)
def test_forwarded_address_is_believed_with_an_ingest_key(scope: str, believed: bool) -> None:
    store = MemoryStore()
    keys, queue, context = ApiKeys(store), MemoryQueue(), open_context(store)
    key = "mm_unknown" if scope == "unknown" else keys.create("server", scope, NOW)[0]
    body = json.dumps(WORDS).encode()
    forwarded = {"x_forwarded_for": "198.51.100.9, 203.0.113.7", "x_api_key": key}
    for event in (gateway(body, **forwarded), gateway(body, x_forwarded_for="198.51.100.9"), gateway(body)):
        assert answer_gateway(event, context, queue, keys, NOW)["statusCode"] == 202
    ids = [json.loads(each)["visitor_id"] for each in queue.bodies()]
    assert ids[1] == ids[2]
    assert (ids[0] != ids[1]) is believed
