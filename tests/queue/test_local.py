"""What only the queue in a file has: a clock, a thread that writes, other processes, pending messages."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from mallard.errors import QueueError, QueueFullError
from mallard.queue import local
from mallard.queue import sqlite_file as queue_file
from mallard.queue.base import MAX_PAUSE_SECONDS, VISIBILITY_SECONDS, Message
from mallard.queue.local import ROWS_PER_DELETION, LocalQueue
from support.sqlite import locked, rows

SOON_SECONDS = 60
"""More than anything here takes: whoever waits longer would wait for ever."""


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 1_000_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "queue" / "queue.sqlite"


@pytest.fixture
def queue(file: Path, clock: Clock) -> Iterator[LocalQueue]:
    with closing(LocalQueue(file, clock=clock)) as opened:
        yield opened


def bodies(messages: list[Message]) -> list[bytes]:
    return [each.body for each in messages]


def test_messages_survive_closing_and_opening(file: Path) -> None:
    with closing(LocalQueue(file)) as queue:
        queue.send([b"1", b"2", b"3"])
        queue.acknowledge(queue.receive(1))
    with closing(LocalQueue(file)) as queue:
        assert bodies(queue.receive(10)) == [b"2", b"3"]


def test_close_commits_submitted_bodies(file: Path) -> None:
    queue = LocalQueue(file)
    done = [queue.submit([b"%d" % number]) for number in range(50)]
    queue.close()
    assert all(each.done() for each in done)
    assert len(rows(file, "SELECT id FROM message")) == 50


def test_killed_process_loses_no_confirmed_message(file: Path) -> None:
    program = """
import os, signal, sys
from pathlib import Path
from mallard.queue.local import ROWS_PER_DELETION, LocalQueue

queue = LocalQueue(Path(sys.argv[1]))
queue.send([b"1", b"2"])
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", program, str(file)], check=False, timeout=60)
    with closing(LocalQueue(file)) as queue:
        assert bodies(queue.receive(10)) == [b"1", b"2"]


def test_oldest_messages_are_received_first(queue: LocalQueue) -> None:
    queue.send([b"%d" % number for number in range(20)])
    assert bodies(queue.receive(12)) == [b"%d" % number for number in range(12)]


def test_received_message_is_redelivered_after_its_visibility_timeout(queue: LocalQueue, clock: Clock) -> None:
    queue.send([b"1"])
    queue.receive(1)
    clock.seconds += VISIBILITY_SECONDS - 1
    assert queue.receive(1) == []
    clock.seconds += 1
    assert bodies(queue.receive(1)) == [b"1"]
    assert queue.receive(1) == []


def test_failed_message_waits_longer_each_time_and_is_never_discarded(queue: LocalQueue, clock: Clock) -> None:
    queue.send([b"1"])
    for pause in (2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900):
        queue.postpone(queue.receive(1))
        clock.seconds += pause - 1
        assert queue.receive(1) == []
        clock.seconds += 1
    assert bodies(queue.receive(1)) == [b"1"]


DAY_SECONDS = 86_400


@pytest.mark.parametrize("settle", ["postpone", "hold", "neither"])
def test_receive_returns_messages_hidden_by_a_clock_that_was_ahead(
    queue: LocalQueue, clock: Clock, settle: str
) -> None:
    queue.send([b"1"])
    clock.seconds += DAY_SECONDS
    received = queue.receive(1)
    if settle == "postpone":
        queue.postpone(received)
    elif settle == "hold":
        queue.hold([(each, 3600) for each in received])
    assert queue.is_idle()
    clock.seconds -= DAY_SECONDS
    assert not queue.is_idle()
    assert bodies(queue.receive(1)) == [b"1"]
    assert queue.receive(1) == []
    clock.seconds += VISIBILITY_SECONDS
    assert bodies(queue.receive(1)) == [b"1"]


def test_open_shortens_long_visibility_set_by_an_earlier_version(file: Path, clock: Clock) -> None:
    with closing(LocalQueue(file, clock=clock)) as queue:
        queue.send([b"1"])
        clock.seconds += DAY_SECONDS
        queue.receive(1)
        clock.seconds -= DAY_SECONDS
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("ALTER TABLE delivery DROP COLUMN hidden_at")
    with closing(LocalQueue(file, clock=clock)) as queue:
        assert queue.receive(1) == []
        clock.seconds += MAX_PAUSE_SECONDS
        assert bodies(queue.receive(1)) == [b"1"]


