"""Real servers: who keeps the conditions of writes passes the whole suite, who does not is refused in a sentence."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from functools import cache
from pathlib import Path

import duckdb
import pytest

from mallard.errors import StoreUnavailableError, UnsafeStoreError
from mallard.queue.local import LocalQueue
from mallard.store.base import Store
from mallard.store.failed_probe import FAILED_KEY
from mallard.store.lease import Lease
from mallard.store.probe import probe_writes, require_conditional_writes
from mallard.store.s3 import S3Store
from mallard.store.single_writer import SingleWriterS3Store
from mallard.table.writer import TableWriter
from support.ceph import ceph
from support.lax_servers import nanio, rclone, s3rver
from support.ministack import ministack
from support.rows import HERE, deliveries, event, events, stored_ids
from support.s3 import Server
from support.server import Server as Serving
from support.store_contract import SharedStoreContract, StoreContract
from support.swift import swift

pytestmark = pytest.mark.heavy

WRITERS = 3


class SafeServer(SharedStoreContract):
    """What a server must pass beyond the suite: the probe, racing writers, DuckDB with signatures."""

    @pytest.fixture
    def store(self, server: Server) -> Store:
        return server.new_store("some/prefix")

    def test_probe_passes_on_a_safe_server(self, store: Store) -> None:
        assert [each for each in probe_writes(store) if not each.ok] == []
        assert list(store.list("")) == []

    def test_racing_writers_neither_lose_nor_double_events(self, store: Store) -> None:
        def write(first: int) -> None:
            table = TableWriter(store, seal_rows=40)
            for number in range(first, 60, WRITERS):
                # Two of the writers are given each event, as a queue may deliver twice.
                table.append(HERE, deliveries(events(number, (number + 1) % 60)))

        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(write, range(WRITERS)))
        assert stored_ids(store) == list(range(60))

    def test_duckdb_reads_the_table_in_place(self, store: Store) -> None:
        TableWriter(store).append(HERE, deliveries(events(1, 2, 3)))
        with duckdb.connect() as connection:
            for statement in store.reader_setup():
                connection.execute(statement)
            found = connection.execute(
                "SELECT count(*), any_value(site_id) FROM read_parquet(?, hive_partitioning = true)",
                [store.location("events/**/*.parquet")],
            ).fetchone()
        assert found == (3, HERE.site_id)

    def test_delete_old_versions_empties_a_versioned_bucket(self, server: Server) -> None:
        store = server.new_store()
        server.client.put_bucket_versioning(Bucket=store.bucket, VersioningConfiguration={"Status": "Enabled"})
        for data in (b"1", b"2"):
            store.put("salts/a", data)
        store.delete("salts/a")
        assert store.keeps_versions()
        kept = server.client.list_object_versions(Bucket=store.bucket)["Versions"]
        answers = [
            server.client.get_object(Bucket=store.bucket, Key="salts/a", VersionId=each["VersionId"]) for each in kept
        ]
        assert {each["Body"].read() for each in answers} == {b"1", b"2"}
        assert store.delete_old_versions("salts/") == 3
        assert store.get("salts/a") is None
        left = server.client.list_object_versions(Bucket=store.bucket)
        assert not left.get("Versions")
        assert not left.get("DeleteMarkers")


@pytest.fixture(scope="module")
def ministack_server() -> Iterator[Server]:
    with ministack() as address:
        yield Server(address)


@pytest.fixture(scope="module")
def ceph_server() -> Iterator[Server]:
    with ceph() as running:
        yield running


class TestMinistack(SafeServer):
    @pytest.fixture
    def server(self, ministack_server: Server) -> Server:
        return ministack_server


class TestCeph(SafeServer):
    @pytest.fixture
    def server(self, ceph_server: Server) -> Server:
        return ceph_server

    def test_a_versioned_bucket_keeps_no_conditions_and_is_refused(self, server: Server) -> None:
        store = server.new_store()
        server.client.put_bucket_versioning(Bucket=store.bucket, VersioningConfiguration={"Status": "Enabled"})
        with pytest.raises(UnsafeStoreError, match=r"^The store ignores If-None-Match and overwrites an object"):
            require_conditional_writes(store)

    def test_a_wrong_key_is_unavailable(self, server: Server) -> None:
        stranger = Server(server.address)
        store = S3Store(stranger.session, stranger.client, server.new_bucket())
        with pytest.raises(StoreUnavailableError, match="InvalidAccessKeyId"):
            store.get("a")
        with pytest.raises(StoreUnavailableError, match="InvalidAccessKeyId"):
            store.put_if_absent("a", b"1")


IGNORES = {
    "taken name": "The store ignores If-None-Match and overwrites an object.",
    "stale version": "The store ignores If-Match and overwrites a newer version.",
    "absent object": "The store ignores If-Match and creates an object that is absent.",
    "race for a name": "The store accepts both of two simultaneous writes with If-None-Match, and one of them is lost.",
    "race for a version": "The store accepts both of two simultaneous writes with If-Match, and one of them is lost.",
}
NAMES = "The store says that it does not know writes with If-None-Match."
VERSIONS = "The store says that it does not know writes with If-Match."
UNSAFE: dict[str, tuple[Callable[[], AbstractContextManager[Server]], dict[str, str]]] = {
    "rclone": (rclone, IGNORES),
    "nanio": (nanio, IGNORES),
    "s3rver": (s3rver, IGNORES),
    "swift": (
        swift,
        {"reads": NAMES, "taken name": NAMES, "swap": VERSIONS, "stale version": VERSIONS, "absent object": VERSIONS,
         "race for a name": NAMES, "race for a version": VERSIONS},
    ),
}  # fmt: skip


class SingleWriterServer(StoreContract):
    """What holds on a server that ignores conditions or knows none, where there is one writer.

    Not on nanio, which refuses the signature of a key with an escape, nor on s3rver, which lists folder by folder.
    """

    page_rows = 50
    """Not its own size of a page: these servers are slow, and a second page is not what sets them apart."""

    @pytest.fixture
    def store(self, server: Server) -> Store:
        return server.new_store("some/prefix", SingleWriterS3Store)


@pytest.fixture(scope="module")
def unsafe_server() -> Iterator[Callable[[str], Server]]:
    """Gives an unsafe server by its name, which is started once."""
    with ExitStack() as started:
        yield cache(lambda name: started.enter_context(UNSAFE[name][0]()))


class TestRclone(SingleWriterServer):
    @pytest.fixture
    def server(self, unsafe_server: Callable[[str], Server]) -> Server:
        return unsafe_server("rclone")


class TestSwift(SingleWriterServer):
    @pytest.fixture
    def server(self, unsafe_server: Callable[[str], Server]) -> Server:
        return unsafe_server("swift")


def fill_queue(data: Path, *numbers: int) -> None:
    """The queue in a data folder holds these events too."""
    queue = LocalQueue(data / "queue" / "queue.sqlite")
    queue.send([event(number).to_message() for number in numbers])
    queue.close()


def mallard_flush(server: Server, store: S3Store, data: Path, **settings: str) -> "subprocess.CompletedProcess[str]":
    """`mallard flush` of the queue in a data folder, in a process of its own."""
    environment = {
        **os.environ,
        **server.credentials,
        **settings,
        "MALLARD_DATA_DIR": str(data),
        "MALLARD_STORE": f"s3://{store.bucket}",
        "MALLARD_S3_ENDPOINT": server.address,
    }
    command = [sys.executable, "-m", "mallard", "flush"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("name", UNSAFE)
def test_unsafe_server_is_detected_and_not_flushed_to(
    name: str, unsafe_server: Callable[[str], Server], tmp_path: Path
) -> None:
    server, (_, wrong) = unsafe_server(name), UNSAFE[name]
    fill_queue(tmp_path, 1)
    store = server.new_store()
    assert {each.name: each.sentence for each in probe_writes(store, rounds=3) if not each.ok} == wrong
    ended = mallard_flush(server, store, tmp_path)
    # At most the note that it failed, where it can be written at all: no shorter probe lets it pass.
    assert {row.key for row in store.list("")} <= {FAILED_KEY}
    first = next(iter(wrong.values())).rstrip(".")
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith(f"mallard: {first}; events would be lost: use another server")
    queue = LocalQueue(tmp_path / "queue" / "queue.sqlite")
    assert queue.depth() == 1
    queue.close()


@pytest.mark.parametrize("name", UNSAFE)
def test_a_single_writer_flushes_each_event_once_to_an_unsafe_server(
    name: str, unsafe_server: Callable[[str], Server], tmp_path: Path
) -> None:
    server = unsafe_server(name)
    store = server.new_store(kind=SingleWriterS3Store)
    for numbers in ((1, 2), (2, 3)):
        fill_queue(tmp_path, *numbers)
        ended = mallard_flush(server, store, tmp_path, MALLARD_SINGLE_WRITER="true")
        assert ended.returncode == 0, ended.stderr
    assert stored_ids(store) == [1, 2, 3]
    assert len(list(store.list(HERE.prefix))) == 2


def test_serve_as_a_single_writer_accepts_flushes_and_answers(
    unsafe_server: Callable[[str], Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = unsafe_server("rclone")
    store = server.new_store(kind=SingleWriterS3Store)
    for name, value in server.credentials.items():
        monkeypatch.setenv(name, value)
    settings = {
        "MALLARD_STORE": f"s3://{store.bucket}",
        "MALLARD_S3_ENDPOINT": server.address,
        "MALLARD_SINGLE_WRITER": "true",
        "MALLARD_FLUSH_INTERVAL": "1",
    }
    with Serving(tmp_path / "data", **settings) as serving:
        for number in range(3):
            assert serving.send(u=f"https://example.com/{number}") == 202
        serving.wait_until_flushed()
        assert serving.main(period="today")["total_pageviews"] == 3
    names = [row.key for row in store.list("events/")]
    # It gave its lease back, so the next process need not wait for the end of it.
    assert Lease(store, "another", sleep=lambda seconds: None).acquire() is None
    assert names
    assert all(re.fullmatch(r"[0-9]{5}-[0-9a-f]{8}\.parquet", name.rpartition("/")[2]) for name in names)
