"""``receive``: sites and origins that are taken, and at which rate."""

from datetime import timedelta

import pytest

from ingest.contexts import (
    NOW,
    SITE,
    open_context,
    refuse,
    take,
)
from mallard.ingest.drop_reasons import DropReason
from mallard.ingest.pipeline import IngestContext
from mallard.store.local import LocalStore


@pytest.fixture
def context(store: LocalStore) -> IngestContext:
    return open_context(store)


@pytest.mark.parametrize("site_id", ["example.com", "blog.example.org", "a.b.example.org"])
def test_listed_site_is_accepted(site_id: str, store: LocalStore) -> None:
    assert take(open_context(store, sites=("example.com", "*.example.org")), site_id=site_id).site_id == site_id


@pytest.mark.parametrize("site_id", ["www.example.com", "example.org", "notexample.org", "example.com.other.net"])
def test_unlisted_site_is_refused(site_id: str, store: LocalStore) -> None:
    context = open_context(store, sites=("example.com", "*.example.org"))
    assert refuse(context, site_id=site_id).reason is DropReason.SITE


def test_new_sites_per_hour_are_limited_without_a_site_list(store: LocalStore) -> None:
    context = open_context(store, known=("known.org",), new_per_hour=2)
    take(context, site_id="a.org")
    take(context, site_id="b.org", now=NOW + timedelta(minutes=10))
    dropped = refuse(context, site_id="c.org", now=NOW + timedelta(minutes=20))
    assert (dropped.reason, dropped.status, dropped.retry_after_seconds) == (DropReason.NEW_SITES, 429, 40 * 60)
    for met in ("known.org", "a.org", "b.org"):
        take(context, site_id=met, now=NOW + timedelta(minutes=20))
    take(context, site_id="c.org", now=NOW + timedelta(hours=1))


def test_pipeline_accepts_only_known_sites_when_new_sites_are_off(store: LocalStore) -> None:
    context = open_context(store, known=("known.org",), new_per_hour=0)
    assert take(context, site_id="known.org").site_id == "known.org"
    # The deployed function does this where MALLARD_SITES is empty.
    assert refuse(context, site_id="a.org").reason is DropReason.NEW_SITES


def test_origin_is_not_checked_without_a_site_list(context: IngestContext) -> None:
    assert take(context, origin="https://other.org").site_id == SITE


@pytest.mark.parametrize(
    "origin", [None, "https://example.com", "http://example.com", "https://example.com:8443", "https://EXAMPLE.com"]
)
def test_origin_of_the_site_or_none_is_accepted_with_a_site_list(origin: str | None, store: LocalStore) -> None:
    assert take(open_context(store, sites=("example.com",)), origin=origin).site_id == SITE


@pytest.mark.parametrize(
    "origin", ["https://other.org", "https://www.example.com", "https://example.com.other.org", "null", "", "https://["]
)
def test_origin_of_another_site_is_refused_with_a_site_list(origin: str, store: LocalStore) -> None:
    assert refuse(open_context(store, sites=("example.com",)), origin=origin).reason is DropReason.ORIGIN


def test_rate_limit_applies_to_each_site_separately(store: LocalStore) -> None:
    context = open_context(store, per_second=2)
    take(context)
    take(context)
    dropped = refuse(context)
    assert (dropped.reason, dropped.status, dropped.retry_after_seconds) == (DropReason.RATE, 429, 1)
    take(context, site_id="example.org")
    take(context, now=NOW + timedelta(milliseconds=500), address="192.0.2.77")
    refuse(context, now=NOW + timedelta(milliseconds=500), address="192.0.2.78")


def test_rate_limit_saves_up_at_most_one_second(store: LocalStore) -> None:
    context = open_context(store, per_second=2)
    take(context)
    later = NOW + timedelta(hours=1)
    take(context, now=later)
    take(context, now=later)
    refuse(context, now=later)


def test_rate_of_0_is_no_limit(context: IngestContext) -> None:
    assert {take(context).site_id for _ in range(200)} == {SITE}