def test_failed_message_is_still_pending(queue: LocalQueue) -> None:
    queue.send([b"1"])
    queue.postpone(queue.receive(1))
    assert queue.pending(0) == ([], [(1, b"1")], 0)
    assert queue.depth() == 1


def test_messages_behind_a_failed_message_are_received_first(queue: LocalQueue) -> None:
    queue.send([b"bad", b"1", b"2"])
    queue.postpone(queue.receive(1))
    assert bodies(queue.receive(10)) == [b"1", b"2"]


def test_queue_file_of_an_earlier_version_is_migrated_with_its_messages(file: Path) -> None:
    file.parent.mkdir()
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(
            "CREATE TABLE message (id INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB NOT NULL,"
            " hidden_until REAL NOT NULL DEFAULT 0); INSERT INTO message (body) VALUES (CAST('old' AS BLOB));"
            "CREATE TABLE set_aside (id INTEGER PRIMARY KEY, body BLOB NOT NULL, reason TEXT NOT NULL);"
            "INSERT INTO set_aside (body, reason) VALUES (CAST('aside' AS BLOB), 'broken');"
        )
    with closing(LocalQueue(file)) as queue, closing(LocalQueue(file)) as other:
        queue.send([b"new"])
        assert [(each.body, each.receives) for each in other.receive(10)] == [(b"old", 1), (b"new", 1)]
        assert rows(file, "SELECT body FROM set_aside") == [(b"aside",)]


def test_dead_letters_are_kept_for_two_weeks(queue: LocalQueue, file: Path, clock: Clock) -> None:
    queue.send([b"bad"])
    queue.set_aside([(queue.receive(1)[0], "broken")])
    clock.seconds += 14 * 86_400
    queue.receive(1)
    assert rows(file, "SELECT body, reason FROM set_aside") == [(b"bad", "broken")]
    clock.seconds += 1
    queue.receive(1)
    assert rows(file, "SELECT * FROM set_aside") == []


