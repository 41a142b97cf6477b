"""What an instance believes for some seconds."""

from mallard.auth.ttl_cache import KEPT_SECONDS, MAX_KEPT, TtlCache
from support.auth import Clock


def test_a_value_is_read_again_when_it_is_old() -> None:
    clock, reads = Clock(), iter(range(10))
    kept = TtlCache(lambda _: next(reads), clock=clock)
    assert [kept.get("a"), kept.get("a"), kept.get("b")] == [0, 0, 1]
    clock.seconds += KEPT_SECONDS
    assert [kept.get("a"), kept.get("a")] == [2, 2]


def test_a_slow_read_does_not_bring_back_what_was_replaced_meanwhile() -> None:
    clock = Clock()

    def read_slowly(name: str) -> str:
        clock.seconds += 1
        kept.put(name, "new")
        return "old"

    kept = TtlCache(read_slowly, clock=clock)
    kept.get("a")
    assert kept.get("a") == "new"


def test_a_value_is_as_old_as_the_question_for_it() -> None:
    clock = Clock()
    reads: list[float] = []

    def read_slowly(_: str) -> int:
        reads.append(clock.seconds)
        clock.seconds += KEPT_SECONDS - 1
        return len(reads)

    kept = TtlCache(read_slowly, clock=clock)
    kept.get("a")
    clock.seconds += 1
    assert kept.get("a") == 2


def test_memory_is_bounded() -> None:
    read: list[str] = []
    kept = TtlCache(lambda name: read.append(name), clock=Clock())
    for number in range(MAX_KEPT + 1):
        kept.get(str(number))
    kept.get(str(MAX_KEPT))
    kept.get("0")
    assert read[MAX_KEPT:] == [str(MAX_KEPT), "0"]


def test_what_is_forgotten_is_read_anew() -> None:
    reads = iter(range(10))
    kept = TtlCache(lambda _: next(reads), clock=Clock())
    kept.get("a")
    kept.forget("a")
    kept.forget("never asked for")
    assert kept.get("a") == 1
