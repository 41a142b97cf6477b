"""The lease on flushing: one holder at a time, on stores that keep conditions and on one that ignores them."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from mallard.store.base import Store
from mallard.store.lease import CLOCKS_DIFFER, KEY, LASTS, MARGIN, SETTLE_SECONDS, Lease, LeaseTaken
from support.faults import Fault, FaultyStore
from support.lax import NOON, IgnoresConditions
from support.memory import MemoryStore

SECOND = timedelta(seconds=1)


class Clock:
    """``during_sleep`` is what others do while somebody sleeps."""

    def __init__(self) -> None:
        self.time = NOON
        self.slept: list[float] = []
        self.during_sleep: Callable[[], object] = lambda: None

    def now(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        during, self.during_sleep = self.during_sleep, lambda: None
        during()
        self.time += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=[MemoryStore, IgnoresConditions])
def store(request: pytest.FixtureRequest) -> Store:
    made: Store = request.param()
    return made


def lease(store: Store, holder: str, clock: Clock) -> Lease:
    return Lease(store, holder, now=clock.now, sleep=clock.sleep)


def test_free_lease_is_acquired_after_a_wait(store: Store, clock: Clock) -> None:
    one = lease(store, "one", clock)
    assert not one.is_held
    assert one.acquire() is None
    assert one.is_held
    assert clock.slept == [SETTLE_SECONDS]


def test_taken_lease_is_refused_until_expired_by_every_clock(store: Store, clock: Clock) -> None:
    assert lease(store, "one", clock).acquire() is None
    until = NOON + LASTS
    two = lease(store, "two", clock)
    for moment in (NOON + SECOND, until, until + CLOCKS_DIFFER - SECOND):
        clock.time = moment
        assert two.acquire() == LeaseTaken("one", until)
        assert not two.is_held
    clock.time = until + CLOCKS_DIFFER
    assert two.acquire() is None


def test_no_work_begins_in_the_last_part_of_a_lease(store: Store, clock: Clock) -> None:
    one = lease(store, "one", clock)
    one.acquire()
    clock.time = NOON + LASTS - MARGIN - SECOND
    assert one.is_held
    clock.time += SECOND
    assert not one.is_held


def test_lease_holder_renews_without_a_wait(store: Store, clock: Clock) -> None:
    one = lease(store, "one", clock)
    one.acquire()
    clock.time += LASTS - MARGIN
    assert one.acquire() is None
    assert one.is_held
    assert clock.slept == [SETTLE_SECONDS]
    assert lease(store, "two", clock).acquire() == LeaseTaken("one", clock.time + LASTS)


def test_expired_holder_waits_again(store: Store, clock: Clock) -> None:
    one = lease(store, "one", clock)
    one.acquire()
    clock.time += LASTS + SECOND
    assert one.acquire() is None
    assert clock.slept == [SETTLE_SECONDS] * 2


def test_released_lease_is_free_at_once(store: Store, clock: Clock) -> None:
    one, two = lease(store, "one", clock), lease(store, "two", clock)
    one.acquire()
    one.release()
    assert not one.is_held
    assert two.acquire() is None
    one.release()
    assert two.is_held
    assert lease(store, "three", clock).acquire() is not None


def test_release_of_an_untaken_lease_does_nothing(store: Store, clock: Clock) -> None:
    lease(store, "one", clock).release()
    assert store.get(KEY) is None


def test_lease_goes_to_the_later_write_on_a_store_without_conditions(clock: Clock) -> None:
    objects = IgnoresConditions()
    store = FaultyStore(objects)
    one, two = lease(store, "one", clock), lease(objects, "two", clock)
    found: list[LeaseTaken | None] = []
    # Two looks before one has written, and writes while one waits.
    two_looked = objects.get(KEY)
    clock.during_sleep = lambda: found.append(two._write(two_looked, NOON + LASTS))
    assert one.acquire() == LeaseTaken("two", NOON + LASTS)
    assert not one.is_held
    assert found == [None]


def assert_taken(by: Lease) -> None:
    assert by.acquire() is None


def test_second_holder_is_refused_on_a_store_with_conditions(clock: Clock) -> None:
    objects = MemoryStore()
    store = FaultyStore(objects)
    store.before_write.append(lambda: assert_taken(lease(objects, "two", clock)))
    one = lease(store, "one", clock)
    taken = one.acquire()
    assert taken is not None
    assert taken.holder == "two"
    assert not one.is_held


def test_lease_is_not_held_after_a_lost_response_and_can_be_acquired_again(store: Store, clock: Clock) -> None:
    faulty = FaultyStore(store)
    faulty.faults.append(Fault.LOST_ANSWER)
    one = lease(faulty, "one", clock)
    with pytest.raises(Exception, match="No answer"):
        one.acquire()
    assert not one.is_held
    assert one.acquire() is None


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff", b'{"holder": "x", "until": 5}', b'{"until": "x"}'])
def test_unreadable_lease_is_free(store: Store, clock: Clock, data: bytes) -> None:
    store.put_if_absent(KEY, data)
    assert lease(store, "one", clock).acquire() is None


class Dated(MemoryStore):
    """A store with a clock of its own, by which objects are dated."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._time = clock

    def _keep(self, key: str, data: bytes) -> None:
        super()._keep(key, data)
        self.modified[key] = self._time.time.timestamp()

    def server_time(self) -> datetime | None:
        return self._time.time


def test_acquire_uses_the_store_clock_for_a_lease_of_a_fast_clock(clock: Clock) -> None:
    store, ahead = Dated(clock), Clock()
    ahead.time = NOON + timedelta(hours=9)
    assert lease(store, "ahead", ahead).acquire() is None
    longest = LASTS + CLOCKS_DIFFER
    assert lease(store, "two", clock).acquire() == LeaseTaken("ahead", NOON + longest)
    clock.time += longest - SECOND
    assert lease(store, "two", clock).acquire() == LeaseTaken("ahead", clock.time + longest)
    clock.time += SECOND
    assert lease(store, "two", clock).acquire() is None
