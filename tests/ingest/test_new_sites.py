"""Bound on new sites: patterns, set-up sites, many functions; and refusals that cost no look at the store."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from ingest.contexts import (
    NOW,
    SITE,
    BrokenStore,
    open_context,
    post,
    refuse,
    take,
    wire_body,
)
from mallard.auth.api_keys import ApiKey, ApiKeys
from mallard.bootstrap.ingest import shared_sites
from mallard.config import Settings
from mallard.ingest.allowed_sites import AllowedSites
from mallard.ingest.batch import BatchOutcome, accept_batch
from mallard.ingest.drop_reasons import Dropped, DropReason
from mallard.ingest.http.asgi import IngestApp
from mallard.ingest.new_sites import NEW_SITES, SharedNewSites
from mallard.maintenance.site_records import note_known_sites
from mallard.queue.local import LocalQueue
from mallard.sites.known_sites import KNOWN_SITES
from mallard.sites.settings_store import SiteSettingsStore
from mallard.store.base import Stored
from mallard.store.local import LocalStore
from support.memory import MemoryStore

PATTERN = ("example.com", "*.example.org")


class CountingStore(MemoryStore):
    """Keeps the keys that were read."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []

    def get(self, key: str) -> Stored | None:
        self.read.append(key)
        return super().get(key)


def test_invented_sites_under_a_pattern_are_bounded_and_listed_ones_are_not(store: LocalStore) -> None:
    context = open_context(store, sites=PATTERN, known=("old.example.org",), new_per_hour=2)
    for site_id in ("a.example.org", "b.example.org", "old.example.org", "example.com"):
        assert take(context, site_id=site_id).site_id == site_id
    assert refuse(context, site_id="c.example.org").reason is DropReason.NEW_SITES
    take(context, site_id="c.example.org", now=NOW + timedelta(hours=1))


@pytest.mark.parametrize("sites", [(), PATTERN])
def test_site_with_settings_is_accepted_when_the_new_site_limit_is_used_up(
    sites: tuple[str, ...], store: LocalStore
) -> None:
    site_settings = SiteSettingsStore(store)
    context = open_context(store, sites=sites, new_per_hour=1, site_settings=site_settings)
    take(context, site_id="invented.example.org")
    assert refuse(context, site_id="mynew.example.org").reason is DropReason.NEW_SITES
    SiteSettingsStore(store).change("mynew.example.org", {"timezone": "Europe/Berlin"}, NOW, is_new=True)
    later = open_context(store, sites=sites, new_per_hour=0, site_settings=SiteSettingsStore(store))
    assert take(later, site_id="mynew.example.org").site_id == "mynew.example.org"


def test_site_settings_make_a_site_known_at_once_in_the_same_process(store: LocalStore) -> None:
    site_settings = SiteSettingsStore(store)
    context = open_context(store, new_per_hour=0, site_settings=site_settings)
    assert refuse(context, site_id="mynew.example").reason is DropReason.NEW_SITES
    site_settings.change("mynew.example", {}, NOW, is_new=True)
    take(context, site_id="mynew.example")


@pytest.mark.parametrize("sites", [(SITE,), ()])
def test_refused_site_costs_no_store_read_and_no_cache_entry(sites: tuple[str, ...]) -> None:
    store = CountingStore()
    site_settings = SiteSettingsStore(store)
    context = open_context(store, sites=sites, known=(SITE,), new_per_hour=0, site_settings=site_settings)
    take(context)
    store.read.clear()
    for number in range(20):
        refuse(context, site_id=f"{number}.other.net")
    assert store.read == []
    assert site_settings.holds(SITE)
    assert not site_settings.holds("1.other.net")


def test_unlisted_site_is_refused_while_the_store_is_out_of_reach(queue: LocalQueue) -> None:
    """On the event loop, in the fast way of a connection too."""
    context = open_context(BrokenStore(), sites=(SITE,), site_settings=SiteSettingsStore(BrokenStore()))
    assert context.holds("other.net", NOW)
    app = IngestApp(context, queue, ApiKeys(BrokenStore()), clock=lambda: NOW)
    assert post(app, wire_body(d="other.net")).status == 403
    assert post(app, wire_body()).status == 503


