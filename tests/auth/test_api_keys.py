"""API keys: shown once, stored as a hash, revoked for good."""

import re
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from mallard.auth.api_keys import KEYS, SCOPES, ApiKeys, key_in
from mallard.cli import main
from mallard.errors import ApiKeyError, StoreUnavailableError
from mallard.store.ttl_cache import MAX_ABSENT, MAX_VALUES, TTL_SECONDS
from support.auth import Clock, CountedReads
from support.faults import Fault, FaultyStore
from support.memory import MemoryStore

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)


def test_a_key_is_256_random_bits_and_the_store_has_its_hash_only() -> None:
    store = MemoryStore()
    text, key = ApiKeys(store).create("server", "Ingest", NOW)
    other, _ = ApiKeys(store).create("server", "Ingest", NOW)
    assert re.fullmatch(r"mm_[A-Za-z0-9_-]{43}", text)
    assert text != other
    assert f"{KEYS}{key.key_hash}.json" in store.objects
    assert not [data for data in store.objects.values() if text.encode() in data]


@pytest.mark.parametrize("scope", SCOPES)
def test_a_key_is_found_by_its_text_with_its_scope(scope: str) -> None:
    store = MemoryStore()
    text, made = ApiKeys(store).create("a name", scope, NOW, ("example.com",))
    found = ApiKeys(store).find(text)
    assert found == made
    assert found is not None
    assert found.allows(scope)
    assert not found.allows(*set(SCOPES) - {scope})
    assert found.reaches("example.com")
    assert not found.reaches("example.org")


@pytest.mark.parametrize("text", ["", "mm_", "mm_short", "mm_" + "A" * 43, "../../config/secret", "mm_" + "A" * 4000])
def test_find_returns_none_for_text_that_is_no_key(text: str) -> None:
    store = MemoryStore()
    ApiKeys(store).create("a", "Admin", NOW)
    assert ApiKeys(store).find(text) is None


def test_revoked_key_is_refused_here_at_once_and_elsewhere_within_seconds() -> None:
    store, clock = MemoryStore(), Clock()
    here, elsewhere = ApiKeys(store, clock=clock), ApiKeys(store, clock=clock)
    text, key = here.create("a", "Admin", NOW)
    assert elsewhere.find(text)
    assert here.find(text)
    assert here.revoke(key.key_hash)
    assert here.find(text) is None
    clock.seconds += TTL_SECONDS
    assert elsewhere.find(text) is None
    assert here.revoke(key.key_hash)
    assert [each.revoked for each in here.all()] == [True]


@pytest.mark.parametrize("key_hash", ["", "0" * 64, "../../salts/x", "z" * 64])
def test_revoke_of_an_unknown_key_returns_false(key_hash: str) -> None:
    assert not ApiKeys(MemoryStore()).revoke(key_hash)


def test_key_created_after_a_failed_lookup_is_found_within_seconds() -> None:
    clock, store = Clock(), MemoryStore()
    ring = ApiKeys(store, clock=clock)
    text, key = ApiKeys(store).create("a", "Admin", NOW)
    kept = store.objects.pop(f"{KEYS}{key.key_hash}.json")
    assert ring.find(text) is None
    store.put_if_absent(f"{KEYS}{key.key_hash}.json", kept)
    clock.seconds += TTL_SECONDS
    assert ring.find(text) == key


@pytest.mark.parametrize(("name", "scope"), [("", "Admin"), ("  ", "Admin"), ("n" * 101, "Admin"), ("a", "Root")])
def test_a_wrong_name_or_scope_is_refused(name: str, scope: str) -> None:
    with pytest.raises(ApiKeyError):
        ApiKeys(MemoryStore()).create(name, scope, NOW)


def test_damaged_key_raises() -> None:
    store = MemoryStore()
    text, key = ApiKeys(store).create("a", "Admin", NOW)
    store.delete(f"{KEYS}{key.key_hash}.json")
    store.put_if_absent(f"{KEYS}{key.key_hash}.json", b"{}")
    with pytest.raises(StoreUnavailableError):
        ApiKeys(store).find(text)


@pytest.mark.parametrize(
    ("expires", "last"),
    [
        ("2026-03-11", datetime(2026, 3, 11, 23, 59, 59, tzinfo=UTC)),
        ("2026-03-11T12:00:00Z", datetime(2026, 3, 11, 11, 59, 59, tzinfo=UTC)),
        ("2026-03-11T12:00:00+02:00", datetime(2026, 3, 11, 9, 59, 59, tzinfo=UTC)),
        ("2026-03-11T12:00", datetime(2026, 3, 11, 11, 59, 59, tzinfo=UTC)),
    ],
)
def test_key_expires_at_its_time(expires: str, last: datetime) -> None:
    store = MemoryStore()
    text, _ = ApiKeys(store).create("a", "ReadOnly", NOW, expires=expires)
    assert ApiKeys(store, now=lambda: last).find(text)
    assert ApiKeys(store, now=lambda: last + timedelta(seconds=1)).find(text) is None


