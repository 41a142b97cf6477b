"""Two places that read the same thing read it alike: addresses, schemes, credentials, repeated lines, words."""

import json
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response

from ingest.contexts import FIREFOX, NOW, offer, open_context
from mallard.api.auth_http import AuthHttp
from mallard.auth.api_keys import ApiKey, key_in
from mallard.aws.ingest_function import answer_gateway
from mallard.bootstrap.client_addresses import open_request_address
from mallard.cli.options import read_date
from mallard.config import Settings, load_settings
from mallard.event import Event
from mallard.http.addresses import address_text
from mallard.http.request_headers import is_packed, read_headers
from mallard.http.upstream import behind_proxies
from mallard.ingest.batch import accept_batch
from mallard.ingest.client import read_sender
from mallard.ingest.enrich.cdn_headers import CdnHeaders
from mallard.ingest.trusted_proxies import TrustedProxies, client_address
from mallard.sites.settings import SiteSettings, read_settings
from mallard.store.local import LocalStore
from support.memory import MemoryQueue

TRUSTED = TrustedProxies([ip_network("127.0.0.0/8")])


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


KEY = ApiKey("0" * 64, "a test's", "Ingest", created_at="2025-01-01T00:00:00+00:00")
SPELLINGS = {
    "::ffff:203.0.113.7": "203.0.113.7",
    "::FFFF:cb00:7107": "203.0.113.7",
    " 203.0.113.7 ": "203.0.113.7",
    "203.0.113.7:443": "203.0.113.7",
    "[::ffff:203.0.113.7]:443": "203.0.113.7",
    "2001:DB8:0::7": "2001:db8::7",
    "[2001:db8::7]": "2001:db8::7",
    "fe80::1%eth0": "fe80::1",
}


def visitor_of_batch(store: LocalStore, **row: str) -> int | None:
    body = (
        b'[{"d":"example.com","n":"pageview","u":"/"%s}]'
        % "".join(f',"{key}":"{value}"' for key, value in row.items()).encode()
    )
    taken = accept_batch(body, KEY, open_context(store), NOW)
    assert not hasattr(taken, "status"), taken
    (event,) = taken.events
    return event.visitor_id


def gateway_event(source: str, **headers: str) -> dict[str, Any]:
    return {
        "rawPath": "/api/event",
        "headers": {"user-agent": FIREFOX, **headers},
        "requestContext": {"http": {"method": "POST", "sourceIp": source}},
        "body": '{"d":"example.com","n":"pageview","u":"/"}',
    }


@pytest.mark.parametrize("text", SPELLINGS)
def test_address_is_the_same_from_batch_header_connection_cdn_and_gateway(text: str, store: LocalStore) -> None:
    address = SPELLINGS[text]
    event = offer(open_context(store), address=address)
    assert isinstance(event, Event)
    assert visitor_of_batch(store, ip=text, ua=FIREFOX) == event.visitor_id
    assert client_address("127.0.0.1", text, TRUSTED) == address
    assert client_address(text.strip(), "", TRUSTED) == address
    headers = {"x-mallard-edge": "s", "cf-connecting-ip": text}
    assert read_sender(headers, "192.0.2.1", CdnHeaders("s", "cloudflare")).address == address
    queue = MemoryQueue()
    answer_gateway(gateway_event(text), open_context(store), queue, None, NOW)  # type: ignore[arg-type]
    assert json.loads(queue.receive(1)[0].body)["visitor_id"] == event.visitor_id


@pytest.mark.parametrize("text", ["", "203.0.113", "203.000.113.007", "1.2.3.4.5", "example.com", "::ffff:", "0x7f.1"])
def test_address_is_none_for_invalid_text(text: str) -> None:
    assert address_text(text) is None


def test_user_agent_is_the_same_from_batch_and_header(store: LocalStore) -> None:
    beetle = "Käfer/1 Mozilla"
    for header, text in ((FIREFOX, f" {FIREFOX} "), (beetle.encode().decode("latin-1"), beetle)):
        sender = read_sender({"user-agent": header}, "203.0.113.7", CdnHeaders())
        event = offer(open_context(store), address=sender.address, user_agent=sender.user_agent)
        assert isinstance(event, Event)
        assert visitor_of_batch(store, ip="203.0.113.7", ua=text) == event.visitor_id
    long = FIREFOX + "x" * 2000
    sender = read_sender({"user-agent": long}, "203.0.113.7", CdnHeaders())
    event = offer(open_context(store), user_agent=sender.user_agent)
    assert isinstance(event, Event)
    assert visitor_of_batch(store, ip="203.0.113.7", ua=long) == event.visitor_id


def request_with(*headers: tuple[str, str]) -> Request:
    raw = [(name.encode(), value.encode()) for name, value in headers]
    scope = {"type": "http", "scheme": "http", "method": "GET", "path": "/", "query_string": b"", "headers": raw}
    return Request({**scope, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8000)})


def is_cookie_secure(request: Request) -> bool:
    class Stub:
        secure_cookies = "auto"

    response = Response()
    AuthHttp(Stub(), lambda _: "").end_cookie(request, response)  # type: ignore[arg-type]
    return "secure" in response.headers["set-cookie"].lower()


