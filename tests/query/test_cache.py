"""Kept answers: as long as they say, no more than fit, and one count for equal questions."""

import threading
from concurrent.futures import ThreadPoolExecutor, as_completed

import pytest

from mallard.engine.cancellation import CURRENT, Cancellation
from mallard.engine.duckdb.result_cache import BYTES_OF_AN_ENTRY, MAX_WAITING, ResultCache
from mallard.errors import QueryBusyError, QueryError, QueryStoppedError

SOON_SECONDS = 60


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Counter:
    """Makes 1, 2, 3, …"""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> int:
        self.made += 1
        return self.made


class Watched(Cancellation):
    """Whoever waits for an answer asks first whether it still may."""

    def __init__(self) -> None:
        super().__init__()
        self.is_asked = threading.Event()

    def check(self) -> None:
        self.is_asked.set()
        super().check()


def one_byte(_: object) -> int:
    return 1


def test_cache_keeps_a_result_for_its_seconds() -> None:
    clock, make = Clock(), Counter()
    cache = ResultCache(60, clock=clock)
    assert [cache.get("a", make, one_byte), cache.get("a", make, one_byte)] == [1, 1]
    clock.now = 59.9
    assert cache.get("a", make, one_byte) == 1
    clock.now = 60
    assert cache.get("a", make, one_byte) == 2
    assert (cache.hits, cache.misses, len(cache)) == (2, 2, 1)


def test_cache_keys_are_separate() -> None:
    cache, make = ResultCache(60), Counter()
    assert [cache.get(key, make, one_byte) for key in "abab"] == [1, 2, 1, 2]


def test_cache_keeps_nothing_for_zero_seconds() -> None:
    cache, make = ResultCache(0), Counter()
    assert [cache.get("a", make, one_byte) for _ in range(3)] == [1, 2, 3]
    assert len(cache) == 0


def test_cache_evicts_the_oldest_results_above_its_bytes() -> None:
    cache, make = ResultCache(60, max_bytes=2 * BYTES_OF_AN_ENTRY + 10), Counter()
    for key in "abc":
        cache.get(key, make, lambda _: 4)
    assert len(cache) == 2
    assert cache.get("c", make, one_byte) == 3
    assert cache.get("a", make, one_byte) == 4


def test_cache_does_not_keep_an_oversized_result_or_evict_for_it() -> None:
    cache, make = ResultCache(60, max_bytes=2 * BYTES_OF_AN_ENTRY + 10), Counter()
    cache.get("small", make, one_byte)
    cache.get("large", make, lambda _: 2 * BYTES_OF_AN_ENTRY)
    assert (cache.get("small", make, one_byte), cache.get("large", make, one_byte)) == (1, 3)


def test_cache_computes_concurrent_equal_queries_once() -> None:
    cache, begun, go_on = ResultCache(0), threading.Event(), threading.Event()

    def slow() -> str:
        begun.set()
        assert go_on.wait(SOON_SECONDS)
        return "counted"

    def follow(stop: Cancellation) -> str:
        CURRENT.set(stop)
        return cache.get("a", _never, one_byte)

    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(cache.get, "a", slow, one_byte)
        assert begun.wait(SOON_SECONDS)
        stops = [Watched() for _ in range(3)]
        others = [pool.submit(follow, stop) for stop in stops]
        assert all(stop.is_asked.wait(SOON_SECONDS) for stop in stops)
        go_on.set()
        assert [each.result(SOON_SECONDS) for each in (first, *others)] == ["counted"] * 4


def _never() -> str:
    raise AssertionError("it was being counted already")


def test_cache_raises_an_error_to_all_waiters_and_does_not_keep_it() -> None:
    cache = ResultCache(60)

    def wrong() -> str:
        raise QueryError("No such thing.")

    for _ in range(2):
        with pytest.raises(QueryError):
            cache.get("a", wrong, one_byte)
    assert cache.get("a", lambda: "right", one_byte) == "right"


def test_cache_waiter_computes_the_value_when_the_first_caller_is_cancelled() -> None:
    cache, begun, go_on = ResultCache(60), threading.Event(), threading.Event()

    def stopped() -> str:
        begun.set()
        assert go_on.wait(SOON_SECONDS)
        raise QueryStoppedError("Its client has gone.")

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(cache.get, "a", stopped, one_byte)
        assert begun.wait(SOON_SECONDS)
        second = pool.submit(cache.get, "a", lambda: "counted", one_byte)
        go_on.set()
        with pytest.raises(QueryStoppedError):
            first.result(SOON_SECONDS)
        assert second.result(SOON_SECONDS) == "counted"


def test_cache_waiter_stops_when_its_own_request_ends() -> None:
    cache, begun, go_on, gone = ResultCache(60), threading.Event(), threading.Event(), Cancellation()

    def slow() -> str:
        begun.set()
        assert go_on.wait(SOON_SECONDS)
        return "counted"

    def follow() -> str:
        CURRENT.set(gone)
        return cache.get("a", _never, one_byte)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(cache.get, "a", slow, one_byte)
        assert begun.wait(SOON_SECONDS)
        follower = pool.submit(follow)
        gone.stop()
        with pytest.raises(QueryStoppedError):
            follower.result(SOON_SECONDS)
        go_on.set()
        assert first.result(SOON_SECONDS) == "counted"


def test_cache_limits_waiters_for_one_computation() -> None:
    cache, begun, go_on = ResultCache(60), threading.Event(), threading.Event()

    def slow() -> str:
        begun.set()
        assert go_on.wait(SOON_SECONDS)
        return "counted"

    with ThreadPoolExecutor(MAX_WAITING + 2) as pool:
        first = pool.submit(cache.get, "a", slow, one_byte)
        assert begun.wait(SOON_SECONDS)
        others = [pool.submit(cache.get, "a", _never, one_byte) for _ in range(MAX_WAITING + 1)]
        refused = next(as_completed(others, SOON_SECONDS))
        with pytest.raises(QueryBusyError):
            refused.result()
        go_on.set()
        assert {each.result(SOON_SECONDS) for each in (first, *others) if each is not refused} == {"counted"}
