"""Flush schedule of one process: every interval, and when enough events are pending."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mallard.errors import MallardError
from mallard.flush.batching import AT_ONCE, Batching
from mallard.flush.flush_metrics import FlushHistory, log_text
from mallard.flush.flush_report import FlushReport
from mallard.queue.base import Queue

if TYPE_CHECKING:
    from mallard.table.writer import TableWriter

PAUSE_PER_FLUSH_SECOND = 9
"""Pause after a round relative to its length: rounds rewrite whole tails, and so take a tenth of a core at most.

No event is lost or invisible meanwhile: the queue is durable, and queries read pending events.
"""

BACKLOG = 100_000
BACKLOG_BYTES = 16 * 1024 * 1024
"""Pending events from which on there are no pauses: queries hold pending events in memory."""

MAINTENANCE_SECONDS = 10
"""Time of one run of the maintenance jobs; the rest runs after the next flush."""

RunJobs = Callable[[datetime, Callable[[], bool]], object]
"""Runs the jobs that are due at a moment, while the second argument returns True."""

log = logging.getLogger("mallard.flush")


class Schedule:
    """A thread that drains the queue into the table until ``stop``; a failed round is retried after the interval."""

    def __init__(
        self,
        queue: Queue,
        table: "Callable[[], TableWriter]",
        *,
        interval_seconds: float,
        count: int,
        batching: Batching = AT_ONCE,
        run_jobs: RunJobs = lambda *_: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        waiting_bytes: Callable[[], int] = lambda: 0,
    ) -> None:
        """``table`` gives the writer, from the first event on; ``waiting_bytes`` the queue's size, 0 where unknown."""
        self._queue = queue
        self._table = table
        self._batching = batching
        self._run_jobs = run_jobs
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
        """Start the thread."""
        self._thread.start()

    def accepted(self) -> None:
        """Count one more pending event; enough of them start a flush."""
        self._since_last += 1
        if self._since_last >= self._count and not self._wake.is_set():
            self._wake.set()

    def stop(self, deadline: float) -> None:
        """End the thread and flush what is pending, until ``deadline`` (``time.monotonic()``)."""
        self._stopping.set()
        self._wake.set()
        self._thread.join(max(0.0, deadline - time.monotonic()))
        if not self._thread.is_alive():
            self._flush(lambda: self._drain(deadline))

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(self._interval_seconds)
            self._wake.clear()
            if self._stopping.is_set():
                return
            began = time.monotonic()
            self._flush(self._one_round)
            self._run_maintenance()
            if not self._is_behind():
                pause = PAUSE_PER_FLUSH_SECOND * (time.monotonic() - began)
                self._stopping.wait(min(self._interval_seconds, pause))

    def _drain(self, deadline: float) -> FlushReport:
        if self._queue.is_idle():
            return FlushReport()
        table = self._table()
        from mallard.flush.drain import drain

        return drain(self._queue, table, clock=self._clock, may_go_on=lambda: time.monotonic() < deadline)

    def _one_round(self) -> FlushReport:
        if self._queue.is_idle():
            return FlushReport()
        # Imported with the first event: a server without events loads no pyarrow.
        table = self._table()
        from mallard.flush.drain import flush_round

        is_full, report = flush_round(
            self._queue,
            table,
            clock=self._clock,
            may_go_on=lambda: not self._stopping.is_set(),
            batching=self._batching,
        )
        self._has_more = not report.failed and (is_full or bool(report.left))
        if self._has_more:
            # The next round starts after its pause, without waiting for an event.
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
        except Exception as error:  # the only flushing thread must survive unexpected errors
            self.history.note_fault(error, time.monotonic() - began, self._clock())
        else:
            self.history.note(report, time.monotonic() - began, self._clock())

    def _run_maintenance(self) -> None:
        until = time.monotonic() + MAINTENANCE_SECONDS
        try:
            self._run_jobs(self._clock(), lambda: not self._stopping.is_set() and time.monotonic() < until)
        except Exception as error:  # as above
            log.error("maintenance failed: %s", log_text(error))
