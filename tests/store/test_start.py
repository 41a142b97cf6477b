"""Whoever writes to the table refuses an unsafe store before the first write, unless it is to be the only one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mallard.bootstrap.store import open_to_write
from mallard.cli import main
from mallard.config import load_settings
from mallard.errors import UnsafeStoreError
from mallard.queue.local import LocalQueue
from mallard.store.failed_probe import FAILED_KEY
from mallard.store.s3 import S3Store
from mallard.store.single_writer import SingleWriterS3Store
from support.functions import cold
from support.moto import moto_server
from support.proxy import Proxy, proxy
from support.rows import event, stored_ids
from support.s3 import Server

REFUSED = "The store refuses a write with If-Match whose condition holds; events would be lost: use another server"


@pytest.fixture(scope="module")
def unsafe() -> Iterator[Proxy]:
    """A server whose If-Match is always refused."""
    with moto_server() as address, proxy(address) as running:
        running.only_etags = "none"
        yield running


@pytest.fixture(autouse=True)
def store(unsafe: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> S3Store:
    """The settings name a new bucket, and three events wait in the queue."""
    made = Server(unsafe.address).new_store(kind=SingleWriterS3Store)
    monkeypatch.setenv("MALLARD_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("MALLARD_PORT", "0")
    monkeypatch.setenv("MALLARD_STORE", f"s3://{made.bucket}")
    monkeypatch.setenv("MALLARD_S3_ENDPOINT", unsafe.address)
    queue = LocalQueue(tmp_path / "queue" / "queue.sqlite")
    queue.send([event(number).to_message() for number in (1, 2, 3)])
    queue.close()
    return made


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["flush"], 1), (["serve"], 2), (["demo", "--events", "1"], 1)],
    ids=lambda each: str(each[0]) if isinstance(each, list) else "",
)
def test_writing_command_refuses_an_unsafe_store(
    store: S3Store, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int
) -> None:
    assert main(arguments) == code
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"mallard: {REFUSED}")
    assert [row.key for row in store.list("")] == [FAILED_KEY]


def test_the_flush_function_refuses_an_unsafe_store(store: S3Store) -> None:
    with pytest.raises(UnsafeStoreError, match=f"^{REFUSED}"):
        cold("flush").parts()
    assert [row.key for row in store.list("")] == [FAILED_KEY]


def test_single_writer_is_accepted_on_an_unsafe_store_and_writes_each_event_once(
    store: S3Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MALLARD_SINGLE_WRITER", "true")
    assert isinstance(open_to_write(load_settings()), SingleWriterS3Store)
    assert main(["flush"]) == 0
    assert capsys.readouterr().out.startswith("3 events written into 1 partitions.\n")
    assert stored_ids(store) == [1, 2, 3]
