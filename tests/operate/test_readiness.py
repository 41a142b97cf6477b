"""What is looked at, when, and what is said of what is wrong."""

import json
import threading
import time
from pathlib import Path

import pytest

from mallard.errors import QueueError, StoreUnavailableError
from mallard.health.readiness import KEPT_SECONDS, Readiness, ReadinessCheck, status_of, store_answers
from mallard.queue.local import LocalQueue
from mallard.store.local import LocalStore
from support.auth import Clock
from support.operate import ask, guarded
from support.rows import event

SENTENCE = "The part does not answer."


class Part:
    """Fails as long as it is told to, in words that are not for strangers."""

    def __init__(self) -> None:
        self.looks = 0
        self.fails = False

    def look(self) -> None:
        self.looks += 1
        if self.fails:
            raise StoreUnavailableError("The bucket my-very-own-bucket is away.")


@pytest.fixture
def part() -> Part:
    return Part()


def test_readiness_check_is_cached_for_some_seconds(part: Part) -> None:
    clock = Clock()
    readiness = Readiness({"part": (part.look, SENTENCE)}, clock)
    for _ in range(100):
        assert readiness.checks() == (ReadinessCheck("part", True, "The part works."),)
    part.fails = True
    assert status_of(readiness.checks()) == "ok"
    clock.seconds += KEPT_SECONDS
    assert status_of(readiness.checks()) == "degraded"
    assert part.looks == 2


def test_readiness_error_text_is_logged_only(part: Part, caplog: pytest.LogCaptureFixture) -> None:
    part.fails = True
    assert Readiness({"part": (part.look, SENTENCE)}).checks() == (ReadinessCheck("part", False, SENTENCE),)
    assert "my-very-own-bucket" in caplog.text


def test_slow_readiness_check_fails_and_is_not_started_twice(part: Part) -> None:
    clock, has_begun, may_end = Clock(), threading.Event(), threading.Event()

    def look() -> None:
        part.look()
        has_begun.set()
        assert may_end.wait(60)

    readiness = Readiness({"part": (look, SENTENCE)}, clock, wait_seconds=0.05)
    for _ in range(3):
        assert readiness.checks() == (ReadinessCheck("part", False, SENTENCE),)
        clock.seconds += KEPT_SECONDS
    assert has_begun.wait(60)
    assert part.looks == 1
    may_end.set()
    until = time.monotonic() + 60
    while not readiness.checks()[0].ok and time.monotonic() < until:
        clock.seconds += KEPT_SECONDS
    assert readiness.checks()[0].ok


def test_store_check_fails_when_the_folder_is_gone(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    store_answers(store)
    (tmp_path / "store").rename(tmp_path / "away")
    with pytest.raises(StoreUnavailableError, match="is gone"):
        store_answers(store)


def test_prove_writable_writes_to_the_log_and_changes_no_message(tmp_path: Path) -> None:
    file = tmp_path / "queue.sqlite"
    queue, log = LocalQueue(file), tmp_path / "queue.sqlite-wal"
    queue.send([event(1).to_message()])
    size = log.stat().st_size
    queue.prove_writable()
    assert log.stat().st_size > size
    assert queue.depth() == 1
    file.rename(tmp_path / "away.sqlite")
    with pytest.raises(QueueError, match="is gone"):
        queue.prove_writable()
    queue.close()


def test_server_without_its_queue_file_is_not_ready_and_reveals_no_path(tmp_path: Path) -> None:
    with guarded(tmp_path / "data") as server:
        (tmp_path / "data" / "queue" / "queue.sqlite").rename(tmp_path / "away.sqlite")
        status, text = ask(server, "/health/ready")
        assert status == 503
        assert json.loads(text) == {
            "status": "not ready",
            "sentence": "The queue cannot be written; `mallard doctor` says more.",
        }
        assert ask(server, "/health") == (200, "ok")
        assert ask(server, "/health/detailed") == (200, '{"status":"degraded"}')
