"""The worst input of each step of the pipeline takes a bounded work, which is counted and not timed."""

import json
from collections.abc import Callable
from typing import Any
from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mallard.config import load_settings
from mallard.ingest.amount import read_amount
from mallard.ingest.batch import _row
from mallard.ingest.client import MAX_LANGUAGES_LENGTH, read_sender
from mallard.ingest.enrich.cdn_headers import NO_EDGE
from mallard.ingest.enrich.client_hints import MAX_HINT_LENGTH, NO_HINTS, ClientHints
from mallard.ingest.enrich.host_table import HostTable
from mallard.ingest.enrich.known_sources import is_spam, source_of_host
from mallard.ingest.enrich.language import read_language
from mallard.ingest.enrich.user_agent import MAX_AGENT_LENGTH, read_agent
from mallard.ingest.pipeline import _arrival
from mallard.ingest.props import neat_props
from mallard.ingest.request import MAX_BODY_BYTES, MAX_URL_LENGTH, parse_body, parse_pixel_query
from mallard.ingest.trusted_proxies import TrustedProxies, client_address
from mallard.normalize.hashed_cache import forget_all
from mallard.normalize.names import MAX_NETLOC_LENGTH, nfc_text, split_address, stored_label
from mallard.privacy.redaction import kept_referrer
from mallard.sites.site_id import read_site_id
from support.counted_work import work_of

MOST_UNITS = 50_000
"""Two milliseconds, by the units of ``counted_work``."""

PROXIES = TrustedProxies(load_settings({}).trusted_proxies)
MARKS = "\u0301\u0316"
LONG = "\ufdfa"
"""A letter that normal forms make 18 of."""

HOSTS = {
    "of long letters": f"{LONG * 2030}.de",
    "of long letters, within its length": LONG * 250,
    "of many labels": "a." * 1000,
    "of as many labels as may be": f"{'a.' * 125}de",
    "of international labels": "é." * 126,
    "of long international labels": f"{'中文é' * 20}." * 4,
    "of marks": f"{MARKS * 30}." * 4,
    "of a port": f"a:{'9' * 2000}",
    "of credentials": "a@" * 1000,
    "of brackets": f"[{':' * 2000}",
}
PATHS = {
    "encoded": "%41" * 680,
    "wrongly encoded": "%ff" * 680,
    "of sessions": ";sid=a" * 330,
    "of unfinished sessions": ";sid=" * 400,
    "of marks": f"a{MARKS * 1000}",
    "of mail addresses": "a@b.c/" * 330,
    "of signs at": "a@" * 1000,
    "of one mail address": "a@b." * 500,
    "of encoded signs at": "%40a." * 400,
    "of one token": "a1B2" * 500,
    "of tokens": "a1B2c3D4e5F6g7H8i9J0/" * 95,
    "of runs that are nearly tokens": f"{'a' * 19}/" * 100,
    "of fields": f"?{'a=b&' * 510}",
    "of few fields": "?" + "&".join(f"utm_{number}=é" for number in range(190)),
    "of escaped ampersands": f"?{'&amp;amp;' * 225}",
    "of a fragment's fields": f"#?{'a=%41&' * 300}",
    "of a source that is a host": f"?utm_source={'a.' * 120}&ref={'b-' * 900}",
    "of a source of marks": f"?utm_source=a{MARKS * 950}",
}
ADDRESSES = {f"a host {name}": f"https://{host}/" for name, host in HOSTS.items()} | {
    f"a path {name}": f"https://a.example/{path}" for name, path in PATHS.items()
}
PROPS: dict[str, Any] = {
    "long texts": {f"k{number}": "x" * 2000 for number in range(30)},
    "long keys": {f"k{number}{'y' * 2000}": "x" for number in range(30)},
    "many": {f"k{number}": 1 for number in range(9000)},
    "many of letters in parts": {f"k{number}": "\u1112\u1161" for number in range(4000)},
    "marks": {"k": f"a{MARKS * 15_000}"},
    "decomposed letters": {"k": "a\u0301" * 15_000},
    "nested lists": {"k": [[["\ud800"]]] * 5000},
    "nested numbers": {"k": [1e300] * 9000},
    "deep lists": {"k": json.loads("[" * 900 + "]" * 900)},
    "escapes": {f"k{number}": '"' * 2000 for number in range(30)},
    "halves": {f"k{number}": "\ud800" * 300 for number in range(30)},
    "keys of halves": {f"k{number}\ud800": "\ud800" for number in range(4000)},
    "nulls": {f"k{number}": None for number in range(9000)},
}
BODIES = {
    "lists": b"[" * 65_000,
    "objects": b'{"a":' * 13_000,
    "quotes": b'"' * 65_000,
    "backslashes": b'{"a":"' + b'\\"' * 32_000,
    "a number": b'{"d":' + b"9" * 65_000 + b"}",
    "long numbers": b'{"a":[' + b",".join([b"9" * 4000] * 15) + b'],"n":NaN}',
    "an exponent": b'{"d":1e' + b"9" * 65_000 + b"}",
    "half characters": b'{"a":"' + b"\\ud800" * 10_000 + b'"}',
    "spaces": b" " * 65_536,
}
QUERIES = {
    "many fields": "&".join(f"{number}=%41" for number in range(3500)),
    "one field again": "a=b&" * 8000,
    "an encoded site": f"d={'%41' * 10_000}",
    "wrongly encoded addresses": f"u={'%ff' * 5000}&r={'%ff' * 5000}",
}
FORWARDED = {
    "proxies": ",".join(["127.0.0.1"] * 6000),
    "colons": ":" * 60_000,
    "long addresses": ",".join(["::1"] * 15_000),
}
AGENTS = {
    "words": "Mozilla/5.0 " * 5000,
    "spaces": " " * 60_000 + "a",
    "systems": "(Linux; Android; " * 4000,
    "apps": "Android (1/1; 1dpi;" * 3000,
    "brackets": f"Snapchat/1 ({'()' * 30_000}",
    "a long model": f"(Linux; Android 1; {'aaaa ' * 95})",
    "a model again": f"(Linux; Android 1; aa_a){'aa_a ' * 97}",
    "letters beyond ASCII": "é" * 30_000,
}