def test_batch_row_of_an_unlisted_site_is_refused_without_a_settings_read() -> None:
    store = CountingStore()
    _, key = ApiKeys(store).create("a server", "Ingest", NOW, ())
    context = open_context(store, sites=(SITE,), site_settings=SiteSettingsStore(store))
    store.read.clear()
    taken = accept_batch(wire_body(d="other.net"), key, context, NOW)
    assert isinstance(taken, BatchOutcome)
    assert [each.reason for _, each in taken.dropped] == [DropReason.SITE]
    assert store.read == []


def functions(store: MemoryStore, count: int, most: int = 3) -> list[AllowedSites]:
    """The bound as each of some functions over one bucket holds it."""
    return [AllowedSites(PATTERN, new_sites=SharedNewSites(store, most)) for _ in range(count)]


def refused(sites: AllowedSites, site_id: str, minutes: int = 0) -> Dropped | None:
    return sites.refuse_site(site_id, NOW + timedelta(minutes=minutes), lambda _: False)


def test_new_site_limit_holds_across_functions() -> None:
    each = functions(MemoryStore(), 5)
    outcomes = [refused(each[number % 5], f"{number}.example.org") for number in range(20)]
    assert [number for number, dropped in enumerate(outcomes) if dropped is None] == [0, 1, 2]
    assert refused(each[4], "0.example.org") is None
    assert refused(each[4], "0.example.org", minutes=90) is None
    assert refused(each[0], "late.example.org", minutes=61) is None


def test_full_new_site_limit_costs_no_store_call_per_refusal() -> None:
    store = CountingStore()
    (sites,) = functions(store, 1, most=0)
    assert refused(sites, "a.example.org")
    store.read.clear()
    assert all(refused(sites, f"{number}.example.org") for number in range(50))
    assert store.read == []


def test_sites_with_events_are_known_to_all_functions() -> None:
    store = MemoryStore()
    for site_id in ("old.example.org", "example.com"):
        store.put_if_absent(f"events/site_id={site_id}/date={NOW.date()}/00000.parquet", b"")
    note_known_sites(store, PATTERN)
    assert json.loads(store.objects[KNOWN_SITES]) == ["old.example.org"]
    (sites,) = functions(store, 1, most=0)
    assert refused(sites, "old.example.org") is None
    assert refused(sites, "new.example.org")


@pytest.mark.parametrize("damaged", [b"", b"{", b"[1]", b'{"a": "b"}'])
def test_damaged_record_of_new_sites_refuses_no_site(damaged: bytes) -> None:
    store = MemoryStore()
    store.put_if_absent(NEW_SITES, damaged)
    store.put_if_absent(KNOWN_SITES, damaged)
    assert refused(functions(store, 1)[0], "a.example.org") is None


def test_function_without_a_site_list_accepts_only_sites_with_settings() -> None:
    store = MemoryStore()
    sites = shared_sites(Settings(), store)
    assert sites.refuse_site("a.org", NOW, lambda _: False)
    assert sites.refuse_site("a.org", NOW, lambda _: True) is None


def test_batch_checks_the_site_once_per_row(store: LocalStore) -> None:
    class Counting(AllowedSites):
        calls = 0

        def refuse_site(self, site_id: str, now: datetime, is_set_up: Callable[[str], bool]) -> Dropped | None:
            self.calls += 1
            return super().refuse_site(site_id, now, is_set_up)

    sites = Counting((SITE,))
    context = replace(open_context(store), sites=sites)
    key = ApiKey("hash", "a server", "Ingest", NOW.isoformat())
    batch = accept_batch(b"\n".join([wire_body(), wire_body(d="other.net"), wire_body()]), key, context, NOW)
    assert isinstance(batch, BatchOutcome)
    assert (len(batch.events), sites.calls) == (2, 3)
