"""Caches keep no argument, stay within their bytes, and are emptied together."""

import random
from collections.abc import Iterator

import pytest

from mallard.ingest.enrich.user_agent import read_agent
from mallard.normalize.hashed_cache import ENTRY_BYTES, Cached, forget_all, hashed_cache, keyed_digest, size_bytes
from support.caches import cached_bytes
from support.live_objects import objects_holding

KB = 1024


@pytest.fixture
def asked() -> list[str]:
    """The arguments that the cached function was really called with."""
    return []


@pytest.fixture
def length(asked: list[str]) -> Cached[[str], str]:
    def computed(text: str) -> str:
        asked.append(text)
        return f"{len(text)} characters"

    return hashed_cache(most_bytes=64 * KB)(computed)


def test_hashed_cache_computes_a_value_once(length: Cached[[str], str], asked: list[str]) -> None:
    assert [length("ab"), length("ab"), length("c")] == ["2 characters", "2 characters", "1 characters"]
    assert asked == ["ab", "c"]


def test_hashed_cache_keeps_none_values() -> None:
    made: Iterator[None] = iter([None])
    find = hashed_cache(most_bytes=KB)(lambda _: next(made))
    assert [find(1), find(1)] == [None, None]


def test_hashed_cache_keeps_no_argument() -> None:
    find = hashed_cache(most_bytes=KB)(len)
    find("".join(reversed("eno-ydobemos")))
    assert objects_holding("somebody" + "-one") == []


def test_hashed_cache_stays_within_its_bytes() -> None:
    rng = random.Random(1)
    find = hashed_cache(most_bytes=256 * KB)(lambda number: {"key": "x" * rng.randrange(3000), "number": number})
    for number in range(5000):
        find(number)
    assert 64 * KB < cached_bytes(find) <= 256 * KB


def test_hashed_cache_does_not_keep_an_oversized_value(length: Cached[[str], str]) -> None:
    find = hashed_cache(most_bytes=8 * KB)(lambda size: "x" * size)
    find(10)
    find(5 * KB)
    assert cached_bytes(find) < KB


def test_hashed_cache_keeps_frequently_used_values(length: Cached[[str], str], asked: list[str]) -> None:
    for number in range(10_000):
        length("often")
        length(str(number))
    assert asked.count("often") == 1


def test_forget_all_empties_every_cache(length: Cached[[str], str], asked: list[str]) -> None:
    read_agent("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")
    length("ab")
    forget_all()
    assert cached_bytes(read_agent) == 0
    length("ab")
    assert asked == ["ab", "ab"]


def test_size_bytes_counts_nested_values() -> None:
    assert size_bytes({"a": ("x" * 1000, ["y" * 1000])}) > 2000
    assert size_bytes(read_agent("x")) > 100
    assert ENTRY_BYTES > 0


def test_keyed_digest_differs_between_arguments() -> None:
    given = [("a", None), ("a", "None"), ("a", 1), ("a", True), ("a\ud800",), ()]
    assert len({keyed_digest(each) for each in given}) == len(given)
    assert keyed_digest(("a",)) == keyed_digest(("a",))
