"""Private files of segments over a network: what is kept, what is let go, and that a reader's file stays."""

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mallard.errors import StoreUnavailableError
from mallard.store.base import Listed, Stored
from mallard.table.segment_cache import SegmentCache
from support.memory import MemoryStore

KEYS = ["events/site_id=a/date=2026-01-01/00000.parquet", "events/site_id=a/date=2026-01-02/00000.parquet"]
OTHER = "events/site_id=ab/date=2026-01-01/00000.parquet"
THREADS = 8
ROUNDS = 60


class Bucket(MemoryStore):
    """Says how often each key was read; its scratch is the test's own."""

    def __init__(self, scratch: Path) -> None:
        super().__init__()
        self._scratch = scratch
        self.reads: list[str] = []
        self.is_down = False

    @property
    def scratch(self) -> Path:
        return self._scratch

    def get(self, key: str) -> Stored | None:
        self.reads.append(key)
        if self.is_down:
            raise StoreUnavailableError("The bucket does not answer.")
        return super().get(key)

    def write(self, key: str, data: bytes) -> None:
        self._keep(key, data)

    def listed(self, *keys: str) -> list[Listed]:
        return [row for row in self.list("events/") if row.key in keys]


@pytest.fixture
def bucket(tmp_path: Path) -> Bucket:
    found = Bucket(tmp_path / "scratch")
    found.scratch.mkdir()
    for key in (*KEYS, OTHER):
        found.write(key, key.encode())
    return found


@pytest.fixture
def pins(bucket: Bucket) -> Iterator[SegmentCache]:
    with closing(SegmentCache(bucket)) as found:
        yield found


def taken(pins: SegmentCache, rows: list[Listed], folder: Path) -> list[bytes | None]:
    return [path.read_bytes() if path else None for path in pins.copy_to(rows, folder)]


def kept_bytes(bucket: Bucket) -> int:
    return sum(file.stat().st_size for file in bucket.scratch.rglob("*") if file.is_file())


def test_segment_cache_does_not_refetch_a_cached_version(bucket: Bucket, pins: SegmentCache, tmp_path: Path) -> None:
    rows = bucket.listed(*KEYS)
    assert taken(pins, rows, tmp_path / "1") == taken(pins, rows, tmp_path / "2") == [key.encode() for key in KEYS]
    assert sorted(bucket.reads) == KEYS


def test_segment_cache_replaces_the_old_version_of_a_segment(
    bucket: Bucket, pins: SegmentCache, tmp_path: Path
) -> None:
    pins.copy_to(bucket.listed(*KEYS), tmp_path / "1")
    bucket.write(KEYS[0], b"grown")
    assert taken(pins, bucket.listed(*KEYS), tmp_path / "2") == [b"grown", KEYS[1].encode()]
    assert sorted(bucket.reads) == sorted([*KEYS, KEYS[0]])
    assert kept_bytes(bucket) == len(b"grown") + len(KEYS[1])


def test_segment_that_grew_after_the_listing_is_cached_in_its_new_version(
    bucket: Bucket, pins: SegmentCache, tmp_path: Path
) -> None:
    before = bucket.listed(KEYS[0])
    bucket.write(KEYS[0], b"grown")
    assert taken(pins, before, tmp_path / "1") == [b"grown"]
    assert taken(pins, bucket.listed(KEYS[0]), tmp_path / "2") == [b"grown"]
    assert bucket.reads == [KEYS[0]]


def test_deleted_segment_has_no_file(bucket: Bucket, pins: SegmentCache, tmp_path: Path) -> None:
    rows = bucket.listed(*KEYS)
    bucket.delete(KEYS[0])
    assert taken(pins, rows, tmp_path / "1") == [None, KEYS[1].encode()]


