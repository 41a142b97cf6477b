"""Unfinished files of exports: those of killed processes are removed by the next export of the same name."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mallard.cli.output_file import SUFFIX, YOUNG_SECONDS, open_output
from mallard.errors import TransferError

WRITE = """
import sys, time
from mallard.cli.output_file import open_output
with open_output(sys.argv[1], force=True) as file:
    file.write(b"half")
    file.flush()
    print("begun", flush=True)
    time.sleep(600)
"""


def begin(output: Path) -> subprocess.Popen[str]:
    """A process in the middle of an export."""
    process = subprocess.Popen([sys.executable, "-c", WRITE, str(output)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def unfinished(folder: Path) -> list[Path]:
    return sorted(folder.glob(f".*{SUFFIX}"))


def age(file: Path, seconds: float = 2 * YOUNG_SECONDS) -> None:
    moment = file.stat().st_mtime - seconds
    os.utime(file, (moment, moment))


def export(output: Path, *, force: bool = True) -> None:
    with open_output(str(output), force=force) as file:
        file.write(b"whole")


def test_export_removes_what_a_killed_export_to_the_same_name_left(tmp_path: Path) -> None:
    output = tmp_path / "a.csv"
    end(begin(output))
    (left,) = unfinished(tmp_path)
    age(left)
    export(output)
    assert [each.name for each in tmp_path.iterdir()] == ["a.csv"]
    assert output.read_bytes() == b"whole"


def test_export_leaves_the_file_of_a_running_export_however_old(tmp_path: Path) -> None:
    output = tmp_path / "a.csv"
    running = begin(output)
    try:
        (file,) = unfinished(tmp_path)
        age(file, 7 * 86_400)
        export(output)
        assert unfinished(tmp_path) == [file]
    finally:
        end(running)


def test_export_leaves_a_file_that_may_not_be_locked_yet(tmp_path: Path) -> None:
    output = tmp_path / "a.csv"
    end(begin(output))
    export(output)
    assert len(unfinished(tmp_path)) == 1


@pytest.mark.parametrize("name", [".b.csv.abcd1234" + SUFFIX, ".a.csv.original", "a.csv.abcd1234" + SUFFIX, ".a.csv.x"])
def test_export_leaves_files_of_other_names(tmp_path: Path, name: str) -> None:
    other = tmp_path / name
    other.write_bytes(b"mine")
    age(other)
    export(tmp_path / "a.csv")
    assert other.read_bytes() == b"mine"


def test_export_follows_no_link_of_an_unfinished_name(tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_bytes(b"mine")
    age(target)
    link = tmp_path / f".a.csv.abcd1234{SUFFIX}"
    link.symlink_to(target)
    export(tmp_path / "a.csv")
    assert (target.read_bytes(), link.is_symlink()) == (b"mine", True)


def test_export_to_a_missing_folder_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(TransferError, match="cannot be written: No such file or directory"):
        export(tmp_path / "absent" / "a.csv")


def test_export_without_force_removes_nothing_where_the_file_exists(tmp_path: Path) -> None:
    output = tmp_path / "a.csv"
    output.write_bytes(b"old")
    with pytest.raises(TransferError, match="exists"):
        export(output, force=False)
    assert output.read_bytes() == b"old"
