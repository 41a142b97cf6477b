"""Shared links: for one site, until they are revoked."""

import hashlib
import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mallard.auth.shared_links import LINKS, SharedLink, SharedLinks
from mallard.errors import LinkError, PasswordError, StoreUnavailableError
from mallard.store.base import Store
from mallard.store.local import LocalStore
from mallard.store.ttl_cache import TTL_SECONDS
from support.auth import Clock, quick_hashing
from support.memory import MemoryStore

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
SITE = "example.com"


@pytest.fixture(params=["memory", "folder"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return MemoryStore() if request.param == "memory" else LocalStore(tmp_path)


def links(store: Store, clock: Clock | None = None) -> SharedLinks:
    return SharedLinks(store, quick_hashing(), clock=clock or Clock())


def test_link_is_found_by_its_slug_with_all_fields(store: Store) -> None:
    made = links(store).create(SITE, " For the board ", NOW, filters='[["is","visit:country",["DE"]]]', embeddable=True)
    found = links(store).find(made.slug)
    assert found == made
    assert found is not None
    assert (found.site_id, found.name, found.embeddable) == (SITE, "For the board", True)
    assert links(store).opens(found, "")


def test_a_slug_is_128_random_bits() -> None:
    store = MemoryStore()
    made = [links(store).create(SITE, "a", NOW) for _ in range(50)]
    assert {len(each.slug) for each in made} == {22}
    assert len({each.slug for each in made}) == 50


def test_link_password_is_required_and_stored_as_a_hash() -> None:
    store = MemoryStore()
    mine = links(store)
    link = mine.create(SITE, "a", NOW, password="kettle-moss-17")
    assert mine.opens(link, "kettle-moss-17")
    assert not mine.opens(link, "")
    assert not mine.opens(link, "lantern-fjord-4")
    assert not [data for data in store.objects.values() if b"kettle-moss-17" in data]


def test_revoked_link_is_refused_here_at_once_and_elsewhere_within_seconds(store: Store) -> None:
    clock = Clock()
    here, elsewhere = links(store, clock), links(store, clock)
    slug = here.create(SITE, "a", NOW).slug
    assert elsewhere.find(slug)
    assert here.revoke(slug)
    assert here.find(slug) is None
    clock.seconds += TTL_SECONDS
    assert elsewhere.find(slug) is None
    assert not here.revoke(slug)


def test_links_are_listed_by_age_and_by_site(store: Store) -> None:
    mine = links(store)
    younger = mine.create(SITE, "younger", NOW + timedelta(days=1))
    older = mine.create(SITE, "older", NOW)
    other = mine.create("example.org", "other", NOW + timedelta(days=2))
    assert mine.all() == [older, younger, other]
    assert mine.all("example.org") == [other]


@pytest.mark.parametrize("slug", ["", "x", "../../config/secret", "A" * 21, "A" * 22, "A" * 23, "é" * 22])
def test_find_returns_none_for_text_that_is_no_slug(slug: str) -> None:
    mine = links(MemoryStore())
    assert mine.find(slug) is None
    assert not mine.revoke(slug)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"name": " "}, LinkError),
        ({"name": "n" * 101}, LinkError),
        ({"filters": "f" * 4001}, LinkError),
        ({"password": "short"}, PasswordError),
        ({"password": "x" * 1001}, PasswordError),
        ({"password": "P@ssw0rd1"}, PasswordError),
    ],
)
def test_create_refuses_wrong_arguments(given: dict[str, str], error: type[Exception]) -> None:
    store = MemoryStore()
    with pytest.raises(error):
        links(store).create(SITE, now=NOW, **{"name": "a", **given})  # type: ignore[arg-type]
    assert not store.objects


def test_damaged_link_raises() -> None:
    store = MemoryStore()
    store.put_if_absent(f"{LINKS}{'A' * 22}.json", b"{}")
    with pytest.raises(StoreUnavailableError):
        links(store).find("A" * 22)


def under_its_slug(store: Store) -> SharedLink:
    """A link as earlier versions stored it."""
    link = links(MemoryStore()).create(SITE, "a", NOW)
    store.put_if_absent(f"{LINKS}{link.slug}.json", json.dumps(asdict(link)).encode())
    return link


def names(store: Store) -> str:
    return " ".join(row.key for row in store.list(""))


def test_link_is_stored_under_the_hash_of_its_slug(store: Store) -> None:
    slug = links(store).create(SITE, "a", NOW).slug
    assert names(store) == f"{LINKS}{hashlib.sha256(slug.encode()).hexdigest()}.json"
    assert links(store).find(names(store).removeprefix(LINKS).removesuffix(".json")) is None


@pytest.mark.parametrize("read", ["find", "all"])
def test_link_of_an_earlier_version_is_moved_to_its_hash_when_read(read: str, store: Store) -> None:
    link = under_its_slug(store)
    assert (links(store).find(link.slug) if read == "find" else links(store).all()) == (
        link if read == "find" else [link]
    )
    assert link.slug not in names(store)
    assert links(store).find(link.slug) == link
    assert links(store).revoke(link.slug)
    assert links(store).all() == []


def test_link_of_an_earlier_version_stays_revoked_during_its_move() -> None:
    store = MemoryStore()
    link = under_its_slug(store)
    stale = store.objects[f"{LINKS}{link.slug}.json"]
    assert links(store).revoke(link.slug)
    # The other instance read it before.
    store.objects[f"{LINKS}{link.slug}.json"] = stale
    assert links(store).find(link.slug) is None
    assert links(store).all() == []
    assert not links(store).revoke("A" * 22)


def test_damaged_link_of_an_earlier_version_is_named_without_its_slug(store: Store) -> None:
    store.put_if_absent(f"{LINKS}{'A' * 22}.json", b"{}")
    with pytest.raises(StoreUnavailableError, match="AAAA…") as raised:
        links(store).find("A" * 22)
    assert "A" * 22 not in str(raised.value)
    assert links(store).revoke("A" * 22)


def test_unknown_fields_in_a_stored_link_are_ignored() -> None:
    store = MemoryStore()
    link = links(store).create(SITE, "a", NOW)
    (key,) = store.objects
    store.objects[key] = store.objects[key][:-1] + b', "colour": "red"}'
    assert links(store).find(link.slug) == link
