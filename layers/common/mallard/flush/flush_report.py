"""Outcome of a flush, message by message."""

from dataclasses import dataclass, field

from mallard.queue.base import Message
from mallard.table.append_report import AppendReport


@dataclass(frozen=True, slots=True)
class FlushReport:
    """Messages of a batch by outcome.

    ``done`` are in the table, ``failed`` are retried after a pause, ``blocked`` wait until a damaged file is repaired
    or erased, ``left`` were not tried for lack of time, ``waiting`` are postponed for batching, each by some seconds,
    ``poison`` can never be written, each with the reason.
    """

    done: tuple[Message, ...] = ()
    failed: tuple[Message, ...] = ()
    left: tuple[Message, ...] = ()
    waiting: tuple[tuple[Message, int], ...] = ()
    poison: tuple[tuple[Message, str], ...] = ()
    blocked: tuple[Message, ...] = ()
    rows: AppendReport = field(default_factory=AppendReport)
    partitions: int = 0

    def counts(self) -> dict[str, int]:
        """Numbers of rows, partitions and messages."""
        return {
            "written": self.rows.written,
            "duplicates": self.rows.duplicates,
            "partitions": self.partitions,
            "failed": len(self.failed) + len(self.blocked),
            "waiting": len(self.waiting),
            "set_aside": len(self.poison),
        }

    def __add__(self, other: "FlushReport") -> "FlushReport":
        return FlushReport(
            self.done + other.done,
            self.failed + other.failed,
            self.left + other.left,
            self.waiting + other.waiting,
            self.poison + other.poison,
            self.blocked + other.blocked,
            self.rows + other.rows,
            self.partitions + other.partitions,
        )
