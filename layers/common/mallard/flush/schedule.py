"""The flush schedule of one process: every interval, and as soon as enough is pending."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from mallard.errors import MallardError
from mallard.flush.batching import AT_ONCE, Batching
from mallard.flush.drain import FlushReport, drain, flush_round
from mallard.flush.flush_metrics import FlushHistory, log_text
from mallard.queue.base import Queue
from mallard.table.writer import TableWriter

PAUSE_PER_FLUSH_SECOND = 9
"""A round rewrites whole tails; at a high rate it waits nine times its own length, to take a tenth of a core at most.

Nothing is at risk and nothing is unseen meanwhile: the queue is durable, and queries read what is pending.
"""

BACKLOG = 100_000
BACKLOG_BYTES = 16 * 1024 * 1024
"""Pending events from which on there are no pauses: queries hold in memory what is pending."""

HOUSEKEEPING_SECONDS = 10
"""Of one turn: what is not done by then goes on after the next flush."""

KeepHouse = Callable[[datetime, Callable[[], bool]], object]
"""Does what is due at a moment, as long as it may go on."""

log = logging.getLogger("mallard.flush")


class Schedule:
    """A thread that drains the queue into the table until ``stop``; a failed round is tried again next time."""

    def __init__(
        self,
        queue: Queue,
        table: TableWriter,
        *,
        interval_seconds: float,
        count: int,
        gathering: Batching = AT_ONCE,
        keep_house: KeepHouse = lambda *_: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        waiting_bytes: Callable[[], int] = lambda: 0,
    ) -> None:
        """``waiting_bytes`` tells how large the queue is, where that is known."""
        self._queue = queue
        self._table = table
        self._gathering = gathering
        self._keep_house = keep_house
        self._interval_seconds = interval_seconds
        self._count = count
        self._clock = clock
        self._waiting_bytes = waiting_bytes
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._since_last = 0
        self._has_more = False
        self._thread = threading.Thread(target=self._run, name="flush", daemon=True)
        self.history = FlushHistory()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def accepted(self) -> None:
        """One more event is pending; enough of them start a flush."""
        self._since_last += 1
        if self._since_last >= self._count and not self._wake.is_set():
            self._wake.set()

    def stop(self, deadline: float) -> None:
        """End the thread and flush what is pending, until ``deadline`` (``time.monotonic()``)."""
        self._stopping.set()
        self._wake.set()
        self._thread.join(max(0.0, deadline - time.monotonic()))
        if not self._thread.is_alive():
            self._flush(
                lambda: drain(
                    self._queue, self._table, clock=self._clock, may_go_on=lambda: time.monotonic() < deadline
                )
            )

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(self._interval_seconds)
            self._wake.clear()
            if self._stopping.is_set():
                return
            began = time.monotonic()
            self._flush(self._one_round)
            self._housekeep()
            if not self._is_behind():
                pause = PAUSE_PER_FLUSH_SECOND * (time.monotonic() - began)
                self._stopping.wait(min(self._interval_seconds, pause))

    def _one_round(self) -> FlushReport:
        is_full, report = flush_round(
            self._queue,
            self._table,
            clock=self._clock,
            may_go_on=lambda: not self._stopping.is_set(),
            gathering=self._gathering,
        )
        self._has_more = not report.failed and (is_full or bool(report.left))
        if self._has_more:
            # The next round waits for its pause, and for no event.
            self._wake.set()
        return report

    def _is_behind(self) -> bool:
        try:
            return self._has_more and (self._queue.depth() >= BACKLOG or self._waiting_bytes() >= BACKLOG_BYTES)
        except MallardError as error:
            log.error("pending events not counted: %s", error)
            return False

    def _flush(self, work: Callable[[], FlushReport]) -> None:
        self._since_last, self._has_more = 0, False
        began = time.monotonic()
        try:
            report = work()
        except Exception as error:  # no other thread flushes: what nobody foresaw must not end this one
            self.history.note_fault(error, time.monotonic() - began, self._clock())
        else:
            self.history.note(report, time.monotonic() - began, self._clock())

    def _housekeep(self) -> None:
        until = time.monotonic() + HOUSEKEEPING_SECONDS
        try:
            self._keep_house(self._clock(), lambda: not self._stopping.is_set() and time.monotonic() < until)
        except Exception as error:  # as above
            log.error("housekeeping failed: %s", log_text(error))
