"""TTL cache of values read from the store."""

import pytest

from mallard.errors import StoreUnavailableError
from mallard.store.ttl_cache import MAX_ABSENT, MAX_VALUES, TTL_SECONDS, TtlCache
from support.auth import Clock


def test_a_value_is_read_again_after_its_time_to_live() -> None:
    clock, reads = Clock(), iter(range(10))
    cache = TtlCache(lambda _: next(reads), clock=clock)
    assert [cache.get("a"), cache.get("a"), cache.get("b")] == [0, 0, 1]
    clock.seconds += TTL_SECONDS
    assert [cache.get("a"), cache.get("a")] == [2, 2]


@pytest.mark.parametrize("passes", [0, 1])
def test_a_slow_read_does_not_put_back_a_value_that_was_replaced_meanwhile(passes: int) -> None:
    clock = Clock()

    def read_slowly(name: str) -> str:
        clock.seconds += passes
        cache.put(name, "new")
        return "old"

    cache = TtlCache(read_slowly, clock=clock)
    cache.get("a")
    assert cache.get("a") == "new"


def test_a_slow_read_does_not_put_back_a_value_that_was_forgotten_meanwhile() -> None:
    values = ["new", "old"]

    def read_slowly(name: str) -> str:
        if len(values) == 2:
            cache.forget(name)
        return values.pop()

    cache = TtlCache(read_slowly, clock=Clock())
    assert [cache.get("a"), cache.get("a"), cache.get("a")] == ["old", "new", "new"]


def test_overtaken_write_caches_no_value() -> None:
    reads = iter(["stored"])
    cache = TtlCache(lambda _: next(reads), clock=Clock())
    with cache.writing("a") as settle_first:
        with cache.writing("a") as settle_second:
            settle_second("second")
        assert cache.get("a") == "second"
        settle_first("first")
    assert cache.get("a") == "stored"


def test_a_write_that_fails_leaves_the_cached_value() -> None:
    cache: TtlCache[str] = TtlCache(lambda _: "read", clock=Clock())
    cache.put("a", "cached")
    with pytest.raises(StoreUnavailableError), cache.writing("a"):
        raise StoreUnavailableError("no answer")
    assert cache.get("a") == "cached"
    assert cache._pending == {}


def test_the_age_of_a_value_counts_from_before_its_read() -> None:
    clock = Clock()
    reads: list[float] = []

    def read_slowly(_: str) -> int:
        reads.append(clock.seconds)
        clock.seconds += TTL_SECONDS - 1
        return len(reads)

    cache = TtlCache(read_slowly, clock=clock)
    cache.get("a")
    clock.seconds += 1
    assert cache.get("a") == 2


def test_values_are_bounded_and_the_oldest_goes_first() -> None:
    reads: list[str] = []

    def read(name: str) -> str:
        reads.append(name)
        return name

    cache = TtlCache(read, clock=Clock())
    for number in range(MAX_VALUES + 1):
        cache.get(str(number))
    cache.get(str(MAX_VALUES))
    cache.get("0")
    assert reads[MAX_VALUES:] == [str(MAX_VALUES), "0"]


def test_absent_names_are_bounded_and_evict_no_value() -> None:
    reads: list[str] = []

    def read(name: str) -> str | None:
        reads.append(name)
        return "value" if name == "good" else None

    cache = TtlCache(read, clock=Clock())
    cache.get("good")
    for number in range(2 * MAX_ABSENT):
        cache.get(f"made up {number}")
    reads.clear()
    assert cache.get("good") == "value"
    assert cache.get(f"made up {2 * MAX_ABSENT - 1}") is None
    assert reads == []
    cache.get("made up 0")
    assert reads == ["made up 0"]


def test_an_absent_name_that_gets_a_value_is_one_entry() -> None:
    cache: TtlCache[str] = TtlCache(lambda _: None, clock=Clock())
    cache.get("a")
    cache.put("a", "value")
    assert cache.get("a") == "value"
    cache.put("a", None)
    assert cache.get("a") is None


@pytest.mark.parametrize("serves_stale", [True, False])
def test_an_old_value_is_served_while_the_store_is_unavailable_when_allowed(serves_stale: bool) -> None:
    clock, answers = Clock(), ["value"]

    def read(_: str) -> str:
        if not answers:
            raise StoreUnavailableError("no answer")
        return answers.pop()

    cache = TtlCache(read, serves_stale=serves_stale, clock=clock)
    cache.get("a")
    clock.seconds += TTL_SECONDS
    if serves_stale:
        assert cache.get("a") == "value"
    else:
        with pytest.raises(StoreUnavailableError):
            cache.get("a")
    with pytest.raises(StoreUnavailableError):
        cache.get("b")
    assert cache._pending == {}


def test_a_forgotten_value_is_read_again() -> None:
    reads = iter(range(10))
    cache = TtlCache(lambda _: next(reads), clock=Clock())
    cache.get("a")
    cache.forget("a")
    cache.forget("never asked for")
    assert cache.get("a") == 1


def test_an_update_changes_cached_values_only() -> None:
    clock = Clock()
    cache = TtlCache(lambda _: 1, clock=clock)
    cache.update("a", lambda value: value + 10)
    assert cache.get("a") == 1
    cache.update("a", lambda value: value + 10)
    assert cache.get("a") == 11
    clock.seconds += TTL_SECONDS
    assert cache.get("a") == 1