def test_redelivered_message_can_be_settled_by_its_first_receiver(queue: LocalQueue, clock: Clock) -> None:
    queue.send([b"1"])
    first = queue.receive(1)
    clock.seconds += VISIBILITY_SECONDS
    second = queue.receive(1)
    queue.acknowledge(first)
    queue.acknowledge(second)
    assert queue.depth() == 0


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every COMMIT of any connection opened from here on."""
    found: list[str] = []
    connect = sqlite3.connect

    def traced(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, **options)
        connection.set_trace_callback(lambda sql: found.append(sql) if sql == "COMMIT" else None)
        return connection

    monkeypatch.setattr(sqlite3, "connect", traced)
    return found


def test_waiting_senders_share_a_commit(commits: list[str], file: Path) -> None:
    with closing(LocalQueue(file)) as queue:
        commits.clear()
        with locked(file):
            done = [queue.submit([b"%d" % number]) for number in range(200)]
        for each in done:
            each.result(SOON_SECONDS)
        # The writer may have gone ahead with the first; all the others waited behind the lock.
        assert 1 <= len(commits) <= 2
        assert bodies(queue.receive(1000)) == [b"%d" % number for number in range(200)]


def test_commit_size_is_limited(commits: list[str], file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "MAX_BODIES_PER_COMMIT", 10)
    with closing(LocalQueue(file)) as queue:
        commits.clear()
        with locked(file):
            done = [queue.submit([b"%d" % number]) for number in range(41)]
        for each in done:
            each.result(SOON_SECONDS)
        assert len(commits) >= 5
        assert queue.depth() == 41


def test_concurrent_senders_lose_no_message(queue: LocalQueue) -> None:
    barrier = Barrier(8)

    def send(sender: int) -> None:
        barrier.wait()
        for number in range(25):
            queue.send([b"%d" % (100 * sender + number)])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(send, range(8)))
    expected = {b"%d" % (100 * sender + number) for sender in range(8) for number in range(25)}
    received = bodies(queue.receive(1000))
    assert len(received) == 200
    assert set(received) == expected


def test_pending_includes_claimed_but_not_acknowledged_messages(queue: LocalQueue) -> None:
    queue.send([b"1", b"2", b"3"])
    first, _ = queue.receive(2)
    queue.acknowledge([first])
    assert queue.pending(0) == ([], [(2, b"2"), (3, b"3")], 0)


def test_pending_returns_only_bodies_above_a_row_number(queue: LocalQueue) -> None:
    queue.send([b"1", b"2", b"3"])
    assert queue.pending(2) == ([1, 2], [(3, b"3")], 0)
    assert queue.pending(3) == ([1, 2, 3], [], 0)


def test_row_numbers_are_never_reused(queue: LocalQueue) -> None:
    queue.send([b"1", b"2"])
    queue.acknowledge(queue.receive(2))
    queue.send([b"3"])
    assert queue.pending(2) == ([], [(3, b"3")], 0)


def test_dead_letter_is_not_pending(queue: LocalQueue, file: Path) -> None:
    queue.send([b"bad", b"good"])
    queue.set_aside([(queue.receive(1)[0], "broken")])
    assert queue.pending(0) == ([], [(2, b"good")], 0)
    assert rows(file, "SELECT id, body, reason FROM set_aside") == [(1, b"bad", "broken")]


def test_set_aside_twice_keeps_one_dead_letter(queue: LocalQueue, file: Path, clock: Clock) -> None:
    queue.send([b"bad"])
    first = queue.receive(1)[0]
    clock.seconds += VISIBILITY_SECONDS
    second = queue.receive(1)[0]
    queue.set_aside([(first, "broken")])
    queue.set_aside([(second, "still broken")])
    assert rows(file, "SELECT body, reason FROM set_aside") == [(b"bad", "broken")]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "BUSY_TIMEOUT_SECONDS", 0.01)


@pytest.mark.usefixtures("impatient")
def test_unwritable_queue_file_raises_until_it_is_writable(file: Path) -> None:
    with closing(LocalQueue(file)) as queue:
        queue.send([b"1"])
        with locked(file):
            with pytest.raises(QueueError, match="locked"):
                queue.submit([b"2"]).result(SOON_SECONDS)
            with pytest.raises(QueueError, match="locked"):
                queue.receive(1)
        queue.submit([b"3"]).result(SOON_SECONDS)
        assert bodies(queue.receive(10)) == [b"1", b"3"]


def test_missing_queue_table_raises_for_every_call(queue: LocalQueue, file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("ALTER TABLE message RENAME TO elsewhere")
        connection.commit()
        with pytest.raises(QueueError, match="no such table"):
            queue.submit([b"1"]).result(SOON_SECONDS)
        with pytest.raises(QueueError, match="no such table"):
            queue.receive(1)
        with pytest.raises(QueueError, match="no such table"):
            queue.pending(0)
        connection.execute("ALTER TABLE elsewhere RENAME TO message")
        connection.commit()
    assert queue.receive(1) == []
    queue.submit([b"2"]).result(SOON_SECONDS)
    assert queue.depth() == 1


def test_unreadable_queue_file_raises(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"not a database, and long enough to be seen as none" * 100)
    for file in (tmp_path / "folder", tmp_path / "file", tmp_path / "file" / "queue.sqlite"):
        with pytest.raises(QueueError):
            LocalQueue(file)


def test_cancelled_sender_does_not_block_others(queue: LocalQueue, file: Path) -> None:
    with locked(file):
        waiting = [queue.submit([b"%d" % number]) for number in range(3)]
        for each in waiting:
            each.cancel()
    queue.submit([b"later"]).result(SOON_SECONDS)
    assert b"later" in bodies(queue.receive(10))


def test_send_to_a_closed_queue_raises_at_once(file: Path) -> None:
    queue = LocalQueue(file)
    queue.close()
    with pytest.raises(QueueError):
        queue.submit([b"1"]).result(SOON_SECONDS)


def test_queue_handles_receive_different_messages(queue: LocalQueue, file: Path, clock: Clock) -> None:
    queue.send([b"%d" % number for number in range(300)])
    barrier = Barrier(2)

    def receive(handle: LocalQueue) -> list[Message]:
        barrier.wait()
        received: list[Message] = []
        while found := handle.receive(7):
            received += found
        return received

    with closing(LocalQueue(file, clock=clock)) as other, ThreadPoolExecutor(2) as pool:
        one, two = pool.map(receive, (queue, other))
    receipts = [each.receipt for each in one + two]
    assert len(receipts) == 300
    assert len(set(receipts)) == 300


def test_queue_processes_receive_different_messages(queue: LocalQueue, file: Path) -> None:
    queue.send([b"%d" % number for number in range(300)])
    program = """
import sys
from pathlib import Path
from mallard.queue.local import ROWS_PER_DELETION, LocalQueue

queue = LocalQueue(Path(sys.argv[1]), clock=lambda: 1_000_000.0)
print("ready", flush=True)
sys.stdin.readline()
while found := queue.receive(7):
    print(*(each.receipt for each in found))
