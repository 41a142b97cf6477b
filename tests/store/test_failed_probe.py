"""A failed probe is remembered in the store: a shorter one does not pass it later, a whole one of the doctor does."""

from datetime import UTC, datetime

import pytest

from mallard.errors import UnsafeStoreError
from mallard.store.failed_probe import FAILED_KEY, recall
from mallard.store.probe import QUICK_ROUNDS, RECHECK_ROUNDS, ROUNDS, recheck_writes, require_conditional_writes
from mallard.store.write_race import CONTENDERS
from support.lax import ChecksThenSwaps, KnowsNoConditions
from support.memory import MemoryStore

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)


def clock() -> datetime:
    return NOW


class Counting(MemoryStore):
    """Counts the versions that were raced for."""

    def __init__(self) -> None:
        super().__init__()
        self.swaps = 0

    def put_if_match(self, key: str, data: bytes, etag: str) -> str:
        self.swaps += key.endswith("version")
        return super().put_if_match(key, data, etag)


def moved(store: MemoryStore, kind: type[MemoryStore] = Counting) -> MemoryStore:
    """Another server that holds the same objects, as after an upgrade."""
    other = kind()
    other.objects.update(store.objects)
    return other


@pytest.fixture
def unsafe() -> MemoryStore:
    """A store that failed a quick probe."""
    store = ChecksThenSwaps()
    with pytest.raises(UnsafeStoreError):
        require_conditional_writes(store, rounds=QUICK_ROUNDS, clock=clock)
    return store


def test_require_stores_the_failed_checks_with_address_and_time(unsafe: MemoryStore) -> None:
    failed = recall(unsafe)
    assert failed is not None
    assert (failed.address, failed.at, failed.checks) == ("memory://", "2026-01-02T12:00:00Z", ("race for a version",))
    assert failed.rounds == QUICK_ROUNDS
    assert list(unsafe.objects) == [FAILED_KEY]


def test_require_refuses_a_store_with_a_failure_note_without_a_probe(unsafe: MemoryStore) -> None:
    lucky = moved(unsafe)
    with pytest.raises(UnsafeStoreError) as refused:
        require_conditional_writes(lucky, rounds=ROUNDS)
    text = str(refused.value)
    assert "accepts both of two simultaneous writes" in text
    assert "at 2026-01-02T12:00:00Z; until `mallard doctor` passes it, events would be lost" in text
    assert isinstance(lucky, Counting)
    assert lucky.swaps == 0


def test_recheck_clears_the_failure_note_after_a_longer_probe(unsafe: MemoryStore) -> None:
    mended = moved(unsafe)
    findings = recheck_writes(mended, NOW)
    assert [each for each in findings if not each.ok] == []
    assert findings[-1].name == "earlier probe"
    assert isinstance(mended, Counting)
    assert mended.swaps == CONTENDERS * RECHECK_ROUNDS
    assert mended.objects == {}
    require_conditional_writes(mended, rounds=1)


def test_recheck_keeps_the_note_when_the_store_fails_again(unsafe: MemoryStore) -> None:
    wrong = [each.name for each in recheck_writes(unsafe, NOW) if not each.ok]
    assert wrong == ["race for a version", "earlier probe"]
    assert recall(unsafe) is not None


def test_recheck_stores_a_failure_note() -> None:
    store = ChecksThenSwaps()
    recheck_writes(store, NOW)
    with pytest.raises(UnsafeStoreError, match="as a probe found"):
        require_conditional_writes(store, rounds=1)


def test_require_runs_a_whole_probe_when_the_note_names_another_server(unsafe: MemoryStore) -> None:
    copy = moved(unsafe)
    copy.objects[FAILED_KEY] = copy.objects[FAILED_KEY].replace(b"memory://", b"http://old.example s3://b/")
    require_conditional_writes(copy, rounds=1)
    assert isinstance(copy, Counting)
    assert copy.swaps == CONTENDERS * ROUNDS
    assert recall(copy) is not None


def test_require_refuses_a_store_with_an_unreadable_failure_note() -> None:
    store = MemoryStore()
    store.put_if_absent(FAILED_KEY, b"cut sho")
    with pytest.raises(UnsafeStoreError, match="The store failed a probe, as a probe found at an unknown time"):
        require_conditional_writes(store, rounds=1)


def test_require_refuses_an_unsafe_store_that_cannot_hold_the_note() -> None:
    store = KnowsNoConditions()
    for _ in range(2):
        with pytest.raises(UnsafeStoreError, match="does not know writes with If-None-Match"):
            require_conditional_writes(store, rounds=1)
    assert store.objects == {}
