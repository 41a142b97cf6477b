"""Compare-and-swap loop for small objects."""

import json
import threading
from pathlib import Path

import pytest

from mallard.errors import StoreUnavailableError
from mallard.store.base import Store
from mallard.store.compare_and_swap import SWAP_ATTEMPTS, swap
from mallard.store.local import LocalStore
from support.faults import Fault, FaultyStore
from support.memory import MemoryStore

KEY = "config/numbers.json"


def add_one(data: bytes | None) -> tuple[int, bytes]:
    number = json.loads(data) + 1 if data else 1
    return number, json.dumps(number).encode()


@pytest.fixture(params=["memory", "folder"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return MemoryStore() if request.param == "memory" else LocalStore(tmp_path)


def test_swap_creates_an_object_and_then_replaces_it(store: Store) -> None:
    assert [swap(store, KEY, add_one) for _ in range(3)] == [1, 2, 3]
    found = store.get(KEY)
    assert found is not None
    assert found.data == b"3"


def test_swap_without_bytes_writes_nothing_and_returns_the_outcome(store: Store) -> None:
    assert swap(store, KEY, lambda data: (data, None)) is None
    assert store.get(KEY) is None
    swap(store, KEY, add_one)
    assert swap(store, KEY, lambda data: (data, None)) == b"1"


def test_swap_recomputes_the_change_after_a_conflict() -> None:
    inner = MemoryStore()
    store = FaultyStore(inner)
    store.before_write.append(lambda: inner.objects.update({KEY: b"41"}))
    assert swap(store, KEY, add_one) == 42
    store.before_write.append(lambda: inner.objects.update({KEY: b"7"}))
    assert swap(store, KEY, add_one) == 8
    assert inner.objects[KEY] == b"8"


def test_swap_loses_no_update_of_racing_writers(store: Store) -> None:
    done: list[int] = []

    def write() -> None:
        while len(done) < 40:
            try:
                done.append(swap(store, KEY, add_one))
            except StoreUnavailableError:
                continue

    threads = [threading.Thread(target=write) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(done) == list(range(1, len(done) + 1))


def test_swap_raises_after_repeated_conflicts() -> None:
    store = FaultyStore(MemoryStore())
    store.faults.extend([Fault.CONFLICT] * SWAP_ATTEMPTS)
    with pytest.raises(
        StoreUnavailableError, match=r"config/numbers\.json was changed by other processes at each of 6 attempts\."
    ):
        swap(store, KEY, add_one)
    assert store.get(KEY) is None


def test_swap_does_not_retry_after_an_unclear_answer() -> None:
    store = FaultyStore(MemoryStore())
    store.faults.append(Fault.LOST_ANSWER)
    with pytest.raises(StoreUnavailableError):
        swap(store, KEY, add_one)
    assert swap(store, KEY, lambda data: (data, None)) == b"1"
