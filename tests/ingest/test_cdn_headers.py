"""Whose word counts: what a CDN says with its secret, and what a client may only claim."""

from pathlib import Path

import msgspec
import pytest

from ingest.contexts import ADDRESS, FIREFOX
from mallard.ingest.client import HEADERS, read_sender
from mallard.ingest.enrich.cdn_headers import NAMES, NO_EDGE, SECRET_HEADER, CdnHeaders
from mallard.ingest.enrich.geoip import NOWHERE, Place

SECRET = "the edge's own word"
VIEWER = "198.51.100.9"
SAID: dict[str, dict[str, str]] = {
    "cloudfront": {
        "cloudfront-viewer-address": f"{VIEWER}:46532",
        "cloudfront-viewer-country": "CH",
        "cloudfront-viewer-country-region-name": "Zurich",
        "cloudfront-viewer-city": "Z%C3%BCrich",
    },
    "cloudflare": {
        "cf-connecting-ip": VIEWER,
        "cf-ipcountry": "CH",
        "cf-region": "Zurich",
        "cf-ipcity": "Zürich".encode().decode("latin-1"),
    },
    "fastly": {
        "fastly-client-ip": VIEWER,
        "x-geo-country": "ch",
        "x-geo-region": "Zurich",
        "x-geo-city": "Zürich",
    },
}
DOCS = Path(__file__).parents[2] / "docs" / "ingest.md"


@pytest.mark.parametrize("cdn", SAID)
def test_cdn_viewer_and_place_are_used_with_the_secret(cdn: str) -> None:
    sender = read_sender({SECRET_HEADER: SECRET, **SAID[cdn]}, ADDRESS, CdnHeaders(SECRET, cdn))
    assert (sender.address, sender.place) == (VIEWER, Place("CH", "Zurich", "Zürich"))


@pytest.mark.parametrize("cdn", SAID)
@pytest.mark.parametrize("given", [None, "", "a guess", SECRET.upper(), f"{SECRET} ", "ü"])
def test_cdn_headers_are_ignored_without_the_secret(cdn: str, given: str | None) -> None:
    headers = SAID[cdn] | ({} if given is None else {SECRET_HEADER: given})
    sender = read_sender(headers, ADDRESS, CdnHeaders(SECRET, cdn))
    assert (sender.address, sender.place) == (ADDRESS, None)


@pytest.mark.parametrize("given", ["", "anything"])
def test_cdn_headers_are_ignored_when_no_secret_is_set(given: str) -> None:
    headers = {SECRET_HEADER: given, **SAID["cloudfront"]}
    assert NO_EDGE.viewer(headers) is None


@pytest.mark.parametrize("cdn", SAID)
def test_headers_of_another_cdn_are_ignored(cdn: str) -> None:
    forged = {name: value for other, headers in SAID.items() if other != cdn for name, value in headers.items()}
    sender = read_sender({SECRET_HEADER: SECRET, **forged}, ADDRESS, CdnHeaders(SECRET, cdn))
    assert (sender.address, sender.place) == (ADDRESS, NOWHERE)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("198.51.100.9:443", "198.51.100.9"),
        ("2001:db8::9:46532", "2001:db8::9"),
        ("2001:db8:0:0:0:0:0:9:46532", "2001:db8::9"),
        ("[2001:db8::9]:46532", "2001:db8::9"),
        ("", ADDRESS),
        ("somewhere", ADDRESS),
        ("198.51.100.9", ADDRESS),
    ],
)
def test_a_viewer_s_address_loses_its_port(text: str, address: str) -> None:
    headers = {SECRET_HEADER: SECRET, "cloudfront-viewer-address": text}
    assert read_sender(headers, ADDRESS, CdnHeaders(SECRET)).address == address


@pytest.mark.parametrize("text", ["2001:db8:1:2:3:4:5:6", "2001:db8::1", "2001:db8::1:2", "198.51.100.9"])
def test_cdn_address_without_a_port_is_unchanged(text: str) -> None:
    headers = {SECRET_HEADER: SECRET, "cf-connecting-ip": text}
    assert read_sender(headers, ADDRESS, CdnHeaders(SECRET, "cloudflare")).address == text


@pytest.mark.parametrize("code", ["", "XX", "T1", "A1", "ZZ", "EU", "CHE", "C", "1A", "C\n"])
def test_cdn_header_with_an_invalid_country_gives_no_place(code: str) -> None:
    said = SAID["cloudfront"] | {"cloudfront-viewer-country": code}
    assert read_sender({SECRET_HEADER: SECRET, **said}, ADDRESS, CdnHeaders(SECRET)).place == NOWHERE


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-purpose": "prefetch"},
        {"sec-purpose": "prefetch;prerender"},
        {"purpose": "prefetch"},
        {"x-purpose": "preview"},
        {"x-moz": "prefetch"},
        {"sec-purpose": "Prefetch;anonymous-client-ip"},
    ],
)
def test_a_page_fetched_ahead_is_a_prefetch(headers: dict[str, str]) -> None:
    assert read_sender(headers, ADDRESS, NO_EDGE).is_prefetch


@pytest.mark.parametrize("headers", [{}, {"sec-purpose": ""}, {"purpose": "navigate"}, {"user-agent": "prefetch"}])
def test_ordinary_request_is_no_prefetch(headers: dict[str, str]) -> None:
    assert not read_sender(headers, ADDRESS, NO_EDGE).is_prefetch


def test_a_sender_is_read_from_its_headers() -> None:
    headers = {"user-agent": FIREFOX, "origin": "https://example.com", "accept-language": "de", "dnt": "1"}
    sender = read_sender(headers, ADDRESS, NO_EDGE)
    assert (sender.address, sender.user_agent, sender.origin) == (ADDRESS, FIREFOX, "https://example.com")
    assert (sender.accept_language, sender.opted_out, sender.vouched) == ("de", True, False)
    assert msgspec.structs.replace(sender, opted_out=False) == read_sender(headers | {"dnt": "0"}, ADDRESS, NO_EDGE)


def test_cdn_headers_are_all_read_and_documented() -> None:
    text = DOCS.read_text("utf-8").lower()
    names = [name for each in NAMES.values() for name in (each.address, each.country, each.region, each.city)]
    assert {SECRET_HEADER, *names} <= HEADERS
    assert all(f"`{name}`" in text for name in (SECRET_HEADER, *names))
