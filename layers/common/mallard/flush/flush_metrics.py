"""Counts and durations of one process's flushes, for log, metrics and health."""

import logging
from dataclasses import dataclass
from datetime import datetime

from mallard.errors import MallardError
from mallard.flush.flush_report import FlushReport
from mallard.observability.fault_description import kind_and_place
from mallard.observability.histogram import Histogram

log = logging.getLogger("mallard.flush")


@dataclass(frozen=True, slots=True)
class LastFlush:
    """End, duration and outcome of the last flush that had messages."""

    ended: datetime
    seconds: float
    written: int
    partitions: int
    failed: bool


class FlushHistory:
    """Counts of flushes that had messages; a partial failure counts its rows, and as failed."""

    def __init__(self) -> None:
        """Start with zero counts."""
        self.durations = Histogram()
        self.failures = 0
        self.rows_written = 0
        self.rows_known = 0
        self.rows_erased = 0
        self.partitions = 0
        self.set_aside = 0
        self.last: LastFlush | None = None

    def note(self, report: FlushReport, seconds: float, now: datetime) -> None:
        """Record a flush that took so many seconds, with one line in the log where it had messages."""
        rows, failed = report.rows, bool(report.failed or report.blocked)
        self.failures += failed
        if not (rows.written or rows.duplicates or rows.erased or report.poison or failed):
            return
        self.durations.note(seconds)
        self.rows_written += rows.written
        self.rows_known += rows.duplicates
        self.rows_erased += rows.erased
        self.partitions += report.partitions
        self.set_aside += len(report.poison)
        self.last = LastFlush(now, seconds, rows.written, report.partitions, failed)
        log.info(
            "flushed %d events into %d partitions in %.2f s"
            " (%d duplicates, %d erased, %d set aside, %d to try again, %d before a damaged file)",
            rows.written,
            report.partitions,
            seconds,
            rows.duplicates,
            rows.erased,
            len(report.poison),
            len(report.failed),
            len(report.blocked),
            extra={"events": rows.written, "partitions": report.partitions, "seconds": round(seconds, 3)},
        )

    def note_fault(self, error: Exception, seconds: float, now: datetime) -> None:
        """Record a flush that ended in an error; only messages of our own errors are logged."""
        self.failures += 1
        self.durations.note(seconds)
        self.last = LastFlush(now, seconds, 0, 0, True)
        log.error("flush failed after %.2f s: %s", seconds, log_text(error))


def log_text(error: Exception) -> str:
    """The log text of an error: of unexpected ones only type and place, since messages may quote a request."""
    return str(error) if isinstance(error, MallardError) else kind_and_place(error)
