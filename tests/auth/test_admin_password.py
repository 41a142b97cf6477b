"""The password: set once, hashed with Argon2id, never weak."""

import json
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.low_level import Type

from mallard.auth.admin_password import PASSWORD_KEY, AdminPassword, refuse_weak
from mallard.auth.password_hashing import AT_ONCE, HASHER, PasswordHashing
from mallard.errors import PasswordBusyError, PasswordError, StoreUnavailableError
from mallard.store.base import Store
from mallard.store.local import LocalStore
from mallard.store.ttl_cache import TTL_SECONDS
from support.auth import Clock, quick_hashing
from support.faults import Fault, FaultyStore
from support.memory import MemoryStore
from support.stepping import Actor, SteppedStore

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
GOOD, OTHER = "kettle-moss-17", "lantern-fjord-4"


@pytest.fixture(params=["memory", "folder"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return MemoryStore() if request.param == "memory" else LocalStore(tmp_path)


def passwords(store: Store, configured: str = "", clock: Clock | None = None) -> AdminPassword:
    return AdminPassword(store, configured, hashing=quick_hashing(), clock=clock or Clock())


def test_first_password_can_be_set_once(store: Store) -> None:
    first, elsewhere = passwords(store), passwords(store)
    assert first.mark() == ""
    assert first.set_first(GOOD, NOW)
    assert not first.set_first(OTHER, NOW)
    assert not elsewhere.set_first(OTHER, NOW)
    assert first.check(GOOD)
    assert elsewhere.check(GOOD)
    assert not first.check(OTHER)
    assert first.mark() == elsewhere.mark() != ""


def test_first_password_set_concurrently_has_one_winner(store: Store) -> None:
    start = threading.Barrier(2)
    won: list[str] = []

    def set_it(password: str) -> None:
        mine = passwords(store)
        start.wait()
        if mine.set_first(password, NOW):
            won.append(password)

    threads = [threading.Thread(target=set_it, args=(each,)) for each in (GOOD, OTHER)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(won) == 1
    assert passwords(store).check(won[0])


def test_first_password_of_the_later_write_is_refused() -> None:
    inner = MemoryStore()
    stepped = SteppedStore(inner)
    actors = [Actor(each, lambda each=each: passwords(stepped).set_first(each, NOW)) for each in (GOOD, OTHER)]  # type: ignore[misc]
    actors[0].step()
    actors[1].step()
    while not actors[1].ended:
        actors[1].step()
    while not actors[0].ended:
        actors[0].step()
    assert [each.answer for each in actors] == [False, True]
    assert passwords(inner).check(OTHER)


def test_first_password_holds_after_a_lost_response() -> None:
    store = FaultyStore(MemoryStore())
    store.faults.append(Fault.LOST_ANSWER)
    with pytest.raises(StoreUnavailableError):
        passwords(store).set_first(GOOD, NOW)
    assert not passwords(store).set_first(OTHER, NOW)
    assert passwords(store).check(GOOD)


def test_the_hash_is_argon2id_with_the_parameters_owasp_asks_for() -> None:
    store = MemoryStore()
    AdminPassword(store).set_first(GOOD, NOW)
    found = json.loads(store.objects[PASSWORD_KEY])
    parameters = extract_parameters(found["hash"])
    assert parameters.type is Type.ID
    assert (parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (19456, 2, 1)
    assert not [data for data in store.objects.values() if GOOD.encode() in data]


def test_password_is_rehashed_at_login_when_parameters_changed_and_sessions_stay() -> None:
    store = MemoryStore()
    old = passwords(store)
    old.set_first(GOOD, NOW)
    before = json.loads(store.objects[PASSWORD_KEY])
    today = AdminPassword(store)
    assert not today.check(OTHER)
    assert json.loads(store.objects[PASSWORD_KEY]) == before
    assert today.check(GOOD)
    after = json.loads(store.objects[PASSWORD_KEY])
    assert extract_parameters(after["hash"]) == extract_parameters(HASHER.hash(OTHER))
    assert after["mark"] == before["mark"]
    assert today.check(GOOD)


def test_login_succeeds_when_the_rehash_cannot_be_written() -> None:
    store = FaultyStore(MemoryStore())
    passwords(store).set_first(GOOD, NOW)
    store.faults.append(Fault.UNAVAILABLE)
    assert AdminPassword(store).check(GOOD)


def test_configured_password_overrides_a_stored_one(store: Store) -> None:
    passwords(store).set_first(GOOD, NOW)
    configured = passwords(store, OTHER)
    assert configured.is_configured
    assert configured.check(OTHER)
    assert not configured.check(GOOD)
    assert not configured.set_first(GOOD, NOW)
    assert not configured.change(OTHER, "another-one-99", NOW)
    assert configured.mark() not in ("", passwords(store).mark(), passwords(store, "a-third-word").mark())


def test_password_change_needs_the_current_password(store: Store) -> None:
    mine = passwords(store)
    mine.set_first(GOOD, NOW)
    before = mine.mark()
    assert not mine.change(OTHER, "another-one-99", NOW)
    assert mine.mark() == before
    assert mine.change(GOOD, OTHER, NOW)
    assert mine.check(OTHER)
    assert not mine.check(GOOD)
    assert mine.mark() != before


def test_password_changed_concurrently_keeps_one_change() -> None:
    inner = MemoryStore()
    passwords(inner).set_first(GOOD, NOW)
    store = FaultyStore(inner)
    store.before_write.append(lambda: passwords(inner).put("another-one-99", NOW))
    assert not passwords(store).change(GOOD, OTHER, NOW)
    assert passwords(inner).check("another-one-99")


def test_put_replaces_a_forgotten_password(store: Store) -> None:
    passwords(store).put(GOOD, NOW)
    passwords(store).put(OTHER, NOW)
    assert passwords(store).check(OTHER)


def test_password_change_is_known_elsewhere_within_seconds() -> None:
    store, clock = MemoryStore(), Clock()
    here, elsewhere = passwords(store, clock=clock), passwords(store, clock=clock)
    assert elsewhere.mark() == ""
    here.set_first(GOOD, NOW)
    assert elsewhere.mark() == here.mark()
    here.change(GOOD, OTHER, NOW)
    clock.seconds += TTL_SECONDS
    assert elsewhere.mark() == here.mark()


@pytest.mark.parametrize("weak", ["", "short-1", "letmein123", "Password123!", "12345678", "qwertyuiop", "x" * 1001])
def test_a_weak_password_is_refused_in_one_sentence(weak: str) -> None:
    store = MemoryStore()
    for attempt in (
        lambda: refuse_weak(weak),
        lambda: passwords(store).set_first(weak, NOW),
        lambda: passwords(store).put(weak, NOW),
    ):
        with pytest.raises(PasswordError) as refused:
            attempt()
        assert str(refused.value).endswith(".")
        assert not weak or weak not in str(refused.value)
    assert not store.objects


@pytest.mark.parametrize("text", ["", "x" * 100_000, "\ud800" * 8, "\x00" * 8])
def test_password_check_of_any_text_returns_false(text: str) -> None:
    mine = passwords(MemoryStore())
    mine.set_first(GOOD, NOW)
    assert not mine.check(text)
    assert not passwords(MemoryStore(), GOOD).check(text)
    assert not passwords(MemoryStore()).check(text)


@pytest.mark.parametrize("data", [b"{}", b"no JSON", b'{"hash": "", "mark": "", "set_at": ""}', b"[]"])
def test_damaged_password_raises_and_blocks_setup(data: bytes) -> None:
    store = MemoryStore()
    store.put_if_absent(PASSWORD_KEY, data)
    with pytest.raises(StoreUnavailableError):
        passwords(store).mark()
    with pytest.raises(StoreUnavailableError):
        passwords(store).set_first(GOOD, NOW)
    assert store.objects[PASSWORD_KEY] == data


class _SlowHasher(PasswordHasher):
    """Hashes that end when a test lets them."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.busy = threading.Semaphore(0)
        self.go_on = threading.Event()

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        self.busy.release()
        self.go_on.wait()
        return super().hash(password, salt=salt)


def test_password_hashing_above_its_concurrency_waits_and_is_refused() -> None:
    slow = _SlowHasher()
    hashing = PasswordHashing(slow, wait_seconds=0.01)
    threads = [threading.Thread(target=hashing.hash, args=(GOOD,)) for _ in range(AT_ONCE)]
    for each in threads:
        each.start()
        slow.busy.acquire()
    with pytest.raises(PasswordBusyError):
        hashing.fits(GOOD, "")
    slow.go_on.set()
    for each in threads:
        each.join()
    assert hashing.fits(GOOD, hashing.hash(GOOD))
