"""Guessing passwords: counted over instances, restarts and midnight, without addresses, for the guesser alone."""

import re
import threading
from datetime import UTC, datetime, timedelta, timezone
from ipaddress import ip_network
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mallard.auth.login_throttle import ATTEMPTS, MAX_COUNTS, SHARDS, LoginThrottle, delete_old_attempts
from mallard.errors import StoreUnavailableError
from mallard.store.base import Store
from mallard.store.local import LocalStore
from support.auth import CountedReads
from support.faults import Fault, FaultyStore
from support.memory import MemoryStore

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LOCKOUT = 300 * SECOND
HERE, ELSEWHERE = "192.0.2.7", "198.51.100.9"


@pytest.fixture(params=["memory", "folder"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return MemoryStore() if request.param == "memory" else LocalStore(tmp_path)


def attempts(store: Store, *, most: int = 5, lockout: int = 300) -> LoginThrottle:
    return LoginThrottle(store, b"s" * 32, most=most, lockout_seconds=lockout)


def guess(store: Store, times: int, now: datetime = NOW, address: str = HERE, door: str = "admin") -> list[int]:
    """Each attempt by an instance that has just started."""
    return [attempts(store).begin(door, address, now).wait_seconds for _ in range(times)]


def test_throttle_locks_on_every_instance_after_failures(store: Store) -> None:
    assert guess(store, 7) == [0, 0, 0, 0, 0, 300, 300]
    assert guess(store, 1, NOW + 100 * SECOND) == [200]
    assert guess(store, 1, NOW + LOCKOUT - SECOND / 2) == [1]


def test_refused_attempts_do_not_prolong_the_lockout(store: Store) -> None:
    guess(store, 5)
    guess(store, 20, NOW + 200 * SECOND)
    assert guess(store, 6, NOW + LOCKOUT) == [0, 0, 0, 0, 0, 300]


def test_begin_ignores_attempts_counted_by_a_clock_that_was_ahead(store: Store) -> None:
    guess(store, 7, NOW + timedelta(hours=6))
    assert guess(store, 6) == [0, 0, 0, 0, 0, 300]


def test_begin_caches_a_lockout_for_seconds_without_a_store_read() -> None:
    counted = CountedReads()
    one = attempts(counted)
    assert [one.begin("admin", HERE, NOW).wait_seconds for _ in range(6)] == [0, 0, 0, 0, 0, 300]
    seen = counted.reads
    assert one.begin("admin", HERE, NOW + 4 * SECOND).wait_seconds == 296
    assert counted.reads == seen
    assert one.begin("admin", HERE, NOW + 6 * SECOND).wait_seconds == 294
    assert counted.reads > seen
    one.forgive("admin", HERE, NOW + 6 * SECOND)
    assert one.begin("admin", HERE, NOW + 6 * SECOND).wait_seconds == 0


def test_throttle_does_not_lock_other_addresses_or_links(store: Store) -> None:
    guess(store, 9)
    assert guess(store, 1, address=ELSEWHERE) == [0]
    assert guess(store, 1, door="link abc") == [0]


def test_forgive_resets_the_failures(store: Store) -> None:
    guess(store, 4)
    attempts(store).forgive("admin", HERE, NOW)
    assert guess(store, 6) == [0, 0, 0, 0, 0, 300]


def test_attempt_taken_back_is_not_counted_and_lifts_no_lockout() -> None:
    store = MemoryStore()
    for _ in range(9):
        guess(store, 1)
        attempts(store).take_back("admin", HERE, NOW)
    guess(store, 4)
    attempts(store).take_back("admin", ELSEWHERE, NOW)
    assert guess(store, 2) == [0, 300]
    attempts(store).take_back("link", HERE, NOW)
    assert guess(store, 1) == [300]


def test_throttle_counts_concurrent_attempts(store: Store) -> None:
    one, start = attempts(store), threading.Barrier(12)
    waits: list[int] = []

    def enter() -> None:
        start.wait()
        waits.append(one.begin("admin", HERE, NOW).wait_seconds)

    threads = [threading.Thread(target=enter) for _ in range(12)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(waits) == [0] * 5 + [300] * 7


def test_throttle_counts_attempts_of_another_instance_in_a_race() -> None:
    inner = MemoryStore()
    guess(inner, 4)
    store = FaultyStore(inner)

    def guess_elsewhere() -> None:
        guess(inner, 1)

    # The first write is that of the day's key, which is there already.
    store.before_write.extend([lambda: None, guess_elsewhere])
    assert attempts(store).begin("admin", HERE, NOW).wait_seconds == 300


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=-9))])
def test_throttle_lockout_survives_midnight(zone: timezone) -> None:
    store, late = MemoryStore(), datetime(2026, 3, 10, 23, 59, tzinfo=UTC)
    guess(store, 3, late)
    after = (late + 90 * SECOND).astimezone(zone)
    assert guess(store, 3, after) == [0, 0, 300]
    attempts(store).forgive("admin", HERE, after)
    assert guess(store, 1, after) == [0]
    guess(store, 5, late, ELSEWHERE)
    assert guess(store, 1, after, ELSEWHERE) == [210]
    assert guess(store, 1, late + LOCKOUT, ELSEWHERE) == [0]


