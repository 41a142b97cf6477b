"""``receive``: what each step makes of a request, and who is the same visitor."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from ingest.contexts import (
    ADDRESS,
    FIREFOX,
    GOOGLEBOT,
    IPHONE,
    NOW,
    SECRET,
    SITE,
    BrokenStore,
    offer,
    open_context,
    refuse,
    take,
    wire_body,
)
from mallard.errors import StoreUnavailableError
from mallard.event import Event
from mallard.ingest.allowed_sites import AllowedSites
from mallard.ingest.drop_reasons import Dropped, DropReason
from mallard.ingest.enrich.client_hints import ClientHints
from mallard.ingest.event_ids import EventIds
from mallard.ingest.pipeline import Client, IngestContext, receive
from mallard.ingest.rate_limit import RateLimit
from mallard.ingest.request import EventRequest, parse_body
from mallard.normalize.names import stored_width
from mallard.privacy.salts import Salts
from mallard.store.local import LocalStore

NOW_MS = 1_751_284_800_250
TOMORROW = NOW + timedelta(days=1)
UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")


def test_ingest_context_takes_keywords_only(store: LocalStore) -> None:
    sites, salts, event_ids, rate_limit = AllowedSites(()), Salts(store, SECRET), EventIds(SECRET), RateLimit(0)
    with pytest.raises(TypeError, match="positional"):
        IngestContext(sites, salts, event_ids, rate_limit, True, False)  # type: ignore[call-arg]


@pytest.fixture
def context(store: LocalStore) -> IngestContext:
    return open_context(store)


# The whole way


def test_a_request_becomes_an_event_with_everything_the_table_stores(context: IngestContext) -> None:
    event = take(
        context,
        url="https://www.example.com/pricing?utm_source=news&utm_medium=email&x=1#top",
        referrer="https://duckduckgo.com/",
        width_px=1280,
        accept_language="de-CH,de;q=0.9",
        props='{"plan":"pro"}',
    )
    stored = json.loads(event.to_message())
    assert isinstance(stored.pop("visitor_id"), int)
    assert isinstance(stored.pop("event_id"), int)
    assert stored == {
        "site_id": SITE,
        "date": "2025-06-30",
        "accepted_ms": NOW_MS,
        "salt": "2025-06-30",
        "timestamp": NOW_MS,
        "event_name": "pageview",
        "named_by_client": False,
        "pathname": "/pricing",
        "hostname": "www.example.com",
        "referrer": "https://duckduckgo.com/",
        "referrer_source": "news",
        "channel": "Email",
        "utm_source": "news",
        "utm_medium": "email",
        "browser": "Firefox",
        "browser_version": "132.0",
        "os": "Linux",
        "device_type": "desktop",
        "screen_size": "1200",
        "language": "de-CH",
        "props": '{"plan":"pro"}',
    }


def test_a_refused_request_stays_refused(context: IngestContext) -> None:
    refused = parse_body(b"")
    assert isinstance(refused, Dropped)
    assert receive(refused, Client(ADDRESS, GOOGLEBOT), context, NOW) is refused


def test_revenue_and_engagement_reach_the_event(context: IngestContext) -> None:
    request = parse_body(b'{"d":"example.com","n":"engagement","u":"/","ra":9.5,"rc":"eur","sd":80,"e":1500}')
    assert isinstance(request, EventRequest)
    event = take(
        context,
        name=request.name,
        revenue_amount=request.revenue_amount,
        revenue_currency=request.revenue_currency,
        scroll_depth=request.scroll_depth,
        engagement_ms=request.engagement_ms,
    )
    assert (event.revenue_amount, event.revenue_currency) == ("9.50", "EUR")
    assert (event.scroll_depth, event.engagement_ms) == (80, 1500)


# Page


@pytest.mark.parametrize(
    ("url", "hostname", "pathname"),
    [
        ("https://example.com", "example.com", "/"),
        ("https://example.com/", "example.com", "/"),
        ("http://example.com/a/b?q=1#c", "example.com", "/a/b"),
        ("https://WWW.Example.COM:8443/A", "www.example.com", "/A"),
        ("https://user:word@example.com/a", "example.com", "/a"),
        ("https://other.org/a", "other.org", "/a"),
        ("http://[2001:db8::1]:80/a", "2001:db8::1", "/a"),
        ("/", "example.com", "/"),
        ("/pricing?q=1#c", "example.com", "/pricing"),
        ("/time/12:30", "example.com", "/time/12:30"),
        ("https://example.com/a/", "example.com", "/a/"),
    ],
)
def test_hostname_and_path_are_read_from_the_url(
    url: str, hostname: str, pathname: str, context: IngestContext
) -> None:
    event = take(context, url=url)
    assert (event.hostname, event.pathname) == (hostname, pathname)


def test_bare_path_uses_the_site_as_hostname(context: IngestContext) -> None:
    assert take(context, site_id="localhost:8080", url="/a").hostname == "localhost:8080"


@pytest.mark.parametrize(
    ("url", "pathname"),
    [
        ("/caf%C3%A9", "/café"),
        ("/café", "/café"),
        ("/a%20b", "/a b"),
        ("/a+b", "/a+b"),
        ("/100%25", "/100%"),
        ("/%2525", "/%25"),
        ("/a%2Fb", "/a/b"),
        ("/%ff", "/%ff"),
        ("/%00", "/%00"),
        ("/a%0Ab", "/a%0Ab"),
        ("/%zz", "/%zz"),
    ],
)
def test_path_is_decoded_once_when_the_result_is_clean(url: str, pathname: str, context: IngestContext) -> None:
    assert take(context, url=url).pathname == pathname


@pytest.mark.parametrize(
    "url",
    [
        "http://[::1",
        "http://[junk]/",
        "http://::1]/",
        "https://",
        "https:///path",
        "//example.com/path",
        "example.com/path",
        "path",
        "?q=1",
        "#top",
        "mailto:a@example.com",
        "javascript:alert(1)",
        "data:text/html,x",
        "https://℀.com/",
    ],
)
def test_url_that_is_neither_absolute_nor_a_path_is_malformed(url: str, context: IngestContext) -> None:
    assert refuse(context, url=url).reason is DropReason.MALFORMED


def test_campaign_tags_are_all_read(context: IngestContext) -> None:
    event = take(context, url="/?" + "&".join(f"{tag}={tag[4:]}+%26" for tag in UTM))
    assert [getattr(event, tag) for tag in UTM] == ["source &", "medium &", "campaign &", "content &", "term &"]


@pytest.mark.parametrize(
    ("query", "source"),
    [
        ("UTM_Source=News", "News"),
        ("utm_source=first&utm_source=second", "first"),
        ("utm_source=&utm_source=second", "second"),
        ("utm_source=%20+", None),
        ("utm_source", None),
        ("utm_sources=x", None),
        ("ref=x", None),
        ("utm_source=a%00b%0Ac", "abc"),
        ("utm_source=%ff", "\ufffd"),
        ("utm_source=" + "x" * 300, "x" * 256),
        ("&".join(["a=1"] * 200) + "&utm_source=late", None),
    ],
)
def test_campaign_tag_is_trimmed_bounded_and_the_first_non_empty_one(
    query: str, source: str | None, context: IngestContext
) -> None:
    assert take(context, url=f"/?{query}").utm_source == source


# Source


def source_of(context: IngestContext, referrer: str | None, **given: Any) -> tuple[str | None, str | None]:
    event = take(context, referrer=referrer, **given)
    return event.referrer, event.referrer_source


@pytest.mark.parametrize(
    ("host", "source"),
    [
        ("www.google.com", "Google"),
        ("google.de", "Google"),
        ("www.google.co.uk", "Google"),
        ("google.com.br", "Google"),
        ("news.google.com", "Google News"),
        ("mail.google.com", "Gmail"),
        ("gemini.google.com", "Gemini"),
        ("www.bing.com", "Bing"),
        ("duckduckgo.com", "DuckDuckGo"),
        ("search.brave.com", "Brave"),
        ("t.co", "X"),
        ("x.com", "X"),
        ("m.facebook.com", "Facebook"),
        ("l.instagram.com", "Instagram"),
        ("old.reddit.com", "Reddit"),
        ("de.wikipedia.org", "Wikipedia"),
        ("news.ycombinator.com", "Hacker News"),
        ("chatgpt.com", "ChatGPT"),
    ],
)
def test_known_referrer_host_gets_the_name_of_its_source(host: str, source: str, context: IngestContext) -> None:
    assert source_of(context, f"https://{host}/") == (f"https://{host}/", source)


@pytest.mark.parametrize(
    ("host", "source"),
    [
        ("blog.other.org", "blog.other.org"),
        ("www.other.org", "other.org"),
        ("notgoogle.com", "notgoogle.com"),
        ("netflix.com", "netflix.com"),
        ("ycombinator.com", "ycombinator.com"),
        ("bing.com.other.org", "bing.com.other.org"),
        ("other.org:8080", "other.org"),
        ("192.0.2.1", "192.0.2.1"),
    ],
)
def test_unknown_referrer_host_is_its_own_source_without_www(host: str, source: str, context: IngestContext) -> None:
    assert source_of(context, f"http://{host}/") == (f"http://{host}/", source)


def test_google_subdomain_of_another_domain_is_not_google(context: IngestContext) -> None:
    # Google's country domains end in a country: google.de, google.co.uk.
    assert source_of(context, "https://google.other.org/")[1] == "google.other.org"


@pytest.mark.parametrize(
    ("referrer", "url"),
    [
        ("https://example.com/before", "https://example.com/"),
        ("https://www.example.com/", "https://example.com/"),
        ("https://example.com/", "https://www.example.com/"),
        ("http://example.com:8080/", "https://example.com/"),
        ("https://EXAMPLE.com/", "/pricing"),
        ("https://shop.example.org/", "https://shop.example.org/basket"),
        ("https://example.com/", "https://shop.example.org/basket"),
    ],
)
def test_own_host_referrer_is_no_source(referrer: str, url: str, context: IngestContext) -> None:
    assert source_of(context, referrer, url=url) == (None, None)


def test_own_host_referrer_is_no_source_when_the_site_id_has_a_port(context: IngestContext) -> None:
    referrer = "http://localhost:8080/before"
    assert source_of(context, referrer, site_id="localhost:8080", url="/after") == (None, None)


def test_subdomain_of_the_site_is_a_source(context: IngestContext) -> None:
    assert source_of(context, "https://blog.example.com/")[1] == "blog.example.com"


@pytest.mark.parametrize(
    "referrer",
    [None, "", "about:blank", "www.bing.com", "https://", "http://[::1", "/a"],
)
def test_invalid_referrer_is_ignored_and_the_event_is_kept(referrer: str | None, context: IngestContext) -> None:
    assert source_of(context, referrer) == (None, None)


def test_a_referrer_loses_credentials_and_fragment_and_keeps_its_query(context: IngestContext) -> None:
    assert source_of(context, "https://me:word@other.org:8080/a?q=1#c") == ("https://other.org:8080/a?q=1", "other.org")


# Agent, device, language


ANDROID_PHONE = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36"
)
UNKNOWN_AGENT = "Mozilla/5.0 (Fuchsia) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
TELEVISION = (
    "Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/108.0.5359.211 Safari/537.36"
)


@pytest.mark.parametrize(
    ("width_px", "user_agent", "device"),
    [
        pytest.param(844, IPHONE, "mobile", id="a phone sideways"),
        pytest.param(980, ANDROID_PHONE, "mobile", id="a page without a viewport on a phone"),
        pytest.param(700, FIREFOX, "desktop", id="half of a desktop's screen"),
        pytest.param(1366, ANDROID_PHONE.replace(" Mobile", ""), "tablet", id="a tablet sideways"),
        pytest.param(480, ANDROID_PHONE.replace(" Mobile", ""), "tablet", id="a tablet's split screen"),
        pytest.param(None, IPHONE, "mobile", id="no width"),
        pytest.param(1920, TELEVISION, "desktop", id="a television set"),
        pytest.param(767, UNKNOWN_AGENT, "mobile", id="an unknown agent, narrow"),
        pytest.param(768, UNKNOWN_AGENT, "tablet", id="an unknown agent, wider"),
        pytest.param(1024, UNKNOWN_AGENT, "desktop", id="an unknown agent, wide"),
        pytest.param(None, UNKNOWN_AGENT, None, id="nothing known"),
    ],
)
def test_device_is_read_from_the_agent_and_otherwise_from_the_width(
    width_px: int | None, user_agent: str, device: str | None, store: LocalStore
) -> None:
    event = take(open_context(store), width_px=width_px, user_agent=user_agent)
    assert (event.device_type, event.screen_size) == (device, stored_width(width_px))


def test_device_is_read_from_client_hints_before_the_width(store: LocalStore) -> None:
    context = open_context(store)
    for mobile, platform, device in (("?1", '"Android"', "mobile"), ("?0", '"Linux"', "desktop")):
        sender = Client("203.0.113.7", UNKNOWN_AGENT, hints=ClientHints('"Chromium";v="131"', mobile, platform))
        event = receive(EventRequest(SITE, "pageview", "/", width_px=800), sender, context, NOW)
        assert isinstance(event, Event)
        assert event.device_type == device


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("en", "en"),
        ("de-CH,de;q=0.9,en;q=0.8", "de-CH"),
        ("fr;q=0.9, en", "fr"),
        (" pt-BR ", "pt-BR"),
        ("", None),
        ("*", None),
        ("*;q=0.5", None),
        (",en", None),
        ("x" * 100, None),
        ("x-my-stable-id-4242-abcdefghij", None),
        ("i-klingon", None),
        ("qaa", None),
        ("de-Qaaa", None),
        ("en-XA", None),
        ("de-zzzzzzzzz", None),
        ("abcdefgh", None),
        ("de-AT-x-mine", "de-AT"),
        ("de-CH-1996", "de-CH"),
        ("en-US-u-ca-buddhist", "en-US"),
        ("sr-Latn-RS", "sr-Latn-RS"),
        ("es-419", "es-419"),
        ("iw-IL", "he-IL"),
        ("zh-yue-HK", "zh-HK"),
        ("fil", "fil"),
    ],
)
def test_the_language_is_the_first_of_accept_language(
    header: str, language: str | None, context: IngestContext
) -> None:
    assert take(context, accept_language=header).language == language


def test_bot_is_dropped_before_any_store_access() -> None:
    assert refuse(open_context(BrokenStore()), user_agent=GOOGLEBOT).reason is DropReason.BOT


def test_bots_are_accepted_when_the_filter_is_off(store: LocalStore) -> None:
    assert take(open_context(store, filter_bots=False), user_agent=GOOGLEBOT).browser == "Googlebot"


# Visitors


def test_visitor_id_is_the_same_all_day_for_one_address_and_agent(context: IngestContext) -> None:
    morning = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
    night = NOW.replace(hour=23, minute=59, second=59, microsecond=999_999)
    assert take(context, now=morning, url="/a").visitor_id == take(context, now=night, url="/b").visitor_id


def test_visitor_id_is_the_same_in_two_processes(store: LocalStore) -> None:
    assert take(open_context(store)).visitor_id == take(open_context(store)).visitor_id


@pytest.mark.parametrize(
    "other",
    [{"address": "203.0.113.8"}, {"user_agent": IPHONE}, {"site_id": "example.org"}, {"now": TOMORROW}],
    ids=["address", "agent", "site", "day"],
)
def test_visitor_id_changes_with_address_agent_site_or_day(other: dict[str, Any], context: IngestContext) -> None:
    assert take(context).visitor_id != take(context, **other).visitor_id


def test_opted_out_event_has_no_visitor_id_and_needs_no_salt(store: LocalStore) -> None:
    event = take(open_context(store), opted_out=True)
    assert (event.visitor_id, event.salt, event.date) == (None, None, "2025-06-30")
    assert list(store.list("")) == []


def test_opt_out_is_respected_only_when_configured(store: LocalStore) -> None:
    context = open_context(store, honor_gpc=False)
    assert take(context, opted_out=True).visitor_id == take(context).visitor_id is not None


def test_event_is_refused_without_the_salt_of_the_day() -> None:
    with pytest.raises(StoreUnavailableError):
        offer(open_context(BrokenStore()))


@pytest.mark.parametrize("site_id", ["a" * 200, "a:" * 100, ":" * 200], ids=["letters", "mixed", "colons"])
def test_longest_site_ids_are_accepted_or_refused_without_a_store_error(site_id: str, context: IngestContext) -> None:
    # 200 colons are a site id, and three times as long as %3A: more than the name of a folder may have.
    outcome = receive(parse_body(wire_body(d=site_id)), Client(ADDRESS, FIREFOX), context, NOW)
    assert isinstance(outcome, Event | Dropped)


def test_an_event_names_neither_address_nor_agent(context: IngestContext) -> None:
    message = take(context, props='{"a":1}', referrer="https://bing.com/").to_message().decode()
    assert ADDRESS not in message
    assert FIREFOX not in message
    assert "Gecko" not in message


# Time and ids


@pytest.mark.parametrize(
    ("now", "day"),
    [
        (datetime(2025, 6, 30, 23, 59, 59, 999_999, tzinfo=UTC), "2025-06-30"),
        (datetime(2025, 7, 1, tzinfo=UTC), "2025-07-01"),
        (datetime(2025, 7, 1, 1, 30, tzinfo=timezone(timedelta(hours=2))), "2025-06-30"),
        (datetime(2025, 6, 30, 22, tzinfo=timezone(timedelta(hours=-5))), "2025-07-01"),
    ],
)
def test_event_date_is_the_utc_date_for_any_clock_zone(now: datetime, day: str, context: IngestContext) -> None:
    event = take(context, now=now)
    assert (event.date, event.salt) == (day, day)


def test_times_are_whole_milliseconds_rounded_down(context: IngestContext) -> None:
    event = take(context, now=NOW + timedelta(microseconds=999))
    assert event.timestamp == event.accepted_ms == NOW_MS


def test_client_id_gives_the_same_event_id_all_day_in_every_process(store: LocalStore) -> None:
    first = take(open_context(store), client_id="c1")
    retry = take(
        open_context(store), client_id="c1", now=NOW + timedelta(hours=11), address="203.0.113.8", url="/other"
    )
    assert first.event_id == retry.event_id == EventIds(SECRET).named(SITE, "2025-06-30", "c1", keyed=False)
    assert first.named_by_client
    assert retry.named_by_client


@pytest.mark.parametrize(
    "other", [{"now": TOMORROW}, {"site_id": "example.org"}, {"client_id": "c2"}], ids=["day", "site", "client's id"]
)
def test_client_id_gives_another_event_id_on_another_day_or_site(other: dict[str, Any], context: IngestContext) -> None:
    assert take(context, client_id="c1").event_id != take(context, **{"client_id": "c1", **other}).event_id


def test_event_without_a_client_id_is_always_new(context: IngestContext) -> None:
    first, second = take(context), take(context)
    assert first.event_id < second.event_id
    assert not first.named_by_client
