"""Storms of wrong passwords: strangers wait, networks that logged in lately do not."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from mallard.auth.guess_throttle import BURST, GuessThrottle
from mallard.auth.known_networks import KEPT_FOR, KNOWN_NETWORKS_KEY, MAX_NETWORKS, KnownNetworks
from mallard.auth.password_hashing import UNKNOWN_NETWORKS_WAITING, WAITING_PER_NETWORK, PasswordHashing
from mallard.auth.setup import Setup
from mallard.bootstrap.access import open_auth
from mallard.config import Settings
from mallard.errors import PasswordBusyError
from support.auth import Clock, quick_hashing
from support.memory import MemoryStore

NOW = datetime(2026, 3, 10, 23, 30, tzinfo=UTC)
HERE = "192.0.2.7"


class SlowHasher:
    """A hasher that ends when the test says so."""

    def __init__(self) -> None:
        self.running = threading.Semaphore(0)
        self.may_end = threading.Event()

    def verify(self, known: str, password: bytes) -> bool:
        self.running.release()
        self.may_end.wait()
        return True


def known_networks(store: MemoryStore, clock: Clock | None = None) -> KnownNetworks:
    return KnownNetworks(store, b"s" * 32, clock=clock or Clock())


def test_known_network_lasts_a_month_on_every_instance() -> None:
    store = MemoryStore()
    known_networks(store).remember("2001:db8:1:2::1", NOW)
    other = known_networks(store)
    assert other.has("2001:db8:1:2:ffff::9", NOW + KEPT_FOR - timedelta(days=1))
    assert not other.has("2001:db8:1:3::1", NOW)
    assert not other.has("2001:db8:1:2::1", NOW + KEPT_FOR)


def test_known_networks_are_bounded_hashed_and_written_once_a_day() -> None:
    store = MemoryStore()
    one = known_networks(store)
    one.remember(HERE, NOW)
    written = store.objects[KNOWN_NETWORKS_KEY]
    one.remember(HERE, NOW + timedelta(minutes=20))
    assert store.objects[KNOWN_NETWORKS_KEY] == written
    assert HERE.encode() not in written
    for number in range(MAX_NETWORKS + 5):
        one.remember(f"198.51.{number // 250}.{number % 250}", NOW + timedelta(days=1))
    assert store.objects[KNOWN_NETWORKS_KEY].count(b":") == MAX_NETWORKS
    assert not one.has(HERE, NOW + timedelta(days=1))


@pytest.mark.parametrize("data", [b"", b"no JSON", b"[]", b'{"a": 1}', b'{"a": "yesterday"}'])
def test_damaged_known_networks_are_treated_as_empty(data: bytes) -> None:
    store = MemoryStore()
    store.objects[KNOWN_NETWORKS_KEY] = data
    assert not known_networks(store).has(HERE, NOW)
    known_networks(store).remember(HERE, NOW)
    assert known_networks(store).has(HERE, NOW)


def test_guess_throttle_allows_a_burst_and_then_one_per_second() -> None:
    rate, now = GuessThrottle(), NOW.timestamp()
    for _ in range(BURST):
        assert rate.wait_seconds(now) == 0
        rate.fail(now)
    assert rate.wait_seconds(now) == 1
    assert rate.wait_seconds(now + 1) == 0
    rate.fail(now + 1)
    # A clock that was set back does not close the door for long.
    assert rate.wait_seconds(now - 3600) == 1
    assert rate.wait_seconds(now - 3599) == 0


def test_login_storm_slows_unknown_networks_but_not_known_ones() -> None:
    store = MemoryStore()
    auth = open_auth(
        Settings(max_login_attempts=1000),
        store,
        secret=b"s" * 32,
        setup=Setup(True, ""),
        hashing=quick_hashing(),
        clock=Clock(),
    )
    auth.passwords.put("lantern-fjord-4", NOW)
    assert auth.try_password("lantern-fjord-4", HERE, NOW) is True
    wrong = [auth.try_password("not it", f"2001:{number:x}::1", NOW) for number in range(1, BURST + 3)]
    assert wrong == [False] * BURST + [1, 1]
    assert auth.try_password("lantern-fjord-4", "198.51.100.9", NOW) == 1
    assert auth.try_password("lantern-fjord-4", HERE, NOW) is True
    assert auth.try_password("lantern-fjord-4", "198.51.100.9", NOW + timedelta(seconds=1)) is True


def test_unknown_networks_take_one_hashing_place_and_few_wait() -> None:
    slow = SlowHasher()
    hashing = PasswordHashing(slow, wait_seconds=30)  # type: ignore[arg-type]  # all that is used of one
    outcomes: list[object] = []
    ended = threading.Semaphore(0)

    def try_one(network: str) -> None:
        try:
            outcomes.append(hashing.fits("a", "hash", network))
        except PasswordBusyError as error:
            outcomes.append(error)
        ended.release()

    crowd = [threading.Thread(target=try_one, args=[f"net {n}"]) for n in range(3 * UNKNOWN_NETWORKS_WAITING)]
    for each in crowd:
        each.start()
    assert slow.running.acquire(timeout=30)
    for _ in range(2 * UNKNOWN_NETWORKS_WAITING):
        assert ended.acquire(timeout=30)
    assert all(isinstance(each, PasswordBusyError) for each in outcomes)
    # Strangers hold one place; the owner takes the other at once.
    owner = threading.Thread(target=try_one, args=[""])
    owner.start()
    assert slow.running.acquire(timeout=30)
    slow.may_end.set()
    for each in [*crowd, owner]:
        each.join()
    assert outcomes.count(True) == UNKNOWN_NETWORKS_WAITING + 1


def test_unknown_network_has_few_of_the_waiting_places() -> None:
    hashing = quick_hashing()
    known = hashing.hash("right")
    with hashing._unknown_place("other", float("inf")):  # the one place of strangers is taken
        hashing._waiting["crowd"] = WAITING_PER_NETWORK
        with pytest.raises(PasswordBusyError):
            hashing.fits("right", known, "crowd")
    assert hashing.fits("right", known, "third")
