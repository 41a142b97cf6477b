"""``flush``: messages into partitions, and only then out of the queue."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pyarrow as pa

from mallard.drops.drop_counts import add_notes
from mallard.drops.drop_note import is_note, read_note
from mallard.errors import DamagedSegmentError, StoreError, TableError
from mallard.flush.batching import AT_ONCE, Batching
from mallard.queue.base import RECEIVED_BYTES, VISIBILITY_SECONDS, Message, Queue
from mallard.table.layout import Partition
from mallard.table.messages import broken, partitions, read_deliveries
from mallard.table.writer import AppendReport, TableWriter

BATCH = 10_000
"""Messages of one round: what is decoded and held in memory at a time."""

BACKLOG = 1_000
"""Messages of a round that say, where a receiver may not get all there is, that more are waiting."""

ROUND_TIME = timedelta(seconds=VISIBILITY_SECONDS * 2 // 3)
"""A round begins no partition after this: the last third of the visibility is for the one it is at, and to settle.

Should even that not do, another receiver gets the messages too, and the table takes each event once.
"""

DAMAGED_PAUSE_SECONDS = 3600
"""Between two tries to write beside a damaged file: only a repair or an erasure makes the next one succeed.

A hundred receives, after which SQS makes a dead letter, then take four days.
"""

EXPIRED = "expired"
"""Why an event of a day past retention is set aside: written, it would bring a deleted partition back."""

log = logging.getLogger("mallard.flush")


@dataclass(frozen=True, slots=True)
class FlushReport:
    """What became of a batch.

    ``done`` is in the table, ``failed`` is to be tried again after a pause, ``blocked`` stands before a damaged file
    until that is repaired or erased, ``left`` was not tried for want of time, ``waiting`` is for others to come, each
    for so many seconds, ``poison`` never can be written, each with the reason.
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
        """In numbers: rows, partitions and messages."""
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


def flush(
    messages: Sequence[Message],
    table: TableWriter,
    now: datetime,
    *,
    may_go_on: Callable[[], bool] = lambda: True,
    gathering: Batching = AT_ONCE,
) -> FlushReport:
    """Write each message's event into its partition. Nothing is settled here: the report says what may be.

    ``now`` (aware) decides which days are past retention; ``may_go_on`` is asked before each partition.
    """
    notes = [each for each in messages if is_note(each.body)]
    report = _count(notes, table)
    sound = [each for each in messages if not is_note(each.body)] if notes else list(messages)
    if not sound:
        return report
    poison: list[tuple[Message, str]] = []
    try:
        deliveries = read_deliveries([each.body for each in sound])
    except ValueError:
        # All at once where all are sound; one by one only where one is not.
        sound, poison = _sort_out(sound)
        deliveries = read_deliveries([each.body for each in sound]) if sound else None
    report += FlushReport(poison=tuple(poison))
    first_kept = table.first_kept_date(now)
    parts = partitions(deliveries) if deliveries else []
    pauses = gathering.pauses([(partition, rows) for partition, _, rows in parts], now)
    for partition, indices, rows in parts:
        members = tuple(sound[index] for index in indices)
        if first_kept and partition.date < first_kept:
            report += FlushReport(poison=tuple((each, EXPIRED) for each in members))
        elif partition in pauses:
            report += FlushReport(waiting=tuple((each, pauses[partition]) for each in members))
        elif may_go_on():
            report += _write(table, partition, rows, members)
        else:
            report += FlushReport(left=members)
    return report


def _count(messages: Sequence[Message], table: TableWriter) -> FlushReport:
    """Notes of dropped events, into the day's counts."""
    notes, poison = [], []
    for each in messages:
        try:
            notes.append((each, read_note(each.body)))
        except ValueError as error:
            poison.append((each, f"no note of a drop: {error}"))
    sound = tuple(each for each, _ in notes)
    try:
        add_notes(table.store, [note for _, note in notes])
    except StoreError as error:
        log.error("drops not counted: %s", error)
        return FlushReport(failed=sound, poison=tuple(poison))
    return FlushReport(done=sound, poison=tuple(poison))


