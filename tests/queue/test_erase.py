"""What is erased from the queue in a file is gone from its bytes, and nothing else is."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from mallard.errors import QueueError
from mallard.event import Event
from mallard.queue import local
from mallard.queue.local import LocalQueue
from support.rows import NOON_MS, event
from support.sqlite import rows

MARK = "/a-page-that-must-be-forgotten"
SITE = "gone.example"
FIRST, LAST = date(2026, 1, 2), date(2026, 1, 3)
BEFORE_MS = NOON_MS + 1_000_000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "queue" / "queue.sqlite"


@pytest.fixture
def queue(file: Path) -> Iterator[LocalQueue]:
    with closing(LocalQueue(file)) as opened:
        yield opened


def all_bytes(file: Path) -> bytes:
    """The file, its log and its index."""
    return b"".join(each.read_bytes() for each in file.parent.iterdir())


def marked(number: int, **changes: object) -> Event:
    return event(number, pathname=f"{MARK}-{number}", **({"site_id": SITE} | changes))


def erase(queue: LocalQueue) -> int:
    return queue.erase(SITE, FIRST, LAST, BEFORE_MS)


def test_erased_messages_leave_no_bytes_in_the_file(queue: LocalQueue, file: Path) -> None:
    queue.send([marked(1).to_message(), event(2).to_message()])
    assert MARK.encode() in all_bytes(file)
    assert erase(queue) == 1
    assert MARK.encode() not in all_bytes(file)
    assert [each.body for each in queue.receive(10)] == [event(2).to_message()]


def test_dead_letters_are_erased_too(queue: LocalQueue, file: Path) -> None:
    queue.send([marked(1).to_message()])
    queue.set_aside([(queue.receive(1)[0], "expired")])
    assert erase(queue) == 1
    assert rows(file, "SELECT * FROM set_aside") == []
    assert MARK.encode() not in all_bytes(file)


def test_acknowledged_messages_leave_no_byte_either(queue: LocalQueue, file: Path) -> None:
    queue.send([marked(1).to_message()])
    queue.acknowledge(queue.receive(1))
    assert erase(queue) == 0
    assert MARK.encode() not in all_bytes(file)


@pytest.mark.parametrize("seed", [10, 27, 51])
def test_erased_messages_leave_no_bytes_in_page_gaps(queue: LocalQueue, file: Path, seed: int) -> None:
    chance = random.Random(seed)
    queue.send(
        [
            (marked(n, props="x" * chance.choice([0, 300, 9000])) if chance.random() < 0.3 else event(n)).to_message()
            for n in range(1500)
        ]
    )
    messages = queue.receive(1500)
    queue.acknowledge(chance.sample(messages, 500))
    queue.release(chance.sample(messages, 500))
    assert erase(queue) > 0
    assert MARK.encode() not in all_bytes(file)


@pytest.mark.parametrize(
    "other",
    [
        marked(1, site_id="gone.example.com"),
        marked(1, site_id="example"),
        marked(1, date="2026-01-01"),
        marked(1, date="2026-01-04"),
        marked(1, accepted_ms=BEFORE_MS),
    ],
    ids=["a longer site", "another site", "the day before", "the day after", "accepted afterwards"],
)
def test_messages_of_other_days_and_sites_stay(queue: LocalQueue, other: Event) -> None:
    queue.send([other.to_message()])
    assert erase(queue) == 0
    assert queue.depth() == 1


def test_queue_erasure_includes_both_dates(queue: LocalQueue) -> None:
    queue.send([marked(1, date=FIRST.isoformat()).to_message(), marked(2, date=LAST.isoformat()).to_message()])
    assert erase(queue) == 2


def test_message_without_an_acceptance_time_is_erased(queue: LocalQueue) -> None:
    queue.send([b'{"site_id":"gone.example","date":"2026-01-02"}'])
    assert erase(queue) == 1


def test_bodies_that_are_no_json_are_not_erased(queue: LocalQueue) -> None:
    odd = [b"gone.example", b"\xff\xfe", b"{", b"[1]", b"null", b'{"site_id":["gone.example"],"date":7}', b"\xb7abc"]
    queue.send(odd)
    assert erase(queue) == 0
    assert [each.body for each in queue.receive(10)] == odd


def test_row_numbers_of_erased_messages_are_never_reused(queue: LocalQueue) -> None:
    queue.send([event(1).to_message(), marked(2).to_message()])
    erase(queue)
    queue.send([b"later"])
    assert [number for number, _ in queue.pending(0)[1]] == [1, 3]


def test_erasure_of_a_locked_file_raises_and_the_next_try_finishes(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "BUSY_TIMEOUT_SECONDS", 0.01)
    with closing(LocalQueue(file)) as queue, closing(sqlite3.connect(file, isolation_level=None)) as reader:
        queue.send([marked(1).to_message()])
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM message").fetchall()
        with pytest.raises(QueueError, match="in use"):
            erase(queue)
        reader.execute("COMMIT")
        assert erase(queue) == 0
        assert MARK.encode() not in all_bytes(file)