def test_cached_key_expires_at_its_time() -> None:
    moments = (NOW + timedelta(seconds=each) for each in count())
    ring = ApiKeys(MemoryStore(), clock=Clock(), now=lambda: next(moments))
    text, _ = ring.create("a", "ReadOnly", NOW, expires="2026-03-10T15:30:02Z")
    assert [bool(ring.find(text)) for _ in range(4)] == [True, True, False, False]


@pytest.mark.parametrize(
    "expires", ["tomorrow", "2026-03-09", "2026-03-10T15:30:00Z", "9999-12-31", "2026-13-01", "0001-01-01"]
)
def test_a_wrong_expiry_is_refused(expires: str) -> None:
    with pytest.raises(ApiKeyError, match="expires_at"):
        ApiKeys(MemoryStore()).create("a", "Admin", NOW, expires=expires)


def test_key_last_used_day_is_written_once() -> None:
    store = FaultyStore(MemoryStore())
    moments = iter([NOW, NOW, NOW, NOW + timedelta(days=1)])
    ring = ApiKeys(store, now=lambda: next(moments))
    text, _ = ring.create("a", "Ingest", NOW)
    assert [each.last_used for each in ring.all()] == [""]
    for _ in range(3):
        ring.find(text)
    assert [each.last_used for each in ring.all()] == ["2026-03-10"]
    assert len(store.writes) == 2
    ring.find(text)
    assert [each.last_used for each in ring.all()] == ["2026-03-11"]
    assert NOW.strftime("%H:%M") not in str([each.last_used for each in ring.all()])


def test_key_in_use_costs_one_store_read_per_cache_period() -> None:
    store, clock = CountedReads(), Clock()
    ring = ApiKeys(store, clock=clock, now=lambda: NOW)
    text, _ = ring.create("a", "Ingest", NOW)
    ring.find(text)
    reads = store.reads
    for _ in range(40):
        clock.seconds += TTL_SECONDS / 20
        ring.find(text)
    assert store.reads - reads == 2


def test_key_works_when_its_last_use_cannot_be_written() -> None:
    store = FaultyStore(MemoryStore())
    ring = ApiKeys(store, now=lambda: NOW)
    text, key = ring.create("a", "Ingest", NOW)
    store.faults.append(Fault.UNAVAILABLE)
    assert ring.find(text) == key


def test_a_key_revoked_while_its_use_is_written_stays_revoked() -> None:
    inner = MemoryStore()
    store = FaultyStore(inner)
    text, key = ApiKeys(inner).create("a", "Ingest", NOW)

    def revoke() -> None:
        ApiKeys(inner).revoke(key.key_hash)

    store.before_write.append(revoke)
    ApiKeys(store, now=lambda: NOW).find(text)
    assert [each.revoked for each in ApiKeys(inner).all()] == [True]


def test_a_key_of_an_earlier_version_is_found() -> None:
    store = MemoryStore()
    text, key = ApiKeys(store).create("a", "Admin", NOW)
    older = b'{"name": "a", "scope": "Admin", "created_at": "2026-03-10T15:30:00+00:00", "sites": [], "revoked": false}'
    store.objects[f"{KEYS}{key.key_hash}.json"] = older
    assert ApiKeys(store).find(text) == key


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ({"authorization": "Bearer mm_a"}, "mm_a"),
        ({"authorization": "bearer  mm_a "}, "mm_a"),
        ({"x-api-key": "mm_b"}, "mm_b"),
        ({"authorization": "Basic abc", "x-api-key": "mm_b"}, "mm_b"),
        ({"authorization": "Bearer"}, ""),
        ({}, ""),
    ],
)
def test_key_is_read_from_either_header(headers: dict[str, str], text: str) -> None:
    assert key_in(headers) == text


def test_the_command_makes_lists_and_revokes(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MALLARD_DATA_DIR", str(tmp_path_factory.mktemp("data")))
    assert main(["keys", "create", "--name", "our server", "--scope", "Ingest", "--site", "Example.com"]) == 0
    made = capsys.readouterr()
    # The key alone, so that a script can take it.
    assert re.fullmatch(r"mm_[A-Za-z0-9_-]{43}\n", made.out)
    key_hash = re.findall(r"[0-9a-f]{64}", made.err)[0]
    assert main(["keys", "list"]) == 0
    listed = capsys.readouterr().out
    assert key_hash in listed
    assert "Ingest    in use" in listed
    assert "example.com  our server" in listed
    assert main(["keys", "revoke", key_hash]) == 0
    capsys.readouterr()
    assert main(["keys", "list"]) == 0
    assert "revoked" in capsys.readouterr().out
    assert main(["keys", "revoke", "0" * 64]) == 2


def test_made_up_keys_do_not_push_good_ones_out_of_the_cache() -> None:
    store = CountedReads()
    ring = ApiKeys(store, marks_use=False, clock=Clock())
    text, key = ring.create("a", "ReadOnly", NOW)
    assert ring.find(text) == key
    for number in range(MAX_ABSENT + MAX_VALUES):
        assert ring.find(f"mm_{number:043d}") is None
    reads = store.reads
    assert ring.find(text) == key
    assert store.reads == reads
