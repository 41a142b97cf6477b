"""Scratch folders: owned by a lock, swept when their process is dead."""

import signal
import subprocess
import sys
import time
from pathlib import Path

from mallard.store.scratch import PREFIX, YOUNG_SECONDS, ScratchFolder

OWNER = """
import sys, time
from pathlib import Path
from mallard.store.scratch import ScratchFolder
folder = ScratchFolder(Path(sys.argv[1]))
(folder.path() / "segment").write_bytes(b"rows")
print(folder.path(), flush=True)
time.sleep(600)
"""


def later() -> float:
    return time.time() + YOUNG_SECONDS + 1


def left(parent: Path) -> list[str]:
    return sorted(each.name for each in parent.iterdir())


def test_sweep_removes_the_folder_of_a_killed_process_only(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", OWNER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as owner:
        try:
            assert owner.stdout is not None
            foreign = Path(owner.stdout.readline().strip())
            ScratchFolder(tmp_path, now=later).path()
            assert (foreign / "segment").exists()
        finally:
            owner.send_signal(signal.SIGKILL)
    here = ScratchFolder(tmp_path, now=later)
    assert here.path().is_dir()
    assert not foreign.exists()


def test_a_folder_without_a_lock_is_swept_when_it_is_old(tmp_path: Path) -> None:
    (tmp_path / f"{PREFIX}old").mkdir()
    (tmp_path / "other").mkdir()
    early = ScratchFolder(tmp_path)
    early.path()
    assert (tmp_path / f"{PREFIX}old").is_dir()
    here = ScratchFolder(tmp_path, now=later)
    assert left(tmp_path) == sorted([early.path().name, f"{PREFIX}old", "other"])
    assert left(here.path().parent) == sorted([early.path().name, here.path().name, "other"])


def test_folder_is_made_when_needed_and_removed_at_close(tmp_path: Path) -> None:
    here = ScratchFolder(tmp_path)
    assert left(tmp_path) == []
    assert here.path() == here.path()
    here.close()
    assert left(tmp_path) == []
    assert here.path().is_dir()
    del here
    assert left(tmp_path) == []


def test_scratch_folder_deleted_from_outside_is_recreated(tmp_path: Path) -> None:
    here = ScratchFolder(tmp_path)
    first = here.path()
    first.rename(tmp_path / "away")
    assert here.path() == first
    assert first.is_dir()


def test_a_link_to_another_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").touch()
    (tmp_path / f"{PREFIX}link").symlink_to(tmp_path / "precious")
    ScratchFolder(tmp_path, now=later).path()
    assert (tmp_path / "precious" / "file").exists()
