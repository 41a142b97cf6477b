"""A damaged queue's file: noticed at the start or by the look at readiness, and named with the way out."""

from contextlib import closing, suppress
from pathlib import Path

import pytest

from mallard.cli import main
from mallard.cli.doctor import check_queue
from mallard.errors import DamagedQueueError, QueueError
from mallard.queue.local import LocalQueue

PAGE_BYTES = 4096
PAGES = 40


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A queue of some pages, closed, all in one file."""
    found = tmp_path / "data" / "queue" / "queue.sqlite"
    with closing(LocalQueue(found)) as queue:
        queue.send([b"%d" % number * 1000 for number in range(PAGES)])
    return found


def overwrite(file: Path, page: int) -> None:
    with file.open("r+b") as opened:
        opened.seek(page * PAGE_BYTES)
        opened.write(b"\xff" * PAGE_BYTES)


def last_page(file: Path) -> int:
    return file.stat().st_size // PAGE_BYTES - 1


@pytest.mark.parametrize("kind", ["text", "cut", "page"])
def test_queue_with_a_damaged_file_does_not_open(file: Path, kind: str) -> None:
    data = file.read_bytes()
    if kind == "page":
        # The second page is SQLite's map of the others, which a start does not read.
        overwrite(file, 2)
    else:
        file.write_bytes(b"hello" * 2000 if kind == "text" else data[: len(data) // 2])
    with pytest.raises(DamagedQueueError, match=r"queue\.sqlite is damaged .*docs/self-hosting\.md"):
        LocalQueue(file)


def test_prove_writable_fails_when_a_commit_met_damage(file: Path) -> None:
    with closing(LocalQueue(file)) as queue:
        queue.prove_writable()
        for page in range(1, last_page(file) + 1):
            overwrite(file, page)
        # What a connection holds in memory is used as long as it is there.
        with suppress(QueueError):
            for _ in range(PAGES):
                queue.send([b"1" * PAGE_BYTES])
        with pytest.raises(DamagedQueueError):
            queue.prove_writable()


def test_prove_writable_fails_when_another_file_took_the_queue_s_name(file: Path) -> None:
    with closing(LocalQueue(file)) as queue:
        file.rename(file.with_suffix(".away"))
        file.write_bytes(b"")
        with pytest.raises(QueueError, match="is another file than the one that is open"):
            queue.prove_writable()


def test_doctor_checks_the_whole_queue_file(file: Path) -> None:
    overwrite(file, last_page(file) // 2)
    with closing(LocalQueue(file)) as queue, pytest.raises(DamagedQueueError, match="is damaged"):
        list(check_queue(queue))


def test_serve_refuses_a_damaged_queue_with_advice(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_bytes(b"hello" * 2000)
    monkeypatch.setenv("MALLARD_DATA_DIR", str(file.parents[1]))
    monkeypatch.setenv("MALLARD_PORT", "0")
    assert main(["serve"]) == 2
    error = capsys.readouterr().err
    assert "queue.sqlite is damaged (file is not a database)" in error
    assert "docs/self-hosting.md" in error
