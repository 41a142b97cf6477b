"""Flush of queue messages into partitions, acknowledged only after the write."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pyarrow as pa

from mallard.drops.drop_counts import add_notes
from mallard.drops.drop_note import is_note, read_note
from mallard.errors import DamagedSegmentError, StoreError, TableError
from mallard.flush.batching import AT_ONCE, Batching
from mallard.flush.flush_report import FlushReport
from mallard.queue.base import RECEIVED_BYTES, VISIBILITY_SECONDS, Message, Queue
from mallard.table.layout import Partition
from mallard.table.messages import find_fault, partitions, read_deliveries
from mallard.table.writer import TableWriter

BATCH = 10_000
"""Messages of one round: what is decoded and held in memory at a time."""

BACKLOG = 1_000
"""Messages of a round that indicate more in the queue, where a receive may be partial as on SQS."""

ROUND_TIME = timedelta(seconds=VISIBILITY_SECONDS * 2 // 3)
"""A round begins no partition after this: the last third of the visibility is for the current one, and to settle.

If that does not suffice, another receiver gets the messages too, and the table stores each event once.
"""

DAMAGED_PAUSE_SECONDS = 3600
"""Between two tries to write beside a damaged file: only a repair or an erasure makes the next one succeed.

A hundred receives, after which SQS makes a dead letter, then take four days.
"""

EXPIRED = "expired"
"""Reason for setting aside an event past retention: writing it would restore a deleted partition."""

log = logging.getLogger("mallard.flush")


def flush(
    messages: Sequence[Message],
    table: TableWriter,
    now: datetime,
    *,
    may_go_on: Callable[[], bool] = lambda: True,
    batching: Batching = AT_ONCE,
) -> FlushReport:
    """Write each message's event into its partition. The caller settles the messages by the report.

    ``now`` (aware) decides which days are past retention; ``may_go_on`` is asked before each partition.
    """
    notes = [each for each in messages if is_note(each.body)]
    report = _add_notes(notes, table)
    valid = [each for each in messages if not is_note(each.body)] if notes else list(messages)
    if not valid:
        return report
    poison: list[tuple[Message, str]] = []
    try:
        deliveries = read_deliveries([each.body for each in valid])
    except ValueError:
        # Messages are decoded one by one only where a batch has an invalid one.
        valid, poison = _split_invalid(valid)
        deliveries = read_deliveries([each.body for each in valid]) if valid else None
    report += FlushReport(poison=tuple(poison))
    first_kept = table.first_kept_date(now)
    parts = partitions(deliveries) if deliveries else []
    pauses = batching.pauses([(partition, rows) for partition, _, rows in parts], now)
    for partition, indices, rows in parts:
        members = tuple(valid[index] for index in indices)
        if first_kept and partition.date < first_kept:
            report += FlushReport(poison=tuple((each, EXPIRED) for each in members))
        elif partition in pauses:
            report += FlushReport(waiting=tuple((each, pauses[partition]) for each in members))
        elif may_go_on():
            report += _write(table, partition, rows, members)
        else:
            report += FlushReport(left=members)
    return report


def _add_notes(messages: Sequence[Message], table: TableWriter) -> FlushReport:
    """Add notes of dropped events to the day's counts."""
    notes, poison = [], []
    for each in messages:
        try:
            notes.append((each, read_note(each.body)))
        except ValueError as error:
            poison.append((each, f"no note of a drop: {error}"))
    valid = tuple(each for each, _ in notes)
    try:
        add_notes(table.store, [note for _, note in notes])
    except StoreError as error:
        log.error("drops not counted: %s", error)
        return FlushReport(failed=valid, poison=tuple(poison))
    return FlushReport(done=valid, poison=tuple(poison))


def settle(queue: Queue, report: FlushReport) -> None:
    """Settle messages in the queue by their outcome. A QueueError here costs a redelivery, but no event."""
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
    batching: Batching = AT_ONCE,
) -> FlushReport:
    """Flush until the queue is empty, a round failed, or ``may_go_on`` is False; settle each round.

    A round that received fewer than ``enough`` (a whole batch) is the last. A local queue returns all messages, SQS may
    return fewer. ``clock`` gives the aware time. In the report ``done`` is empty, so that it does not grow.
    """
    total, goes_on = FlushReport(), True
    while goes_on and may_go_on():
        is_full, report = flush_round(queue, table, clock=clock, may_go_on=may_go_on, enough=enough, batching=batching)
        total += report
        # Under load the few new messages can wait for the next run: each round rewrites whole tails.
        # Left messages are for the next round; failed ones are not retried at once.
        goes_on = not report.failed and (is_full or bool(report.left))
    return total


def drain_if_any(
    queue: Queue,
    table: TableWriter,
    *,
    clock: Callable[[], datetime],
    may_go_on: Callable[[], bool],
    batching: Batching = AT_ONCE,
) -> FlushReport:
    """Drain in a scheduled function, without a receive where the queue is idle: an empty receive takes a second."""
    if queue.is_idle():
        return FlushReport()
    return drain(queue, table, clock=clock, may_go_on=may_go_on, enough=BACKLOG, batching=batching)


def flush_round(
    queue: Queue,
    table: TableWriter,
    *,
    clock: Callable[[], datetime],
    may_go_on: Callable[[], bool] = lambda: True,
    enough: int | None = None,
    batching: Batching = AT_ONCE,
) -> tuple[bool, FlushReport]:
    """Receive up to BATCH messages of RECEIVED_BYTES, flush them within ROUND_TIME and settle them.

    Returns True where they were so many (``enough``, a whole batch) or so large that more may wait, and the report;
    its ``done`` is empty, as in ``drain``.
    """
    began = clock()

    def in_time() -> bool:
        return may_go_on() and clock() - began < ROUND_TIME

    messages = queue.receive(BATCH)
    report = flush(messages, table, began, may_go_on=in_time, batching=batching)
    settle(queue, report)
    # A receive ends before the message that would exceed the limit, so a full one has less than RECEIVED_BYTES.
    is_full = len(messages) >= (enough or BATCH) or sum(len(each.body) for each in messages) > RECEIVED_BYTES // 2
    return is_full, replace(report, done=())


def _write(table: TableWriter, partition: Partition, rows: pa.Table, members: tuple[Message, ...]) -> FlushReport:
    try:
        return FlushReport(done=members, rows=table.append(partition, rows), partitions=1)
    except DamagedSegmentError as error:
        # No new segment may follow a damaged tail, and the events of a damaged segment are unknown.
        log.error("%d events of %s wait: %s `mallard repair` sets it aside.", len(members), partition.prefix, error)
        return FlushReport(blocked=members)
    except (StoreError, TableError) as error:
        # A failure of one partition must not stop the others.
        log.error("partition %s not written: %s", partition.prefix, error)
        return FlushReport(failed=members)


def _split_invalid(messages: Sequence[Message]) -> tuple[list[Message], list[tuple[Message, str]]]:
    """Valid messages, and the invalid ones with the reason."""
    checked = [(each, find_fault(each.body)) for each in messages]
    valid = [each for each, reason in checked if reason is None]
    return valid, [(each, reason) for each, reason in checked if reason is not None]