def test_throttle_counts_ipv6_by_network_and_ipv4_by_address_in_either_form() -> None:
    store = MemoryStore()
    guess(store, 3, address="2001:db8:1:2::1")
    guess(store, 2, address="2001:db8:1:2:ffff::9")
    assert guess(store, 1, address="2001:db8:1:2:3::") == [300]
    assert guess(store, 1, address="2001:db8:1:3::1") == [0]
    guess(store, 5, address="::ffff:192.0.2.7")
    assert guess(store, 1, address=HERE) == [300]


def test_throttle_stores_no_address_and_a_daily_hash() -> None:
    store = MemoryStore()
    guess(store, 2)
    guess(store, 2, NOW + timedelta(days=1))
    kept = {key: data for key, data in store.objects.items() if not key.endswith("key.json")}
    assert not [data for data in store.objects.values() if HERE.encode() in data]
    names = [name for data in kept.values() for name in re.findall(rb"[0-9a-f]{32}", data)]
    # The address and the two networks around it, each day by other names.
    assert len(names) == len(set(names)) == 6


def test_throttle_hash_of_an_address_depends_on_the_secret() -> None:
    store = MemoryStore()
    guess(store, 5)
    assert LoginThrottle(store, b"t" * 32, most=5, lockout_seconds=300).begin("admin", HERE, NOW).wait_seconds == 0


def test_throttle_counts_are_bounded_and_keep_lockouts() -> None:
    store = MemoryStore()
    crowd = attempts(store)
    guess(store, 5)
    for number in range(3 * MAX_COUNTS):
        crowd.begin("admin", f"2001:db8:{number:x}::1", NOW + timedelta(milliseconds=number))
    assert guess(store, 1)[0] > 0
    objects = [data for key, data in store.objects.items() if not key.endswith("key.json")]
    assert len(objects) <= SHARDS
    assert max(data.count(b"[") for data in objects) <= MAX_COUNTS


def test_full_shard_replaces_the_lowest_count_by_the_newest() -> None:
    store = MemoryStore()
    one = attempts(store, most=1000)
    guess(store, 5)
    # One shard has all clients of a /16: those of HERE.
    for number in range(MAX_COUNTS + 20):
        one.begin("admin", f"192.0.{number // 200 + 3}.{number % 200}", NOW + timedelta(milliseconds=number))
    (data,) = (data for key, data in store.objects.items() if not key.endswith("key.json"))
    assert data.count(b"[") == MAX_COUNTS
    assert guess(store, 1) == [300]


def clients_of(network: str, step: int, count: int) -> list[str]:
    """Addresses of a network, ``step`` addresses apart."""
    first = ip_network(network)[0]
    return [str(first + number * step) for number in range(count)]


@pytest.mark.parametrize(
    ("network", "step", "most"),
    [
        ("2001:db8:1:200::/56", 1 << 64, 4 * 5),
        ("2001:db8:1::/48", 1 << 72, 8 * 5),
        ("2001:db8::/32", 1 << 80, 32 * 5),
        ("198.51.100.0/24", 1, 8 * 5),
        ("198.51.0.0/16", 256, 64 * 5),
    ],
)
def test_throttle_counts_clients_of_one_network_together(network: str, step: int, most: int) -> None:
    store = MemoryStore()
    crowd = attempts(store)
    clients = clients_of(network, step, 200)
    # Round and round, so that no client comes to five failures before its network comes to its own.
    waits = [crowd.begin("admin", clients[n % len(clients)], NOW).wait_seconds for n in range(most + 50)]
    assert waits == [0] * most + [300] * 50


