"""What only a folder has: other processes, crashes, file systems."""

import errno
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pytest

from mallard.errors import ConflictError, StoreError, StoreUnavailableError
from mallard.store.local import TEMPORARY_FILE_SECONDS, LocalStore

KEY = "events/site_id=a/00000.parquet"

COUNT = """
import sys
from pathlib import Path
from unittest.mock import patch
from mallard.errors import ConflictError
from mallard.store.local import LocalStore

store = LocalStore(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for _ in range(50):
    while True:
        stored = store.get("counter")
        try:
            store.put_if_match("counter", b"%d" % (int(stored.data) + 1), stored.etag)
            break
        except ConflictError:
            continue
"""

CLAIM = """
import sys
from pathlib import Path
from unittest.mock import patch
from mallard.errors import ConflictError
from mallard.store.local import LocalStore

store = LocalStore(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for number in range(50):
    try:
        store.put_if_absent(f"claims/{number}", sys.argv[2].encode())
        print(number)
    except ConflictError:
        continue
"""


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


def in_two_processes(program: str, root: Path) -> list[list[str]]:
    """Start the program twice, let both go at the same moment, and give the lines each printed."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(root), name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for name in ("one", "two")
    ]
    for each in processes:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in processes:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    printed = [each.communicate(timeout=60)[0].split() for each in processes]
    assert [each.returncode for each in processes] == [0, 0]
    return printed


def test_swaps_from_two_processes_lose_no_update(store: LocalStore) -> None:
    store.put_if_absent("counter", b"0")
    in_two_processes(COUNT, store.root)
    stored = store.get("counter")
    assert stored is not None
    assert stored.data == b"100"


def test_creation_race_of_two_processes_has_one_winner(store: LocalStore) -> None:
    one, two = in_two_processes(CLAIM, store.root)
    assert sorted(one + two, key=int) == [str(number) for number in range(50)]
    for winner, numbers in (("one", one), ("two", two)):
        assert all((store.root / "claims" / number).read_text() == winner for number in numbers)


def test_sweep_removes_old_files_of_a_crash(store: LocalStore) -> None:
    unfinished, snapshot = store.scratch / "0123", store.scratch / "snapshot"
    unfinished.write_bytes(b"half a")
    snapshot.mkdir()
    (snapshot / "00000.parquet").write_bytes(b"pinned")
    LocalStore(store.root, now=time.time() + TEMPORARY_FILE_SECONDS - 60)
    assert unfinished.exists()
    assert (snapshot / "00000.parquet").exists()
    LocalStore(store.root, now=time.time() + TEMPORARY_FILE_SECONDS + 60)
    assert list(store.scratch.iterdir()) == []


def test_a_sweep_leaves_objects_alone(store: LocalStore) -> None:
    store.put_if_absent(KEY, b"1")
    later = LocalStore(store.root, now=time.time() + 10 * TEMPORARY_FILE_SECONDS)
    assert [row.key for row in later.list("")] == [KEY]


def test_finished_writes_leave_no_temporary_file(store: LocalStore) -> None:
    etag = store.put_if_absent(KEY, b"1")
    store.put_if_match(KEY, b"2", etag)
    with pytest.raises(ConflictError):
        store.put_if_absent(KEY, b"3")
    with pytest.raises(ConflictError):
        store.put_if_match(KEY, b"3", etag)
    assert list(store.scratch.iterdir()) == []


def test_unfinished_and_private_files_are_no_objects(store: LocalStore) -> None:
    store.put_if_absent(KEY, b"1")
    (store.scratch / "0123").write_bytes(b"half a")
    assert [row.key for row in store.list("")] == [KEY]


OUTSIDE = ["", "/", "..", "../outside", "a/../../outside", "/outside", ".mallard/tmp/0123", "events/.mallard/x"]


@pytest.mark.parametrize("key", OUTSIDE)
def test_key_outside_the_folder_is_refused(store: LocalStore, tmp_path: Path, key: str) -> None:
    (tmp_path / "outside").write_bytes(b"secret")
    calls: list[Callable[[], object]] = [
        lambda: store.get(key),
        lambda: store.put_if_absent(key, b""),
        lambda: store.put_if_match(key, b"", ""),
        lambda: store.delete(key),
        lambda: store.pin(key, tmp_path / "pins"),
    ]
    for call in calls:
        with pytest.raises(StoreError):
            call()
    assert (tmp_path / "outside").read_bytes() == b"secret"


@pytest.mark.parametrize("prefix", ["../", ".mallard/", "a/../../"])
def test_listing_excludes_outside_and_private_files(store: LocalStore, tmp_path: Path, prefix: str) -> None:
    (tmp_path / "outside").write_bytes(b"secret")
    store.put_if_absent("a/1", b"")
    try:
        rows = list(store.list(prefix))
    except StoreError:
        return
    assert rows == []


def test_unreadable_folder_is_unavailable_and_not_empty(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put_if_absent(KEY, b"1")

    def denied(_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "scandir", denied)
    with pytest.raises(StoreUnavailableError):
        list(store.list(""))


def test_a_reader_with_the_file_open_keeps_the_old_bytes(store: LocalStore) -> None:
    etag = store.put_if_absent(KEY, b"first")
    with Path(store.location(KEY)).open("rb") as file:
        head = file.read(2)
        store.put_if_match(KEY, b"second", etag)
        assert head + file.read() == b"first"
    assert Path(store.location(KEY)).read_bytes() == b"second"


def test_pin_is_a_link_without_a_copy(store: LocalStore) -> None:
    store.put_if_absent(KEY, b"first")
    pinned = store.pin(KEY, store.scratch / "snapshot")
    assert pinned is not None
    assert pinned.samefile(store.location(KEY))


def test_pin_is_a_copy_when_links_are_not_possible(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    etag = store.put_if_absent(KEY, b"first")

    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", refuse)
        pinned = store.pin(KEY, store.scratch / "snapshot")
        assert store.pin("events/absent", store.scratch / "snapshot") is None
    store.put_if_match(KEY, b"second", etag)
    assert pinned is not None
    assert pinned.read_bytes() == b"first"


Synced = list[tuple[Path, bool]]


@pytest.fixture
def synced(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> Synced:
    """What was synced, in order, and whether the new content stood at its name at that moment."""
    found: Synced = []
    sync, target = os.fsync, store.root / KEY

    def record(descriptor: int) -> None:
        arrived = target.exists() and target.read_bytes() == b"new"
        found.append((Path(f"/proc/self/fd/{descriptor}").readlink(), arrived))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    return found


def test_created_object_and_new_folders_are_synced_before_return(store: LocalStore, synced: Synced) -> None:
    store.put_if_absent(KEY, b"new")
    (file, arrived), *folders = synced
    assert (file.parent, arrived) == (store.scratch, False)
    assert {store.root, store.root / "events"} <= {folder for folder, _ in folders}
    assert folders[-1] == ((store.root / KEY).parent, True)


def test_replaced_object_is_synced_before_return(store: LocalStore, synced: Synced) -> None:
    etag = store.put_if_absent(KEY, b"old")
    synced.clear()
    store.put_if_match(KEY, b"new", etag)
    (file, arrived), *folders = synced
    assert (file.parent, arrived) == (store.scratch, False)
    assert folders[-1] == ((store.root / KEY).parent, True)


def test_deletion_is_synced_before_return(store: LocalStore, synced: Synced) -> None:
    store.put_if_absent(KEY, b"new")
    synced.clear()
    store.delete(KEY)
    assert synced == [((store.root / KEY).parent, False)]


def test_full_disk_is_unavailable_and_changes_no_object(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    etag = store.put_if_absent(KEY, b"old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StoreUnavailableError, match="No space left"):
            store.put_if_match(KEY, b"new", etag)
        with pytest.raises(StoreUnavailableError, match="No space left"):
            store.put_if_absent("other", b"new")
    assert [row.key for row in store.list("")] == [KEY]
    assert (store.root / KEY).read_bytes() == b"old"
    assert list(store.scratch.iterdir()) == []


def test_a_listing_that_starts_after_a_key_opens_no_earlier_folder(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    for day in (1, 2, 3):
        store.put_if_absent(f"events/site_id=a/date=2026-03-0{day}/00000.parquet", b"")
    early = tmp_path / "events" / "site_id=a" / "date=2026-03-01"
    with opened_folders() as opened:
        rows = list(store.list("events/site_id=a/", start_after="events/site_id=a/date=2026-03-02"))
    assert [row.key[-24:-14] for row in rows] == ["2026-03-02", "2026-03-03"]
    assert opened
    assert str(early) not in opened


def test_list_folders_does_not_open_every_folder(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    for day in range(1, 10):
        store.put_if_absent(f"events/site_id=a/date=2026-03-0{day}/00000.parquet", b"")
    with opened_folders() as opened:
        assert list(store.list_folders("events/")) == ["events/site_id=a/"]
    assert len(opened) == 3


@contextmanager
def opened_folders() -> Iterator[list[str]]:
    """The folders that are read inside."""
    opened: list[str] = []

    def scandir(path: str | Path) -> object:
        opened.append(str(path))
        return original(path)

    original = os.scandir
    with patch("os.scandir", scandir):
        yield opened
