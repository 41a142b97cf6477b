"""One suite over every store, the fake included: what the table may rely on."""

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from socket import create_server
from threading import Barrier
from typing import TYPE_CHECKING, TypeVar
from unittest.mock import patch

import boto3
import pytest

from mallard.errors import ConflictError, StoreUnavailableError
from mallard.store.base import Store
from mallard.store.local import LocalStore
from mallard.store.s3 import S3Store, client_config, connect
from support.memory import MemoryStore
from support.moto import CREDENTIALS, REGION, moto_server

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

KEY = "events/site_id=a/date=2026-01-02/00000.parquet"
BUCKET_NUMBERS = count()
PAGE_ROWS = 10

T = TypeVar("T")


@dataclass(frozen=True)
class Server:
    """One client for all tests: making one takes longer than most of them."""

    session: boto3.Session
    client: "S3Client"


@pytest.fixture(scope="module")
def s3() -> Iterator[Server]:
    with moto_server() as address:
        session = boto3.Session()
        yield Server(session, session.client("s3", endpoint_url=address, config=client_config()))


@pytest.fixture(params=["memory", "local", "s3", "s3 with prefix"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "memory":
        return MemoryStore()
    if request.param == "local":
        return LocalStore(tmp_path / "store")
    server: Server = request.getfixturevalue("s3")
    bucket = f"bucket-{next(BUCKET_NUMBERS)}"
    server.client.create_bucket(Bucket=bucket)
    return S3Store(server.session, server.client, bucket, "some/prefix" if "prefix" in request.param else "")


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


def test_an_object_comes_back_byte_for_byte(store: Store) -> None:
    data = bytes(range(256)) * 5
    etag = store.put_if_absent(KEY, data)
    stored = store.get(KEY)
    assert stored is not None
    assert (stored.data, stored.etag) == (data, etag)


def test_an_empty_object_is_an_object(store: Store) -> None:
    store.put_if_absent(KEY, b"")
    assert content(store, KEY) == b""


def test_an_absent_object_is_none(store: Store) -> None:
    store.put_if_absent(KEY, b"1")
    assert store.get("events/site_id=a/date=2026-01-02/00001.parquet") is None
    assert store.get("other/folder/key") is None


def test_a_key_with_an_escape_keeps_it(store: Store) -> None:
    key = "events/site_id=localhost%3A8000/date=2026-01-02/00000.parquet"
    store.put_if_absent(key, b"1")
    assert content(store, key) == b"1"
    assert keys(store, "events/site_id=localhost%3A8000/") == [key]


def test_an_existing_object_is_not_created_again(store: Store) -> None:
    store.put_if_absent(KEY, b"first")
    with pytest.raises(ConflictError):
        store.put_if_absent(KEY, b"second")
    assert content(store, KEY) == b"first"


def test_an_object_is_replaced_by_who_read_it(store: Store) -> None:
    first = store.put_if_absent(KEY, b"first")
    second = store.put_if_match(KEY, b"second", first)
    stored = store.get(KEY)
    assert stored is not None
    assert (stored.data, stored.etag) == (b"second", second)


def test_every_write_has_an_etag_of_its_own(store: Store) -> None:
    etags = [store.put_if_absent(KEY, b"0")]
    for number in range(1, 5):
        etags.append(store.put_if_match(KEY, b"%d" % number, etags[-1]))
    assert len(set(etags)) == 5


def test_a_stale_etag_is_refused(store: Store) -> None:
    first = store.put_if_absent(KEY, b"first")
    store.put_if_match(KEY, b"second", first)
    with pytest.raises(ConflictError):
        store.put_if_match(KEY, b"third", first)
    assert content(store, KEY) == b"second"


def test_an_absent_object_is_not_replaced(store: Store) -> None:
    etag = store.put_if_absent(KEY, b"1")
    store.delete(KEY)
    with pytest.raises(ConflictError):
        store.put_if_match(KEY, b"2", etag)
    assert store.get(KEY) is None
    with pytest.raises(ConflictError):
        store.put_if_match("never/there", b"2", etag)
    assert keys(store, "") == []


def test_a_deleted_object_is_gone_and_its_name_free(store: Store) -> None:
    store.put_if_absent(KEY, b"1")
    store.delete(KEY)
    assert store.get(KEY) is None
    assert keys(store, "") == []
    store.put_if_absent(KEY, b"2")
    assert content(store, KEY) == b"2"


def test_deleting_what_is_not_there_does_nothing(store: Store) -> None:
    store.delete(KEY)
    store.delete("never/there")


def test_a_listing_has_keys_and_sizes_in_order_of_key(store: Store) -> None:
    for key in ("b/2", "b/10", "a.com/1", "a/1", "a-b/1", "b/1/2"):
        store.put_if_absent(key, key.encode())
    rows = list(store.list(""))
    assert [row.key for row in rows] == ["a-b/1", "a.com/1", "a/1", "b/1/2", "b/10", "b/2"]
    assert [row.size_bytes for row in rows] == [len(row.key) for row in rows]


def test_a_prefix_with_a_slash_does_not_reach_a_longer_name(store: Store) -> None:
    for key in ("x/a/1", "x/ab/1", "x/a.b/1"):
        store.put_if_absent(key, b"")
    assert keys(store, "x/a/") == ["x/a/1"]


def test_a_prefix_may_end_within_a_name(store: Store) -> None:
    for key in ("salts/a-1", "salts/a-2", "salts/b-1", "other/a-1"):
        store.put_if_absent(key, b"")
    assert keys(store, "salts/a-") == ["salts/a-1", "salts/a-2"]


def test_nothing_is_listed_where_there_is_nothing(store: Store) -> None:
    assert keys(store, "") == []
    assert keys(store, "events/site_id=a/") == []


def test_a_listing_of_many_pages_is_whole(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", str(PAGE_ROWS))
    expected = [f"many/{number:04d}" for number in range(2 * PAGE_ROWS + 1)]
    for key in reversed(expected):
        store.put_if_absent(key, b"")
    assert keys(store, "many/") == expected


def test_a_listed_version_changes_with_each_replacement(store: Store) -> None:
    store.put_if_absent("other", b"1")
    etag = store.put_if_absent(KEY, b"1")
    before = {row.key: row.version for row in store.list("")}
    store.put_if_match(KEY, b"2", etag)
    after = {row.key: row.version for row in store.list("")}
    assert after[KEY] != before[KEY]
    assert after["other"] == before["other"]


def test_a_race_for_a_name_has_one_winner(store: Store) -> None:
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


def test_swaps_from_many_threads_lose_nothing(store: Store) -> None:
    store.put_if_absent("counter", b'{"count": 0}')

    def increment(_: int) -> None:
        for _ in range(25):
            while True:
                stored = store.get("counter")
                assert stored is not None
                value = {"count": json.loads(stored.data)["count"] + 1}
                try:
                    store.put_if_match("counter", json.dumps(value).encode(), stored.etag)
                    break
                except ConflictError:
                    continue

    at_once(4, increment)
    assert content(store, "counter") == b'{"count": 100}'


def test_a_pinned_object_does_not_show_a_later_swap(store: Store, tmp_path: Path) -> None:
    first = store.put_if_absent(KEY, b"first")
    pinned = store.pin(KEY, tmp_path / "pins")
    second = store.put_if_match(KEY, b"second, and longer", first)
    later = store.pin(KEY, tmp_path / "later pins")
    store.put_if_match(KEY, b"3", second)
    assert pinned == tmp_path / "pins" / KEY
    assert pinned.read_bytes() == b"first"
    assert later is not None
    assert later.read_bytes() == b"second, and longer"


def test_an_object_deleted_after_it_was_pinned_can_be_read(store: Store, tmp_path: Path) -> None:
    store.put_if_absent(KEY, b"first")
    pinned = store.pin(KEY, tmp_path / "pins")
    store.delete(KEY)
    assert pinned is not None
    assert pinned.read_bytes() == b"first"


def test_an_absent_object_is_not_pinned(store: Store, tmp_path: Path) -> None:
    assert store.pin(KEY, tmp_path / "pins") is None


def test_private_files_of_readers_have_a_place(store: Store) -> None:
    assert store.scratch.is_dir()


Call = Callable[[Store, Path], object]
CALLS: dict[str, Call] = {
    "get": lambda store, _: store.get(KEY),
    "put_if_absent": lambda store, _: store.put_if_absent(KEY, b""),
    "put_if_match": lambda store, _: store.put_if_match(KEY, b"", "0" * 32),
    "delete": lambda store, _: store.delete(KEY),
    "list": lambda store, _: list(store.list("")),
    "pin": lambda store, folder: store.pin(KEY, folder),
}


@pytest.fixture(scope="module")
def unanswered() -> Store:
    """A store at an address where no server answers."""
    with closing(create_server(("127.0.0.1", 0))) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
    with patch.dict(os.environ, CREDENTIALS):
        return connect("s3://bucket", endpoint=address, region=REGION)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_server_that_does_not_answer_is_unavailable(call: Call, unanswered: Store, tmp_path: Path) -> None:
    with patch.dict(os.environ, CREDENTIALS), pytest.raises(StoreUnavailableError):
        call(unanswered, tmp_path)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_bucket_that_is_not_there_is_unavailable(call: Call, s3: Server, tmp_path: Path) -> None:
    store = S3Store(s3.session, s3.client, "never-made")
    with pytest.raises(StoreUnavailableError):
        call(store, tmp_path)


WRITES = {name: CALLS[name] for name in ("put_if_absent", "put_if_match", "delete")}


@pytest.mark.parametrize("call", WRITES.values(), ids=WRITES)
def test_a_folder_that_became_unusable_is_unavailable(call: Call, tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    (tmp_path / "store").rename(tmp_path / "moved")
    (tmp_path / "store").write_bytes(b"a file")
    with pytest.raises(StoreUnavailableError):
        call(store, tmp_path)


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreUnavailableError):
        LocalStore(tmp_path / "file")