def settle(queue: Queue, report: FlushReport) -> None:
    """Tell the queue what became of its messages. A QueueError here costs a redelivery, and never an event."""
    queue.acknowledge(report.done)
    queue.set_aside(report.poison)
    queue.postpone(report.failed)
    queue.release(report.left)
    queue.hold([*report.waiting, *((each, DAMAGED_PAUSE_SECONDS) for each in report.blocked)])


def drain(
    queue: Queue,
    table: TableWriter,
    *,
    clock: Callable[[], datetime],
    may_go_on: Callable[[], bool] = lambda: True,
    enough: int | None = None,
    gathering: Batching = AT_ONCE,
) -> FlushReport:
    """Flush until the queue has given all it had, a round failed, or ``may_go_on`` says no; settle each round.

    A round that received fewer than ``enough`` (a whole batch) was the last. A local queue gives all it has, so what it
    gives short of a whole batch was that; SQS may give less. ``clock`` gives the aware time. In the report ``done`` is
    empty: it would hold all that was ever drained.
    """
    total, going = FlushReport(), True
    while going and may_go_on():
        is_full, report = flush_round(
            queue, table, clock=clock, may_go_on=may_go_on, enough=enough, gathering=gathering
        )
        total += report
        # Under load the few that came meanwhile can wait for the next run: each round rewrites whole tails.
        # What was left is the next round's; what failed is not tried again at once.
        going = not report.failed and (is_full or bool(report.left))
    return total


def drain_if_any(
    queue: Queue,
    table: TableWriter,
    *,
    clock: Callable[[], datetime],
    may_go_on: Callable[[], bool],
    gathering: Batching = AT_ONCE,
) -> FlushReport:
    """A scheduled run of a function. Nothing where the queue is idle: a receive that finds nothing takes a second."""
    if queue.is_idle():
        return FlushReport()
    return drain(queue, table, clock=clock, may_go_on=may_go_on, enough=BACKLOG, gathering=gathering)


def flush_round(
    queue: Queue,
    table: TableWriter,
    *,
    clock: Callable[[], datetime],
    may_go_on: Callable[[], bool] = lambda: True,
    enough: int | None = None,
    gathering: Batching = AT_ONCE,
) -> tuple[bool, FlushReport]:
    """Receive up to BATCH messages of RECEIVED_BYTES, flush them within ROUND_TIME and settle them.

    Returns whether they were so many (``enough``, a whole batch) or so large that more may wait, and what became of
    them; ``done`` is empty in the report, as in ``drain``'s.
    """
    began = clock()

    def in_time() -> bool:
        return may_go_on() and clock() - began < ROUND_TIME

    messages = queue.receive(BATCH)
    report = flush(messages, table, began, may_go_on=in_time, gathering=gathering)
    settle(queue, report)
    # A receive ends before the message that would be too much, so that full is less than all its bytes.
    is_full = len(messages) >= (enough or BATCH) or sum(len(each.body) for each in messages) > RECEIVED_BYTES // 2
    return is_full, replace(report, done=())


def _write(table: TableWriter, partition: Partition, rows: pa.Table, members: tuple[Message, ...]) -> FlushReport:
    try:
        return FlushReport(done=members, rows=table.append(partition, rows), partitions=1)
    except DamagedSegmentError as error:
        # Beside a damaged tail no other number may be opened, and what a damaged segment holds cannot be told.
        log.error("%d events of %s wait: %s `mallard repair` sets it aside.", len(members), partition.prefix, error)
        return FlushReport(blocked=members)
    except (StoreError, TableError) as error:
        # One partition in trouble must not hold back the others.
        log.error("partition %s not written: %s", partition.prefix, error)
        return FlushReport(failed=members)


def _sort_out(messages: Sequence[Message]) -> tuple[list[Message], list[tuple[Message, str]]]:
    """Sound messages, and those that cannot be rows with the reason."""
    checked = [(each, broken(each.body)) for each in messages]
    sound = [each for each, reason in checked if reason is None]
    return sound, [(each, reason) for each, reason in checked if reason is not None]
