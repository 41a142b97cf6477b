"""One's own traffic: pages on local hosts and automated browsers, dropped unless a setting keeps them."""

from dataclasses import replace

import pytest

from ingest.contexts import NOW, offer, open_context, refuse, take, wire_body
from mallard.event import Event
from mallard.ingest.drop_reasons import DropReason
from mallard.ingest.local_hosts import is_local
from mallard.ingest.request import EventRequest, parse_body
from mallard.sites.settings_store import SiteSettingsStore
from mallard.store.local import LocalStore

LOCAL = [
    "localhost",
    "shop.localhost",
    "nas.local",
    "127.0.0.1",
    "127.8.9.1",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.10",
    "169.254.7.7",
    "100.64.0.9",
    "::1",
    "::",
    "fd12:3456::1",
    "fe80::1",
    "::ffff:192.168.1.10",
]
PUBLIC = [
    "example.com",
    "localhost.example.com",
    "local",
    "notlocalhost",
    "172.32.0.1",
    "192.0.2.1",
    "203.0.113.7",
    "8.8.8.8",
    "2001:db8::1",
    "::ffff:8.8.8.8",
    "10.example.com",
    "site1",
    "",
]


@pytest.mark.parametrize("host", LOCAL)
def test_is_local_accepts_names_and_addresses_without_a_public_meaning(host: str) -> None:
    assert is_local(host)


@pytest.mark.parametrize("host", PUBLIC)
def test_is_local_rejects_public_hosts(host: str) -> None:
    assert not is_local(host)


@pytest.mark.parametrize(
    "origin", ["http://localhost:3000", "https://127.0.0.1", "http://[::1]:8080", "http://10.0.0.7"]
)
def test_receive_drops_a_page_on_a_local_host(origin: str, store: LocalStore) -> None:
    dropped = refuse(open_context(store), url=f"{origin}/a")
    assert (dropped.reason, dropped.status, dropped.site_id) == (DropReason.LOCAL, 202, "example.com")


def test_receive_keeps_a_page_on_a_local_host_when_configured(store: LocalStore) -> None:
    context = replace(open_context(store), count_local=True)
    assert take(context, url="http://localhost:3000/a").hostname == "localhost"


@pytest.mark.parametrize(
    ("site_id", "url"),
    [
        ("localhost", "http://localhost/a"),
        ("localhost:3000", "http://localhost:3000/a"),
        ("localhost", "http://127.0.0.1:8000/a"),
        ("localhost", "/a"),
        ("intranet.local", "http://intranet.local/a"),
        ("192.168.1.10", "http://192.168.1.10/a"),
        ("fd12::1", "http://[fd12::1]/a"),
    ],
)
def test_receive_keeps_local_pages_of_a_local_site(site_id: str, url: str, store: LocalStore) -> None:
    assert isinstance(offer(open_context(store), site_id=site_id, url=url), Event)


def test_receive_keeps_a_local_page_that_the_sites_origins_list(store: LocalStore) -> None:
    site_settings = SiteSettingsStore(store)
    site_settings.change("example.com", {"origins": ["example.com", "10.0.0.7"]}, NOW)
    context = open_context(store, site_settings=site_settings)
    assert take(context, url="http://10.0.0.7/a").hostname == "10.0.0.7"
    assert refuse(context, url="http://10.0.0.8/a").reason is DropReason.LOCAL


def test_receive_drops_an_event_marked_as_automated(store: LocalStore) -> None:
    dropped = refuse(open_context(store), automated=True)
    assert (dropped.reason, dropped.status, dropped.site_id) == (DropReason.AUTOMATION, 202, "example.com")
    assert isinstance(offer(replace(open_context(store), count_automation=True), automated=True), Event)


@pytest.mark.parametrize(
    ("given", "automated"), [(True, True), (False, False), (None, False), ("yes", False), (1, True)]
)
def test_parse_body_reads_wd_and_refuses_no_event_for_it(given: object, automated: bool) -> None:
    request = parse_body(wire_body(wd=given))
    assert isinstance(request, EventRequest)
    assert request.automated is automated
