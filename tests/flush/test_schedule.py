"""The thread that flushes goes on, whatever happens in one of its turns."""

import time
from datetime import UTC, datetime

import pytest

from mallard.flush.schedule import Schedule
from mallard.queue.base import Message
from mallard.table.write import TableWriter
from support.memory import MemoryQueue, MemoryStore
from support.rows import event


class Restive(MemoryQueue):
    """Fails once in a way that nobody foresaw."""

    def __init__(self) -> None:
        super().__init__()
        self.troubles = 1

    def receive(self, limit: int) -> list[Message]:
        if self.troubles:
            self.troubles -= 1
            raise ZeroDivisionError("nobody foresaw this")
        return super().receive(limit)


def test_what_nobody_foresaw_costs_one_turn_and_no_words_of_it_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    queue, turns = Restive(), list[datetime]()

    def keep_house(now: datetime, _: object) -> None:
        turns.append(now)
        raise ZeroDivisionError("nobody foresaw this")

    schedule = Schedule(
        queue,
        TableWriter(MemoryStore()),
        interval_seconds=0.01,
        count=1000,
        keep_house=keep_house,
        clock=lambda: datetime(2026, 1, 2, 12, tzinfo=UTC),
    )
    queue.send([event(1).to_message()])
    schedule.start()
    until = time.monotonic() + 10
    while (queue.depth() or len(turns) < 3) and time.monotonic() < until:
        time.sleep(0.01)
    schedule.stop(time.monotonic() + 5)
    assert (queue.depth(), schedule.failures, len(turns) >= 3) == (0, 1, True)
    assert "ZeroDivisionError in" in caplog.text
    assert "foresaw" not in caplog.text
