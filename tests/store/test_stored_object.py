"""Typed JSON objects under compare-and-swap."""

from dataclasses import dataclass, replace
from datetime import date

import pytest

from mallard.errors import ConflictError, DamagedObjectError, StoreUnavailableError
from mallard.store.stored_object import JsonFormat, StoredObject
from mallard.store.ttl_cache import TTL_SECONDS
from support.auth import Clock
from support.faults import Fault, FaultyStore
from support.memory import MemoryStore

KEY = "config/thing.json"


@dataclass(frozen=True)
class Thing:
    name: str
    day: date
    tags: tuple[str, ...] = ()


THING = Thing("a", date(2026, 1, 2), ("x",))
FORMAT = JsonFormat.of(Thing)


def cached(store: MemoryStore | FaultyStore, clock: Clock | None = None) -> StoredObject[Thing]:
    return StoredObject.cached(store, KEY, FORMAT, clock=clock or Clock())


def renamed(name: str, thing: Thing | None) -> Thing | None:
    return thing and replace(thing, name=name)


def test_an_object_comes_back_as_it_was_created() -> None:
    store = MemoryStore()
    assert cached(store).get() is None
    cached(store).create(THING)
    assert cached(store).get() == THING
    assert store.objects[KEY] == b'{"name": "a", "day": "2026-01-02", "tags": ["x"]}'
    with pytest.raises(ConflictError):
        cached(store).create(THING)


def test_unknown_keys_are_ignored_and_missing_ones_have_their_defaults() -> None:
    store = MemoryStore()
    store.put_if_absent(KEY, b'{"name": "\\ud800", "day": "2026-01-02", "later": 1}')
    assert cached(store).get() == Thing("\ud800", date(2026, 1, 2))


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"null", b'{"name": 1, "day": "2026-01-02"}', b"\xff", b"[" * 9999])
def test_a_damaged_object_is_named(data: bytes) -> None:
    store = MemoryStore()
    store.put_if_absent(KEY, data)
    with pytest.raises(DamagedObjectError, match=r"^config/thing\.json does not hold what it should"):
        cached(store).get()
    with pytest.raises(DamagedObjectError):
        cached(store).change(lambda thing: thing)
    cached(store).put(THING)
    assert cached(store).get() == THING


def test_a_damaged_object_counts_as_absent_when_its_format_says_so() -> None:
    store, damaged = MemoryStore(), list[str]()
    store.put_if_absent(KEY, b"[]")
    form = JsonFormat.of(Thing, on_damage=damaged.append)
    assert StoredObject(store, KEY, form).change(lambda thing: thing or THING) == THING
    assert damaged == [KEY]
    assert cached(store).get() == THING


def test_a_change_starts_from_the_value_that_another_writer_left() -> None:
    inner = MemoryStore()
    store = FaultyStore(inner)
    cached(inner).create(THING)

    def meanwhile() -> None:
        cached(inner).change(lambda thing: thing and replace(thing, tags=("y",)))

    store.before_write.append(meanwhile)
    assert cached(store).change(lambda thing: renamed("b", thing)) == Thing("b", THING.day, ("y",))


def test_an_equal_value_is_not_written() -> None:
    store = FaultyStore(MemoryStore())
    assert cached(store).change(lambda thing: thing) is None
    cached(store).create(THING)
    store.writes.clear()
    assert cached(store).change(lambda thing: renamed("a", thing)) == THING
    assert store.writes == []


def test_a_change_is_seen_here_at_once_and_elsewhere_after_the_time_to_live() -> None:
    store, clock = MemoryStore(), Clock()
    here, elsewhere = cached(store, clock), cached(store, clock)
    here.create(THING)
    assert elsewhere.get() == THING
    here.change(lambda thing: renamed("b", thing))
    assert [here.get(), elsewhere.get()] == [renamed("b", THING), THING]
    clock.seconds += TTL_SECONDS
    assert elsewhere.get() == renamed("b", THING)


def test_a_change_that_writes_nothing_refreshes_the_cached_value() -> None:
    store, clock = MemoryStore(), Clock()
    here = cached(store, clock)
    here.create(THING)
    cached(store).change(lambda thing: renamed("b", thing))
    assert here.change_with_result(lambda thing: (thing and thing.name, None)) == "b"
    assert here.get() == renamed("b", THING)


def test_an_unclear_answer_is_not_cached_as_a_write() -> None:
    store, clock = FaultyStore(MemoryStore()), Clock()
    here = cached(store, clock)
    here.create(THING)
    store.faults.append(Fault.LOST_ANSWER)
    with pytest.raises(StoreUnavailableError):
        here.change(lambda thing: renamed("b", thing))
    clock.seconds += TTL_SECONDS
    assert here.get() == renamed("b", THING)


def test_a_forgotten_object_is_read_again() -> None:
    store = MemoryStore()
    here = cached(store)
    assert here.get() is None
    cached(store).create(THING)
    here.forget()
    assert here.get() == THING