def test_segment_cache_evicts_the_least_recently_used_above_its_limit(bucket: Bucket, tmp_path: Path) -> None:
    with closing(SegmentCache(bucket, max_bytes=2 * len(OTHER))) as pins:
        pins.copy_to(bucket.listed(*KEYS), tmp_path / "1")
        pins.copy_to(bucket.listed(KEYS[0]), tmp_path / "2")
        pins.copy_to(bucket.listed(OTHER), tmp_path / "3")
        bucket.reads.clear()
        pins.copy_to(bucket.listed(KEYS[0]), tmp_path / "4")
        assert bucket.reads == []
        assert kept_bytes(bucket) <= 2 * len(OTHER)
        pins.copy_to(bucket.listed(KEYS[1]), tmp_path / "5")
        assert bucket.reads == [KEYS[1]]


def test_segment_cache_has_room_for_half_of_its_limit(bucket: Bucket) -> None:
    rows = bucket.listed(*KEYS)
    size = sum(row.size_bytes for row in rows)
    with (
        closing(SegmentCache(bucket, max_bytes=2 * size)) as enough,
        closing(SegmentCache(bucket, max_bytes=2 * size - 1)) as less,
    ):
        assert (enough.has_room_for(rows), less.has_room_for(rows)) == (True, False)


def test_segment_cache_eviction_keeps_the_file_of_a_reader(bucket: Bucket, pins: SegmentCache, tmp_path: Path) -> None:
    (path,) = pins.copy_to(bucket.listed(KEYS[0]), tmp_path / "1")
    pins.forget()
    assert kept_bytes(bucket) == 0
    assert path is not None
    assert path.read_bytes() == KEYS[0].encode()


def test_segment_cache_drops_segments_missing_from_a_listing_of_their_site(
    bucket: Bucket, pins: SegmentCache, tmp_path: Path
) -> None:
    rows = bucket.listed(*KEYS, OTHER)
    pins.copy_to(rows, tmp_path / "1")
    pins.forget_replaced("events/site_id=a/", {KEYS[0]: rows[0].version, KEYS[1]: "another"})
    bucket.reads.clear()
    pins.copy_to(rows, tmp_path / "2")
    assert bucket.reads == [KEYS[1]]


def test_segment_cache_raises_after_all_fetches_have_ended(bucket: Bucket, pins: SegmentCache, tmp_path: Path) -> None:
    rows = bucket.listed(*KEYS)
    bucket.is_down = True
    with pytest.raises(StoreUnavailableError):
        pins.copy_to(rows, tmp_path / "1")
    bucket.is_down = False
    assert None not in taken(pins, rows, tmp_path / "2")


def test_segment_cache_refetches_files_deleted_from_disk(bucket: Bucket, pins: SegmentCache, tmp_path: Path) -> None:
    rows = bucket.listed(*KEYS)
    pins.copy_to(rows, tmp_path / "1")
    for file in bucket.scratch.rglob("*"):
        if file.is_file():
            file.unlink()
    assert taken(pins, rows, tmp_path / "2") == [key.encode() for key in KEYS]


def test_segment_cache_gives_concurrent_readers_whole_files(bucket: Bucket, tmp_path: Path) -> None:
    """Each version is its number, many times; room is for one of three, so that files are let go all the time."""
    wrong: list[object] = []

    def text(number: int) -> bytes:
        return b"%04d" % number * 500

    def look(name: int, pins: SegmentCache) -> None:
        for number in range(ROUNDS):
            low = int(bucket.objects[KEYS[0]][:4])
            rows = bucket.listed(*KEYS, OTHER)
            for key, found in zip(
                sorted(bucket.objects), taken(pins, rows, tmp_path / f"{name}-{number}"), strict=True
            ):
                if found is None or found != text(int(found[:4])) or (key == KEYS[0] and int(found[:4]) < low):
                    wrong.append((key, found))

    for key in (*KEYS, OTHER):
        bucket.write(key, text(0))
    with closing(SegmentCache(bucket, max_bytes=3000)) as pins:
        threads = [threading.Thread(target=look, args=(name, pins)) for name in range(THREADS)]
        for each in threads:
            each.start()
        for number in range(1, ROUNDS):
            bucket.write(KEYS[0], text(number))
        for each in threads:
            each.join()
    assert wrong == []
    assert list(bucket.scratch.iterdir()) == []
