"""Modes of files: the folder of the store and the queue are for one account alone."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from mallard.cli.machine_checks import check_modes
from mallard.queue.local import LocalQueue
from mallard.store.local import LocalStore


@pytest.fixture(params=[0o000, 0o022, 0o077])
def data(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A data folder that is not there yet, under some umask."""
    before = os.umask(request.param)
    yield tmp_path / "data"
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    """Mode bits by path, the folder itself included."""
    paths = [folder, *folder.rglob("*")]
    return {str(each.relative_to(folder)): stat.S_IMODE(each.stat().st_mode) for each in paths}


def test_store_and_queue_are_private_to_their_account_under_any_umask(data: Path) -> None:
    store = LocalStore(data)
    etag = store.put_if_absent("config/secret.json", b"{}")
    store.put_if_match("config/secret.json", b"{ }", etag)
    store.put_if_absent("salts/site_id=a/2026-01-01.json", b"{}")
    queue = LocalQueue(data / "queue.sqlite")
    queue.send([b"{}"])
    found = modes(data)
    queue.close()
    assert {"config/secret.json", "queue.sqlite", "queue.sqlite-wal", ".mallard/locks"} < {*found}
    folders = {path: mode for path, mode in found.items() if (data / path).is_dir()}
    assert {path: f"{mode:o}" for path, mode in folders.items() if mode != 0o700} == {}
    assert {path: f"{mode:o}" for path, mode in found.items() if path not in folders and mode != 0o600} == {}


def test_queue_creates_a_private_folder(data: Path) -> None:
    LocalQueue(data / "queue.sqlite").close()
    assert f"{modes(data)['.']:o}" == "700"


def test_doctor_names_a_file_readable_by_other_accounts(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "data")
    store.put_if_absent("config/secret.json", b"{}")
    assert check_modes(store.root).ok
    (store.root / "config").chmod(0o755)
    # A closed folder keeps everything below it closed.
    assert check_modes(store.root).ok
    store.root.chmod(0o755)
    found = check_modes(store.root)
    assert (found.ok, "chmod -R go=" in found.sentence) == (False, True)