queue.close()
"""
    command = [sys.executable, "-c", program, str(file)]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for each in processes:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in processes:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    receipts = [receipt for each in processes for receipt in each.communicate(timeout=60)[0].split()]
    assert sorted(receipts, key=int) == [str(number) for number in range(1, 301)]


def test_delivery_count_is_deleted_with_its_message(queue: LocalQueue, file: Path) -> None:
    queue.send([b"1", b"2", b'{"site_id":"a","date":"2026-01-01","accepted_ms":1}', b"4"])
    one, two, _, _ = queue.receive(10)
    assert len(rows(file, "SELECT id FROM delivery")) == 4
    queue.acknowledge([one])
    queue.set_aside([(two, "broken")])
    assert queue.erase("a", date(2026, 1, 1), date(2026, 1, 1), 2) == 1
    assert rows(file, "SELECT id FROM delivery") == [(4,)]


def test_acknowledge_deletes_many_messages_in_short_transactions(commits: list[str], file: Path) -> None:
    with closing(LocalQueue(file)) as queue:
        queue.send([b"%d" % number for number in range(2 * ROWS_PER_DELETION + 1)])
        messages = queue.receive(10_000)
        commits.clear()
        queue.acknowledge(messages)
        assert (len(commits), queue.depth()) == (3, 0)


def test_receive_returns_a_message_larger_than_the_byte_limit(queue: LocalQueue) -> None:
    queue.send([b"1" * 1000, b"2" * 1000])
    assert bodies(queue.receive(10, 10)) == [b"1" * 1000]
    assert bodies(queue.receive(10, 10)) == [b"2" * 1000]


def test_pending_stops_at_its_byte_limit_and_returns_the_remaining_count(queue: LocalQueue) -> None:
    queue.send([b"%d" % number * 100 for number in range(1, 6)])
    assert [number for number, _ in queue.pending(0, 250)[1]] == [1, 2]
    assert queue.pending(0, 250)[2] == 3
    assert [number for number, _ in queue.pending(2, 1000)[1]] == [3, 4, 5]
    assert queue.pending(2, 0) == ([1, 2], [], 3)


def test_queue_file_shrinks_when_its_messages_were_written(
    file: Path, queue: LocalQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_file, "RESERVED_BYTES", 256 * 1024)
    monkeypatch.setattr(queue_file, "PAGES_PER_SHRINK", 16)
    for _ in range(20):
        queue.send([b"x" * 8000 for _ in range(50)])
    large = file.stat().st_size + Path(f"{file}-wal").stat().st_size
    assert queue.live_bytes() > 8_000_000
    while messages := queue.receive(100):
        queue.acknowledge(messages)
    rows(file, "PRAGMA wal_checkpoint(TRUNCATE)")
    assert file.stat().st_size < 600_000 < large / 10
    assert queue.live_bytes() < 100_000


def test_queue_file_of_an_earlier_version_is_rewritten_to_allow_shrinking(file: Path) -> None:
    file.parent.mkdir(parents=True)
    with closing(sqlite3.connect(file)) as old:
        old.executescript(queue_file.SCHEMA)
        old.execute("INSERT INTO message (body) VALUES (x'31')")
        old.commit()
        assert old.execute("PRAGMA auto_vacuum").fetchone() == (0,)
    with closing(LocalQueue(file)) as queue:
        assert rows(file, "PRAGMA auto_vacuum") == [(2,)]
        assert bodies(queue.receive(10)) == [b"1"]


def test_queue_refuses_messages_while_the_disk_is_nearly_full(file: Path) -> None:
    free = [10_000_000]
    with closing(LocalQueue(file, least_free_bytes=5 << 20, free_bytes=lambda _: free[0])) as queue:
        queue.send([b"1"])
        free[0] = 5_000_000
        with pytest.raises(QueueFullError, match=r"less than 5 MB left \(MALLARD_MIN_FREE_MB"):
            queue.send([b"2"])
        with pytest.raises(QueueFullError):
            queue.prove_writable()
        # The flush goes on, which makes room.
        queue.acknowledge(queue.receive(1))
        free[0] = 6_000_000
        queue.send([b"3"])
        assert bodies(queue.receive(10)) == [b"3"]


def test_queue_refuses_messages_above_its_byte_limit_until_some_are_settled(file: Path) -> None:
    with closing(LocalQueue(file, most_bytes=1 << 20)) as queue:
        for _ in range(80):
            queue.send([b"x" * 8000])
        queue.send([b"x" * 800_000])
        with pytest.raises(QueueFullError, match=r"limit of 1 MB \(MALLARD_QUEUE_MAX_MB"):
            queue.send([b"1"])
        queue.acknowledge(queue.receive(1000))
        queue.send([b"1"])
        assert bodies(queue.receive(10)) == [b"1"]
