"""``receive``: sites and origins that are taken, and at which rate."""

from datetime import timedelta

import pytest

from ingest.doors import (
    NOW,
    SITE,
    open_door,
    refuse,
    take,
)
from mallard.ingest.drop_reasons import DropReason
from mallard.ingest.pipeline import IngestContext
from mallard.store.local import LocalStore


@pytest.fixture
def door(store: LocalStore) -> IngestContext:
    return open_door(store)


@pytest.mark.parametrize("site_id", ["example.com", "blog.example.org", "a.b.example.org"])
def test_listed_site_is_accepted(site_id: str, store: LocalStore) -> None:
    assert take(open_door(store, sites=("example.com", "*.example.org")), site_id=site_id).site_id == site_id


@pytest.mark.parametrize("site_id", ["www.example.com", "example.org", "notexample.org", "example.com.other.net"])
def test_unlisted_site_is_refused(site_id: str, store: LocalStore) -> None:
    door = open_door(store, sites=("example.com", "*.example.org"))
    assert refuse(door, site_id=site_id).reason is DropReason.SITE


def test_new_sites_per_hour_are_limited_without_a_site_list(store: LocalStore) -> None:
    door = open_door(store, known=("known.org",), new_per_hour=2)
    take(door, site_id="a.org")
    take(door, site_id="b.org", now=NOW + timedelta(minutes=10))
    dropped = refuse(door, site_id="c.org", now=NOW + timedelta(minutes=20))
    assert (dropped.reason, dropped.status, dropped.retry_after_seconds) == (DropReason.NEW_SITES, 429, 40 * 60)
    for met in ("known.org", "a.org", "b.org"):
        take(door, site_id=met, now=NOW + timedelta(minutes=20))
    take(door, site_id="c.org", now=NOW + timedelta(hours=1))


def test_pipeline_accepts_only_known_sites_when_new_sites_are_off(store: LocalStore) -> None:
    door = open_door(store, known=("known.org",), new_per_hour=0)
    assert take(door, site_id="known.org").site_id == "known.org"
    # The deployed function does this where MALLARD_SITES is empty.
    assert refuse(door, site_id="a.org").reason is DropReason.NEW_SITES


def test_origin_is_not_checked_without_a_site_list(door: IngestContext) -> None:
    assert take(door, origin="https://other.org").site_id == SITE


@pytest.mark.parametrize(
    "origin", [None, "https://example.com", "http://example.com", "https://example.com:8443", "https://EXAMPLE.com"]
)
def test_origin_of_the_site_or_none_is_accepted_with_a_site_list(origin: str | None, store: LocalStore) -> None:
    assert take(open_door(store, sites=("example.com",)), origin=origin).site_id == SITE


@pytest.mark.parametrize(
    "origin", ["https://other.org", "https://www.example.com", "https://example.com.other.org", "null", "", "https://["]
)
def test_origin_of_another_site_is_refused_with_a_site_list(origin: str, store: LocalStore) -> None:
    assert refuse(open_door(store, sites=("example.com",)), origin=origin).reason is DropReason.ORIGIN


def test_rate_limit_applies_to_each_site_separately(store: LocalStore) -> None:
    door = open_door(store, per_second=2)
    take(door)
    take(door)
    dropped = refuse(door)
    assert (dropped.reason, dropped.status, dropped.retry_after_seconds) == (DropReason.RATE, 429, 1)
    take(door, site_id="example.org")
    take(door, now=NOW + timedelta(milliseconds=500), address="192.0.2.77")
    refuse(door, now=NOW + timedelta(milliseconds=500), address="192.0.2.78")


def test_rate_limit_saves_up_at_most_one_second(store: LocalStore) -> None:
    door = open_door(store, per_second=2)
    take(door)
    later = NOW + timedelta(hours=1)
    take(door, now=later)
    take(door, now=later)
    refuse(door, now=later)


def test_rate_of_0_is_no_limit(door: IngestContext) -> None:
    assert {take(door).site_id for _ in range(200)} == {SITE}
