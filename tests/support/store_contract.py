"""What the table may rely on: one suite over every store, whose class inherits it and has a fixture ``store``."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import ClassVar, TypeVar

import pytest

from mallard.errors import ConflictError, StoreUnavailableError
from mallard.store.base import Store

KEY = "events/site_id=a/date=2026-01-02/00000.parquet"

T = TypeVar("T")


def content(store: Store, key: str) -> bytes | None:
    stored = store.get(key)
    return stored.data if stored else None


def keys(store: Store, prefix: str) -> list[str]:
    return [row.key for row in store.list(prefix)]


def at_once(number: int, work: Callable[[int], T]) -> list[T]:
    """Run ``work(0)``, ``work(1)``, … in threads that start together."""
    barrier = Barrier(number)

    def start(index: int) -> T:
        barrier.wait()
        return work(index)

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(start, range(number)))


class StoreContract:
    """What holds for one writer alone; ``page_rows`` is how many rows the server puts on a page of a listing."""

    page_rows: ClassVar[int] = 1000

    def test_object_is_read_back_byte_for_byte(self, store: Store) -> None:
        data = bytes(range(256)) * 5
        etag = store.put_if_absent(KEY, data)
        stored = store.get(KEY)
        assert stored is not None
        assert (stored.data, stored.etag) == (data, etag)

    def test_empty_object_is_stored(self, store: Store) -> None:
        store.put_if_absent(KEY, b"")
        assert content(store, KEY) == b""

    def test_get_of_an_absent_object_is_none(self, store: Store) -> None:
        store.put_if_absent(KEY, b"1")
        assert store.get("events/site_id=a/date=2026-01-02/00001.parquet") is None
        assert store.get("other/folder/key") is None

    def test_escaped_key_is_kept(self, store: Store) -> None:
        key = "events/site_id=localhost%3A8000/date=2026-01-02/00000.parquet"
        store.put_if_absent(key, b"1")
        assert content(store, key) == b"1"
        assert keys(store, "events/site_id=localhost%3A8000/") == [key]

    def test_an_existing_object_is_not_created_again(self, store: Store) -> None:
        store.put_if_absent(KEY, b"first")
        with pytest.raises(ConflictError):
            store.put_if_absent(KEY, b"second")
        assert content(store, KEY) == b"first"

    def test_object_is_replaced_with_its_current_etag(self, store: Store) -> None:
        first = store.put_if_absent(KEY, b"first")
        second = store.put_if_match(KEY, b"second", first)
        stored = store.get(KEY)
        assert stored is not None
        assert (stored.data, stored.etag) == (b"second", second)

    def test_write_has_a_unique_etag(self, store: Store) -> None:
        etags = [store.put_if_absent(KEY, b"0")]
        for number in range(1, 5):
            etags.append(store.put_if_match(KEY, b"%d" % number, etags[-1]))
        assert len(set(etags)) == 5

    def test_a_stale_etag_is_refused(self, store: Store) -> None:
        first = store.put_if_absent(KEY, b"first")
        store.put_if_match(KEY, b"second", first)
        with pytest.raises(ConflictError):
            store.put_if_match(KEY, b"third", first)
        assert content(store, KEY) == b"second"

    def test_an_absent_object_is_not_replaced(self, store: Store) -> None:
        etag = store.put_if_absent(KEY, b"1")
        store.delete(KEY)
        with pytest.raises(ConflictError):
            store.put_if_match(KEY, b"2", etag)
        assert store.get(KEY) is None
        with pytest.raises(ConflictError):
            store.put_if_match("never/there", b"2", etag)
        assert keys(store, "") == []

    def test_deleted_object_is_gone_and_its_key_is_free(self, store: Store) -> None:
        store.put_if_absent(KEY, b"1")
        store.delete(KEY)
        assert store.get(KEY) is None
        assert keys(store, "") == []
        store.put_if_absent(KEY, b"2")
        assert content(store, KEY) == b"2"

    def test_delete_of_an_absent_object_does_nothing(self, store: Store) -> None:
        store.delete(KEY)
        store.delete("never/there")

    def test_a_listing_has_keys_and_sizes_in_order_of_key(self, store: Store) -> None:
        for key in ("b/2", "b/10", "a.com/1", "a/1", "a-b/1", "b/1/2"):
            store.put_if_absent(key, key.encode())
        rows = list(store.list(""))
        assert [row.key for row in rows] == ["a-b/1", "a.com/1", "a/1", "b/1/2", "b/10", "b/2"]
        assert [row.size_bytes for row in rows] == [len(row.key) for row in rows]

    def test_a_prefix_with_a_slash_does_not_reach_a_longer_name(self, store: Store) -> None:
        for key in ("x/a/1", "x/ab/1", "x/a.b/1"):
            store.put_if_absent(key, b"")
        assert keys(store, "x/a/") == ["x/a/1"]

    def test_listing_prefix_may_end_within_a_name(self, store: Store) -> None:
        for key in ("salts/a-1", "salts/a-2", "salts/b-1", "other/a-1"):
            store.put_if_absent(key, b"")
        assert keys(store, "salts/a-") == ["salts/a-1", "salts/a-2"]

    def test_listing_of_an_absent_prefix_is_empty(self, store: Store) -> None:
        assert keys(store, "") == []
        assert keys(store, "events/site_id=a/") == []

    def test_listings_of_many_pages_are_complete(self, store: Store) -> None:
        folders = [f"many/{number:04d}/" for number in range(2 * self.page_rows + 1)]
        expected = [f"{folder}x" for folder in folders]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda key: store.put_if_absent(key, b""), reversed(expected)))
        assert keys(store, "many/") == expected
        assert [row.key for row in store.list("many/", start_after=expected[2])] == expected[3:]
        assert list(store.list_folders("many/")) == folders

    def test_a_listing_starts_after_a_key(self, store: Store) -> None:
        days = [f"e/date=2026-03-{day:02d}/{number}" for day in (1, 2, 10) for number in (0, 1)]
        for key in ("e/date=2026-03-02.x", "e-", "f/date=2026-03-02/0", *days):
            store.put_if_absent(key, b"")

        def after(key: str, prefix: str = "e/") -> list[str]:
            return [row.key for row in store.list(prefix, start_after=key)]

        assert after("e/date=2026-03-02") == ["e/date=2026-03-02.x", *days[2:]]
        assert after("e/date=2026-03-02.x") == days[2:]
        assert after(days[2]) == days[3:]
        assert after("e/date=2026-03-03") == days[4:]
        assert after(days[-1]) == []
        assert after("d") == after("") == keys(store, "e/")
        assert after("z") == []
        assert after(days[4], "e/date=2026-03-1") == days[5:]
        assert after(days[3], "") == [*days[4:], "f/date=2026-03-02/0"]

    def test_list_folders_returns_folders_with_an_object_below(self, store: Store) -> None:
        for key in ("e/site_id=b/date=1/0", "e/site_id=b/date=2/0", "e/site_id=a%3A80/x", "e/file", "f/site_id=c/x"):
            store.put_if_absent(key, b"")
        assert list(store.list_folders("e/")) == ["e/site_id=a%3A80/", "e/site_id=b/"]
        assert list(store.list_folders("e/site_id=b/")) == ["e/site_id=b/date=1/", "e/site_id=b/date=2/"]
        assert list(store.list_folders("e/site_id=b")) == ["e/site_id=b/"]
        assert list(store.list_folders("")) == ["e/", "f/"]
        assert list(store.list_folders("g/")) == []
        store.delete("e/site_id=a%3A80/x")
        assert list(store.list_folders("e/")) == ["e/site_id=b/"]

    def test_a_listed_version_changes_with_each_replacement(self, store: Store) -> None:
        store.put_if_absent("other", b"1")
        etag = store.put_if_absent(KEY, b"1")
        before = {row.key: row.version for row in store.list("")}
        store.put_if_match(KEY, b"2", etag)
        after = {row.key: row.version for row in store.list("")}
        assert after[KEY] != before[KEY]
        assert after["other"] == before["other"]

    def test_a_pinned_object_does_not_show_a_later_swap(self, store: Store, tmp_path: Path) -> None:
        first = store.put_if_absent(KEY, b"first")
        pinned = store.pin(KEY, tmp_path / "pins")
        second = store.put_if_match(KEY, b"second, and longer", first)
        later = store.pin(KEY, tmp_path / "later pins")
        store.put_if_match(KEY, b"3", second)
        assert pinned == tmp_path / "pins" / KEY
        assert pinned.read_bytes() == b"first"
        assert later is not None
        assert later.read_bytes() == b"second, and longer"

    def test_pinned_object_is_readable_after_its_deletion(self, store: Store, tmp_path: Path) -> None:
        store.put_if_absent(KEY, b"first")
        pinned = store.pin(KEY, tmp_path / "pins")
        store.delete(KEY)
        assert pinned is not None
        assert pinned.read_bytes() == b"first"

    def test_an_absent_object_is_not_pinned(self, store: Store, tmp_path: Path) -> None:
        assert store.pin(KEY, tmp_path / "pins") is None

    def test_scratch_folder_exists_for_private_files(self, store: Store) -> None:
        assert store.scratch.is_dir()

    def test_listing_has_increasing_modification_times(self, store: Store) -> None:
        store.put_if_absent("first", b"1")
        etag = store.put_if_absent("second", b"1")
        first, second = (row.modified for row in store.list(""))
        assert 0 < first <= second
        store.put_if_match("second", b"2", etag)
        _, again = (row.modified for row in store.list(""))
        assert second <= again

    def test_replaced_and_deleted_objects_keep_no_versions(self, store: Store) -> None:
        etag = store.put_if_absent("salts/a", b"1")
        store.put_if_match("salts/a", b"2", etag)
        store.put_if_absent("salts/b", b"1")
        store.delete("salts/b")
        assert not store.keeps_versions()
        assert store.delete_old_versions("salts/") == 0
        assert content(store, "salts/a") == b"2"

    def test_server_time_is_near_the_local_clock(self, store: Store) -> None:
        told = store.server_time()
        assert told is None or abs(told - datetime.now(UTC)) < timedelta(seconds=60)


class SharedStoreContract(StoreContract):
    """What holds for any number of writers at once."""

    def test_creation_race_has_one_winner(self, store: Store) -> None:
        def race(key: str, index: int) -> bytes | None:
            data = b"%d" % index
            try:
                store.put_if_absent(key, data)
            except ConflictError:
                return None
            return data

        for number in range(3):
            key = f"race/{number}"
            winners = [data for data in at_once(8, partial(race, key)) if data is not None]
            assert winners == [content(store, key)]

    def test_swaps_from_many_threads_lose_no_update(self, store: Store) -> None:
        store.put_if_absent("names", b"[]")

        def add(name: str) -> None:
            while True:
                stored = store.get("names")
                assert stored is not None
                names = json.loads(stored.data)
                # A refused write surely is not there, an unclear one may be: reading tells.
                if name in names:
                    return
                with suppress(ConflictError, StoreUnavailableError):
                    store.put_if_match("names", json.dumps([*names, name]).encode(), stored.etag)

        def add_all(thread: int) -> None:
            for number in range(25):
                add(f"{thread}-{number}")

        at_once(4, add_all)
        names = json.loads(content(store, "names") or b"")
        assert sorted(names) == sorted(f"{thread}-{number}" for thread in range(4) for number in range(25))