def test_throttle_counts_an_ipv6_48_together() -> None:
    store = MemoryStore()
    crowd = attempts(store)
    moments = [NOW + number * SECOND / 25 for number in range(1600)]
    clients = clients_of("2001:db8:7::/48", 1 << 64, 1600)
    waits = [crowd.begin("admin", each, now).wait_seconds for each, now in zip(clients, moments, strict=True)]
    assert waits.count(0) <= 8 * 5


def test_client_with_an_earlier_login_is_locked_by_its_own_failures_only() -> None:
    store = MemoryStore()
    one = attempts(store)
    for each in clients_of("198.51.100.0/24", 1, 100):
        one.begin("admin", each, NOW)
    assert one.begin("admin", "198.51.100.200", NOW).wait_seconds == 300
    known = [one.begin("admin", "198.51.100.200", NOW, is_known=True).wait_seconds for _ in range(6)]
    assert known == [0] * 5 + [300]


def test_attempt_tells_whether_its_network_failed_before() -> None:
    one = attempts(MemoryStore())
    assert one.begin("admin", "2001:db8:1:2::1", NOW).is_first
    assert not one.begin("admin", "2001:db8:99:2::1", NOW).is_first
    assert one.begin("admin", "2001:db9::1", NOW).is_first


def test_forgive_keeps_the_failures_of_neighbours() -> None:
    one = attempts(MemoryStore())
    here, *neighbours = clients_of("198.51.100.0/24", 1, 40)
    for each in neighbours:
        one.begin("admin", each, NOW)
    assert one.begin("admin", here, NOW).wait_seconds == 0
    one.forgive("admin", here, NOW)
    assert [one.begin("admin", "198.51.100.99", NOW).wait_seconds for _ in range(2)] == [0, 300]


def test_expired_counts_are_deleted_at_the_next_attempt() -> None:
    store = MemoryStore()
    guess(store, 3)
    guess(store, 1, NOW + timedelta(days=1))
    assert {key.split("/")[2] for key in store.objects} == {"date=2026-03-10", "date=2026-03-11"}
    guess(store, 1, NOW + timedelta(days=2))
    assert {key.split("/")[2] for key in store.objects} == {"date=2026-03-11", "date=2026-03-12"}
    assert delete_old_attempts(store, NOW + timedelta(days=9)) == 4
    assert not store.objects


@pytest.mark.parametrize("data", [b"", b"no JSON", b"[]", b'{"a": 1}', b'{"a": ["x", "y"]}', b'{"a": [1]}'])
def test_damaged_attempt_counts_cause_no_lockout(data: bytes) -> None:
    store = MemoryStore()
    guess(store, 5)
    for key in [key for key in store.objects if not key.endswith("key.json")]:
        store.objects[key] = data
    assert guess(store, 1) == [0]


def test_damaged_throttle_key_raises() -> None:
    store = MemoryStore()
    guess(store, 1)
    store.objects[f"{ATTEMPTS}date=2026-03-10/key.json"] = b"{}"
    with pytest.raises(StoreUnavailableError):
        guess(store, 1)


def test_login_is_refused_when_attempts_cannot_be_counted() -> None:
    store = FaultyStore(MemoryStore())
    guess(store, 1)
    store.faults.append(Fault.UNAVAILABLE)
    with pytest.raises(StoreUnavailableError):
        guess(store, 2)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.sampled_from([HERE, ELSEWHERE]), st.integers(0, 200)), max_size=30))
def test_no_address_gets_more_than_its_attempts_between_two_pauses(steps: list[tuple[str, int]]) -> None:
    store, now = MemoryStore(), NOW
    let_in: dict[str, list[datetime]] = {HERE: [], ELSEWHERE: []}
    for address, pause in steps:
        now += pause * SECOND
        if attempts(store, most=3).begin("admin", address, now).wait_seconds == 0:
            let_in[address].append(now)
    for moments in let_in.values():
        for four in (moments[number : number + 4] for number in range(len(moments) - 3)):
            assert max(later - earlier for earlier, later in pairwise(four)) >= LOCKOUT