@pytest.fixture(scope="module", autouse=True)
def warm() -> None:
    """Tables and patterns are read once for a process, by its first event."""
    read_agent.__wrapped__("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", NO_HINTS)
    _arrival.__wrapped__("https://é.example/?utm_source=a", "https://a.example/", "example.com", True, True)


def check(call: Callable[[], object]) -> None:
    forget_all()
    assert work_of(call) <= MOST_UNITS


@pytest.mark.parametrize("name", ADDRESSES)
def test_describe_arrival_bounds_its_work_on_an_address(name: str) -> None:
    address = ADDRESSES[name][:MAX_URL_LENGTH]
    check(lambda: _arrival(address, None, "example.com", True, True))
    check(lambda: _arrival("/", address, "example.com", True, True))
    check(lambda: kept_referrer(address, strips=False, masks=True))


@pytest.mark.parametrize("name", PROPS)
def test_properties_bound_their_work(name: str) -> None:
    check(lambda: neat_props(PROPS[name]))
    check(lambda: neat_props(json.dumps(PROPS[name])[: MAX_BODY_BYTES - 100]))


@pytest.mark.parametrize("name", BODIES)
def test_parse_body_bounds_its_work(name: str) -> None:
    check(lambda: parse_body(BODIES[name]))


@pytest.mark.parametrize("name", QUERIES)
def test_the_pixel_bounds_its_work(name: str) -> None:
    check(lambda: parse_pixel_query(QUERIES[name]))


@pytest.mark.parametrize("name", FORWARDED)
def test_client_address_bounds_its_work(name: str) -> None:
    check(lambda: client_address("127.0.0.1", FORWARDED[name], PROXIES))


@pytest.mark.parametrize("name", AGENTS)
def test_agent_is_truncated_before_pattern_matching(name: str) -> None:
    sender = read_sender({"user-agent": AGENTS[name]}, "203.0.113.7", NO_EDGE)
    row = _row({"d": "example.com", "n": "a", "u": "/", "ua": AGENTS[name]})
    for agent in (sender.user_agent, row.sender.user_agent):  # type: ignore[union-attr]
        assert len(agent) <= MAX_AGENT_LENGTH == 512
        check(lambda agent=agent: read_agent(agent))  # type: ignore[misc]


@pytest.mark.parametrize("text", ['"', '"\\', 'a"; v="1.', '"a" ', "x-", "de-abcde"])
def test_hints_and_languages_bound_their_work(text: str) -> None:
    hints = ClientHints(*[(text * 256)[:MAX_HINT_LENGTH]] * 4)
    check(lambda: read_agent("Mozilla/5.0 (Windows NT 10.0) Chrome/112.0.0.0 Safari/537.36", hints))
    check(lambda: read_language((text * 256)[:MAX_LANGUAGES_LENGTH]))


@pytest.mark.parametrize("text", ["1,", "1", "€1", "−", "1."])
def test_amounts_bound_their_work(text: str) -> None:
    check(lambda: read_amount(text * 30_000))


@pytest.mark.parametrize("text", [LONG * 200, "中é" * 100, f"a{MARKS * 100}", "a" * 200])
def test_names_bound_their_work(text: str) -> None:
    check(lambda: read_site_id(text))
    check(lambda: stored_label(text))


def test_host_table_reads_only_the_last_labels() -> None:
    table = HostTable({"a.example": 1, "deep.b.example": 2, "google.*": 3})
    few = work_of(lambda: table.find("x.y.z.deep.b.example"))
    many = work_of(lambda: table.find("x." * 10_000 + "deep.b.example"))
    assert many <= few
    assert table.find("x." * 10_000 + "deep.b.example") == 2
    assert [table.find(host) for host in ("www.google.co.uk", "google.de", "a.google.com")] == [3, 3, 3]
    assert table.find("b.example") is None
    assert source_of_host("news.google.co.uk") is not None
    assert not is_spam("example.com")


def test_host_length_is_checked_before_normalisation() -> None:
    with pytest.raises(ValueError, match="too long"):
        split_address(f"https://{LONG * (MAX_NETLOC_LENGTH + 1)}/")
    assert split_address(f"https://é.example/{LONG * 1000}").hostname == "é.example"
    assert split_address(f"/{LONG * 1000}").path == f"/{LONG * 1000}"


@given(st.text(st.sampled_from("a\u0301\u0316é가\u1112 "), max_size=400))
@settings(max_examples=50)
def test_composed_equals_nfc_for_text_with_few_marks(text: str) -> None:
    assert nfc_text(nfc_text(text)) == nfc_text(text)
    if len(text) < 30:
        assert nfc_text(text) == normalize("NFC", text)


@given(
    st.text(st.sampled_from("a.@%4/?&=;#:[]é\u0301\ufdfa-1A"), max_size=MAX_URL_LENGTH),
    st.text(st.sampled_from("aA1;()/._ -é"), max_size=MAX_AGENT_LENGTH),
)
@settings(max_examples=25)
def test_any_address_and_agent_stays_within_the_work_limit(text: str, agent: str) -> None:
    page, referrer = (f"{begin}{text}"[:MAX_URL_LENGTH] for begin in ("https://", "https://a.example/"))
    check(lambda: _arrival(page, referrer, "a.example", True, True))
    check(lambda: read_agent(agent))
