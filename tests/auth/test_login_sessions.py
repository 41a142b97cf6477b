"""Sessions: signed, over in time, and ended everywhere within seconds."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mallard.auth import signed_tokens
from mallard.auth.admin_password import AdminPassword
from mallard.auth.login_sessions import EPOCH_KEY, LoginSessions
from mallard.store.base import Store
from mallard.store.local import LocalStore
from mallard.store.ttl_cache import TTL_SECONDS
from support.auth import Clock, CountedReads, quick_hashing
from support.memory import MemoryStore

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
DAY = timedelta(days=1)
SECRET = b"s" * 32


@pytest.fixture(params=["memory", "folder"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return MemoryStore() if request.param == "memory" else LocalStore(tmp_path)


def sessions(store: Store, clock: Clock | None = None, *, mark: str = "m", secret: bytes = SECRET) -> LoginSessions:
    return LoginSessions(store, secret, lambda: mark, lasts_seconds=86_400, clock=clock or Clock())


def test_session_token_is_valid_on_every_instance_until_it_expires(store: Store) -> None:
    token = sessions(store).begin(NOW)
    elsewhere = sessions(store)
    assert elsewhere.holds(token, NOW)
    assert elsewhere.holds(token, NOW + DAY - timedelta(seconds=1))
    assert not elsewhere.holds(token, NOW + DAY)
    assert not elsewhere.holds(token, NOW - timedelta(hours=1))


def test_session_tokens_of_the_same_moment_differ(store: Store) -> None:
    mine = sessions(store)
    assert mine.begin(NOW) != mine.begin(NOW)


def test_other_text_is_no_token() -> None:
    store = MemoryStore()
    mine = sessions(store)
    token = mine.begin(NOW)
    content, _, signature = token.rpartition(".")
    wrong = ["", ".", "a.b", content, f"{content}x.{signature}", f"{content}.{signature[:-2]}xx", token * 20, "é" * 8]
    wrong += [signed_tokens.sign(SECRET, "share", {"n": "a"}, NOW), sessions(store, secret=b"t" * 32).begin(NOW)]
    assert [each for each in wrong if mine.holds(each, NOW)] == []


def test_session_end_holds_here_at_once_and_elsewhere_within_seconds() -> None:
    store, clock = MemoryStore(), Clock()
    here, elsewhere = sessions(store, clock), sessions(store, clock)
    token = here.begin(NOW)
    assert elsewhere.holds(token, NOW)
    here.end_all()
    assert not here.holds(token, NOW)
    clock.seconds += TTL_SECONDS
    assert not elsewhere.holds(token, NOW)
    assert elsewhere.holds(here.begin(NOW), NOW)


def test_the_epoch_is_read_at_most_every_few_seconds() -> None:
    store, clock = CountedReads(), Clock()
    mine = sessions(store, clock)
    token = mine.begin(NOW)
    reads = store.reads
    for _ in range(40):
        clock.seconds += TTL_SECONDS / 20
        assert mine.holds(token, NOW)
    assert store.reads - reads == 2


def test_password_change_ends_its_sessions() -> None:
    store, clock = MemoryStore(), Clock()
    passwords = AdminPassword(store, hashing=quick_hashing(), clock=clock)
    passwords.set_first("kettle-moss-17", NOW)
    mine = LoginSessions(store, SECRET, passwords.mark, lasts_seconds=86_400, clock=clock)
    token = mine.begin(NOW)
    assert mine.holds(token, NOW)
    passwords.change("kettle-moss-17", "lantern-fjord-4", NOW)
    assert not mine.holds(token, NOW)


def test_session_tokens_are_invalid_without_a_password() -> None:
    store = MemoryStore()
    mine = sessions(store, mark="")
    assert not mine.holds(mine.begin(NOW), NOW)


def test_store_holds_no_session_data() -> None:
    store = MemoryStore()
    sessions(store).begin(NOW)
    assert list(store.objects) == [EPOCH_KEY]


def test_session_token_expiry_uses_the_given_time() -> None:
    token = sessions(store := MemoryStore()).begin(datetime.fromtimestamp(time.time() - 10 * 86_400, UTC))
    assert not sessions(store).holds(token, datetime.now(UTC))