@pytest.mark.parametrize(
    ("lines", "is_tls"),
    [
        (["https,http"], True),
        (["https, http"], True),
        ([" HTTPS "], True),
        (["https", "http"], True),
        (["http,https"], False),
        (["http", "https"], False),
        ([""], False),
        ([], False),
    ],
)
def test_forwarded_proto_decides_hsts_and_secure_cookies_alike(lines: list[str], is_tls: bool) -> None:
    request = request_with(*[("x-forwarded-proto", line) for line in lines])
    assert behind_proxies(lambda _: True).is_tls(request.scope) is is_tls
    assert is_cookie_secure(request) is is_tls


def test_edge_headers_given_twice_are_read_alike_for_events_and_for_the_api() -> None:
    settings = replace(Settings(), edge_secret="s", edge_cdn="cloudflare")
    lines = (("cf-connecting-ip", "192.0.2.66"), ("x-mallard-edge", "s"), ("cf-connecting-ip", "203.0.113.7"))
    request = request_with(*lines)
    assert open_request_address(settings)(request) == "203.0.113.7"
    assert (
        read_sender(read_headers(request.scope["headers"]), "", CdnHeaders("s", "cloudflare")).address == "203.0.113.7"
    )


def test_headers_join_lists_and_take_the_last_line_of_others() -> None:
    raw = [(b"cookie", b"a=1"), (b"x-forwarded-for", b"1"), (b"cookie", b"b=2"), (b"x-forwarded-for", b"2")]
    raw += [(b"authorization", b"x"), (b"authorization", b"y")]
    assert read_headers(raw) == {"cookie": "a=1; b=2", "x-forwarded-for": "1,2", "authorization": "y"}


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ({"authorization": "Bearer mm_1"}, "mm_1"),
        ({"authorization": " bearer  mm_1 "}, "mm_1"),
        ({"authorization": "Basic x", "x-api-key": "mm_2"}, "mm_2"),
        ({"authorization": "Bearer ", "x-api-key": "mm_2"}, "mm_2"),
        ({}, ""),
    ],
)
def test_key_is_the_bearer_or_else_the_api_key(headers: dict[str, str], text: str) -> None:
    assert key_in(headers) == text


@pytest.mark.parametrize(
    ("value", "is_coded"), [("", False), ("identity", False), ("Identity, identity", False), ("identity,gzip", True)]
)
def test_content_encoding_is_read_as_a_list(value: str, is_coded: bool, store: LocalStore) -> None:
    assert is_packed(value) is is_coded
    event = gateway_event("203.0.113.7", **{"content-encoding": value})
    answer = answer_gateway(event, open_context(store), MemoryQueue(), None, NOW)  # type: ignore[arg-type]
    assert answer["statusCode"] == (415 if is_coded else 202)


@pytest.mark.parametrize("origin", ["https://example.com.", "https://EXAMPLE.com:8443", "https://bücher.example"])
def test_origin_is_normalised_like_a_page_hostname(origin: str, store: LocalStore) -> None:
    site = "xn--bcher-kva.example" if "ü" in origin else "example.com"
    context = open_context(store, sites=(site,))
    assert isinstance(offer(context, site_id=site, url=f"https://{site}/", origin=origin), Event)


@pytest.mark.parametrize(
    "given", ["example.com", "EXAMPLE.com.", " example.com ", "https://example.com", "https://example.com:8443/"]
)
def test_site_origins_are_normalised_to_hosts(given: str) -> None:
    assert read_settings({"origins": [given]}, SiteSettings(), NOW.date()).origins == ("example.com",)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("de-ch", "de-CH"),
        ("EN_us", "en-US"),
        ("zh-hant-tw", "zh-Hant-TW"),
        ("<script>", None),
        ("en", "en"),
        ("e", None),
    ],
)
def test_language_has_one_spelling(header: str, language: str | None, store: LocalStore) -> None:
    event = offer(open_context(store), accept_language=header)
    assert isinstance(event, Event)
    assert event.language == language


@pytest.mark.parametrize(("word", "value"), [("yes", "true"), ("1", "true"), ("OFF", "false"), ("auto", "auto")])
def test_secure_cookies_setting_accepts_every_boolean_word(word: str, value: str) -> None:
    assert load_settings({"MALLARD_SECURE_COOKIES": word}).secure_cookies == value


@pytest.mark.parametrize(("word", "value"), [("true", "on"), ("no", "off"), ("0", "off"), ("On", "on")])
def test_auth_setting_accepts_every_boolean_word(word: str, value: str) -> None:
    assert load_settings({"MALLARD_AUTH": word}).auth == value


@pytest.mark.parametrize(
    ("given", "origin"),
    [("https://a.example:443", "https://a.example"), ("http://a.example:80/", "http://a.example")],
)
def test_dashboard_origin_omits_the_default_port(given: str, origin: str) -> None:
    assert load_settings({"MALLARD_DASHBOARD_ORIGIN": given}).dashboard_origin == origin


@pytest.mark.parametrize("text", ["20260131", "2026-W05-6", " 2026-01-31", "2026-1-31"])
def test_dates_of_commands_are_as_strict_as_the_apis(text: str) -> None:
    with pytest.raises(Exception, match="is no date"):
        read_date(text)
