"""API keys: shown once, stored as a hash, revoked for good."""

import re
from datetime import UTC, datetime

import pytest

from mallard.auth.keys import KEPT_SECONDS, KEYS, SCOPES, KeyRing, key_in
from mallard.cli import main
from mallard.errors import ApiKeyError, StoreUnavailableError
from support.memory import MemoryStore

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)


class Clock:
    """Monotonic seconds that a test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_a_key_is_256_random_bits_and_the_store_has_its_hash_only() -> None:
    store = MemoryStore()
    text, key = KeyRing(store).create("server", "Ingest", NOW)
    other, _ = KeyRing(store).create("server", "Ingest", NOW)
    assert re.fullmatch(r"mm_[A-Za-z0-9_-]{43}", text)
    assert text != other
    assert f"{KEYS}{key.key_hash}.json" in store.objects
    assert not [data for data in store.objects.values() if text.encode() in data]


@pytest.mark.parametrize("scope", SCOPES)
def test_a_key_is_found_by_its_text_with_its_scope(scope: str) -> None:
    store = MemoryStore()
    text, made = KeyRing(store).create("a name", scope, NOW, ("example.com",))
    found = KeyRing(store).find(text)
    assert found == made
    assert found is not None
    assert found.allows(scope)
    assert not found.allows(*set(SCOPES) - {scope})
    assert found.reaches("example.com")
    assert not found.reaches("example.org")


@pytest.mark.parametrize("text", ["", "mm_", "mm_short", "mm_" + "A" * 43, "../../config/secret", "mm_" + "A" * 4000])
def test_what_is_no_key_finds_nothing(text: str) -> None:
    store = MemoryStore()
    KeyRing(store).create("a", "Admin", NOW)
    assert KeyRing(store).find(text) is None


def test_a_revoked_key_is_dead_at_once_here_and_within_seconds_elsewhere() -> None:
    store, clock = MemoryStore(), Clock()
    here, elsewhere = KeyRing(store, clock=clock), KeyRing(store, clock=clock)
    text, key = here.create("a", "Admin", NOW)
    assert elsewhere.find(text) == key
    assert here.revoke(key.key_hash)
    assert here.find(text) is None
    clock.seconds += KEPT_SECONDS
    assert elsewhere.find(text) is None
    assert here.revoke(key.key_hash)
    assert [each.revoked for each in here.all()] == [True]


@pytest.mark.parametrize("key_hash", ["", "0" * 64, "../../salts/x", "z" * 64])
def test_revoking_what_is_not_there_says_so(key_hash: str) -> None:
    assert not KeyRing(MemoryStore()).revoke(key_hash)


def test_a_key_made_after_it_was_asked_for_is_found_within_seconds() -> None:
    clock, store = Clock(), MemoryStore()
    ring = KeyRing(store, clock=clock)
    text, key = ring.create("a", "Admin", NOW)
    kept = store.objects.pop(f"{KEYS}{key.key_hash}.json")
    assert ring.find(text) is None
    store.put_if_absent(f"{KEYS}{key.key_hash}.json", kept)
    clock.seconds += KEPT_SECONDS
    assert ring.find(text) == key


@pytest.mark.parametrize(("name", "scope"), [("", "Admin"), ("  ", "Admin"), ("n" * 101, "Admin"), ("a", "Root")])
def test_a_wrong_name_or_scope_is_refused(name: str, scope: str) -> None:
    with pytest.raises(ApiKeyError):
        KeyRing(MemoryStore()).create(name, scope, NOW)


def test_a_damaged_key_is_a_fault() -> None:
    store = MemoryStore()
    text, key = KeyRing(store).create("a", "Admin", NOW)
    store.delete(f"{KEYS}{key.key_hash}.json")
    store.put_if_absent(f"{KEYS}{key.key_hash}.json", b"{}")
    with pytest.raises(StoreUnavailableError):
        KeyRing(store).find(text)


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
def test_a_key_stands_in_either_header(headers: dict[str, str], text: str) -> None:
    assert key_in(headers) == text


def test_the_command_makes_lists_and_revokes(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MALLARD_DATA_DIR", str(tmp_path_factory.mktemp("data")))
    assert main(["keys", "create", "--name", "our server", "--scope", "Ingest", "--site", "Example.com"]) == 0
    made = capsys.readouterr().out
    key_hash = re.findall(r"[0-9a-f]{64}", made)[0]
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
