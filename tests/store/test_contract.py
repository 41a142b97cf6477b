"""The suite of every store over those that need no peer, and what is unavailable to each."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from socket import socket
from unittest.mock import patch

import pytest

from mallard.errors import StoreUnavailableError
from mallard.store.base import Store
from mallard.store.local import LocalStore
from mallard.store.s3 import S3Store, connect
from mallard.store.single_writer import SingleWriterS3Store
from support.memory import MemoryStore
from support.moto import CREDENTIALS, REGION, moto_server
from support.s3 import Server
from support.store_contract import KEY, SharedStoreContract, StoreContract


@pytest.fixture(scope="module")
def s3() -> Iterator[Server]:
    with moto_server() as address:
        yield Server(address)


class TestMemory(SharedStoreContract):
    page_rows = 10

    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore()


class TestLocal(SharedStoreContract):
    page_rows = 10

    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return LocalStore(tmp_path / "store")


class TestSingleWriter(StoreContract):
    """Without conditions, for one writer alone."""

    page_rows = 10

    @pytest.fixture
    def store(self, s3: Server, monkeypatch: pytest.MonkeyPatch) -> Store:
        monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", str(self.page_rows))
        return s3.new_store("prefix", SingleWriterS3Store)


class TestMoto(SharedStoreContract):
    page_rows = 10

    @pytest.fixture(
        params=[
            # Quick only below a prefix: the two differ in the beginning of a key alone.
            pytest.param("", id="bucket", marks=[pytest.mark.heavy, pytest.mark.divided]),
            pytest.param("some/prefix", id="prefix"),
        ]
    )
    def store(self, request: pytest.FixtureRequest, s3: Server, monkeypatch: pytest.MonkeyPatch) -> Store:
        monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", str(self.page_rows))
        return s3.new_store(request.param)


Call = Callable[[Store, Path], object]
CALLS: dict[str, Call] = {
    "get": lambda store, _: store.get(KEY),
    "put_if_absent": lambda store, _: store.put_if_absent(KEY, b""),
    "put_if_match": lambda store, _: store.put_if_match(KEY, b"", "0" * 32),
    "delete": lambda store, _: store.delete(KEY),
    "list": lambda store, _: list(store.list("")),
    "list_folders": lambda store, _: list(store.list_folders("")),
    "pin": lambda store, folder: store.pin(KEY, folder),
    "keeps_versions": lambda store, _: store.keeps_versions(),
    "delete_old_versions": lambda store, _: store.delete_old_versions(""),
    "server_time": lambda store, _: store.server_time(),
}


@pytest.fixture(scope="module")
def unanswered() -> Iterator[Store]:
    """A store at an address where no server answers, and none comes to: it is bound."""
    with closing(socket()) as silent, patch.dict(os.environ, CREDENTIALS):
        silent.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        yield connect("s3://bucket", endpoint=address, region=REGION)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_unreachable_server_is_unavailable(call: Call, unanswered: Store, tmp_path: Path) -> None:
    with patch.dict(os.environ, CREDENTIALS), pytest.raises(StoreUnavailableError):
        call(unanswered, tmp_path)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_missing_bucket_is_unavailable(call: Call, s3: Server, tmp_path: Path) -> None:
    store = S3Store(s3.session, s3.client, "never-made")
    with pytest.raises(StoreUnavailableError):
        call(store, tmp_path)


WRITES = {name: CALLS[name] for name in ("put_if_absent", "put_if_match", "delete")}


@pytest.mark.parametrize("call", WRITES.values(), ids=WRITES)
def test_folder_that_became_unusable_is_unavailable(call: Call, tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    (tmp_path / "store").rename(tmp_path / "moved")
    (tmp_path / "store").write_bytes(b"a file")
    with pytest.raises(StoreUnavailableError):
        call(store, tmp_path)


def test_folder_that_cannot_be_created_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreUnavailableError):
        LocalStore(tmp_path / "file")
