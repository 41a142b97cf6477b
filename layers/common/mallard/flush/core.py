"""``flush``: messages into partitions, and only then out of the queue."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mallard.errors import StoreError, TableError
from mallard.queue.base import Message, Queue
from mallard.table.deliveries import broken, partitions, read_deliveries
from mallard.table.write import AppendReport, TableWriter

BATCH = 10_000
"""Messages of one round: what is decoded and held in memory at a time."""

log = logging.getLogger("mallard.flush")


@dataclass(frozen=True, slots=True)
class FlushReport:
    """What became of a batch: ``done`` is in the table, ``failed`` is to be tried again, ``poison`` never can be."""

    done: tuple[Message, ...] = ()
    failed: tuple[Message, ...] = ()
    poison: tuple[tuple[Message, str], ...] = ()
    rows: AppendReport = field(default_factory=AppendReport)
    partitions: int = 0

    def __add__(self, other: "FlushReport") -> "FlushReport":
        return FlushReport(
            self.done + other.done,
            self.failed + other.failed,
            self.poison + other.poison,
            self.rows + other.rows,
            self.partitions + other.partitions,
        )


def flush(messages: Sequence[Message], table: TableWriter) -> FlushReport:
    """Write each message's event into its partition. Nothing is acknowledged here: ``done`` says what may be."""
    if not messages:
        return FlushReport()
    sound = list(messages)
    poison: list[tuple[Message, str]] = []
    try:
        deliveries = read_deliveries([each.body for each in messages])
    except ValueError:
        # All at once where all are sound; one by one only where one is not.
        sound, poison = _sort_out(messages)
        deliveries = read_deliveries([each.body for each in sound]) if sound else None
    report = FlushReport(poison=tuple(poison))
    for partition, indices, rows in partitions(deliveries) if deliveries else []:
        members = tuple(sound[index] for index in indices)
        try:
            report += FlushReport(done=members, rows=table.append(partition, rows), partitions=1)
        except (StoreError, TableError) as error:
            # One partition in trouble must not hold back the others.
            log.error("partition %s not written: %s", partition.prefix, error)
            report += FlushReport(failed=members)
    return report


def drain(queue: Queue, table: TableWriter, *, may_go_on: Callable[[], bool] = lambda: True) -> FlushReport:
    """Flush until the queue has given all it had, a round failed, or ``may_go_on`` says no; settle each round."""
    total = FlushReport()
    while may_go_on() and (messages := queue.receive(BATCH)):
        report = flush(messages, table)
        queue.acknowledge(report.done)
        for message, reason in report.poison:
            queue.set_aside(message, reason)
        queue.release(report.failed)
        total += FlushReport(failed=report.failed, poison=report.poison, rows=report.rows, partitions=report.partitions)
        # A batch that is not full was all there was: under load the few that came meanwhile can wait for the next run.
        if report.failed or len(messages) < BATCH:
            break
    return total


def _sort_out(messages: Sequence[Message]) -> tuple[list[Message], list[tuple[Message, str]]]:
    """Sound messages, and those that cannot be rows with the reason."""
    checked = [(each, broken(each.body)) for each in messages]
    sound = [each for each, reason in checked if reason is None]
    return sound, [(each, reason) for each, reason in checked if reason is not None]
