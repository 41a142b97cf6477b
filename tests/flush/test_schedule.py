"""The thread that flushes goes on, whatever happens in one of its turns."""

import time
from datetime import UTC, datetime

import pytest

from mallard.flush.flush_metrics import FlushHistory
from mallard.flush.schedule import BACKLOG, PAUSE_PER_FLUSH_SECOND, Schedule
from mallard.queue.base import RECEIVED_BYTES, Message
from mallard.table.writer import TableWriter
from support.memory import MemoryQueue, MemoryStore
from support.rows import event


class Restive(MemoryQueue):
    """Fails once in a way that nobody foresaw."""

    def __init__(self) -> None:
        super().__init__()
        self.troubles = 1

    def receive(self, limit: int, most_bytes: int = RECEIVED_BYTES) -> list[Message]:
        if self.troubles:
            self.troubles -= 1
            raise ZeroDivisionError("nobody foresaw this")
        return super().receive(limit, most_bytes)


def test_unexpected_exception_costs_one_flush_turn_and_its_message_is_not_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    queue, table, turns = Restive(), TableWriter(MemoryStore()), list[datetime]()

    def run_jobs(now: datetime, _: object) -> None:
        turns.append(now)
        raise ZeroDivisionError("nobody foresaw this")

    schedule = Schedule(
        queue,
        lambda: table,
        interval_seconds=0.01,
        count=1000,
        run_jobs=run_jobs,
        clock=lambda: datetime(2026, 1, 2, 12, tzinfo=UTC),
    )
    queue.send([event(1).to_message()])
    schedule.start()
    until = time.monotonic() + 60
    while (queue.depth() or len(turns) < 3) and time.monotonic() < until:
        time.sleep(0.01)
    schedule.stop(time.monotonic() + 60)
    assert (queue.depth(), schedule.history.failures, len(turns) >= 3) == (0, 1, True)
    assert "ZeroDivisionError in" in caplog.text
    assert "foresaw" not in caplog.text


class Watched(MemoryQueue):
    """Notes when it was asked for messages, and after how many seconds in rounds; says what the test wants pending."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.pending = depth
        self.history = FlushHistory()
        self.asked: list[tuple[float, float]] = []

    def receive(self, limit: int, most_bytes: int = RECEIVED_BYTES) -> list[Message]:
        self.asked.append((time.monotonic(), self.history.durations.counted().sum_seconds))
        time.sleep(ROUND_SECONDS)
        return super().receive(limit, most_bytes)

    def depth(self) -> int:
        return self.pending


ROUND_SECONDS = 0.02


def pauses_of(rounds: int, depth: int, monkeypatch: pytest.MonkeyPatch) -> float:
    """Seconds between rounds for each second in them, of a queue that always has a full round.

    Of times that both grow on a slow machine; at the end what is left is flushed all at once.
    """
    monkeypatch.setattr("mallard.flush.drain.BATCH", 2)
    queue = Watched(depth)
    table = TableWriter(MemoryStore())
    queue.send([event(number).to_message() for number in range(4 * rounds)])
    schedule = Schedule(queue, lambda: table, interval_seconds=3600, count=1)
    queue.history = schedule.history
    schedule.start()
    schedule.accepted()
    until = time.monotonic() + 60
    while len(queue.asked) <= rounds and time.monotonic() < until:
        time.sleep(ROUND_SECONDS / 10)
    schedule.stop(time.monotonic() + 60)
    assert MemoryQueue.depth(queue) == 0
    (began, _), (ended, inside_seconds) = queue.asked[0], queue.asked[rounds]
    return (ended - began - inside_seconds) / inside_seconds


def test_schedule_flushes_a_long_queue_in_rounds_with_pauses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert pauses_of(4, 1000, monkeypatch) > 0.9 * PAUSE_PER_FLUSH_SECOND


def test_schedule_flushes_a_large_backlog_without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pauses_of(40, BACKLOG, monkeypatch) < 0.5 * PAUSE_PER_FLUSH_SECOND
