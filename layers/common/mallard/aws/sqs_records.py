"""Records of SQS as Lambda's event source, and the partial batch response."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from mallard.flush.batching import AT_ONCE, Batching
from mallard.flush.drain import DAMAGED_PAUSE_SECONDS, flush
from mallard.queue.base import Message, Queue
from mallard.table.writer import TableWriter

Record = dict[str, Any]


def flush_records(
    records: Sequence[Record],
    queue: Queue,
    table: TableWriter,
    now: datetime,
    may_go_on: Callable[[], bool],
    batching: Batching = AT_ONCE,
) -> dict[str, Any]:
    """Flush one batch; ``{"batchItemFailures": [{"itemIdentifier": id}, …]}`` names the messages to retry.

    Lambda deletes the other messages. Failed messages are postponed too: with the same short pause before each try, a
    store that is unavailable for hours would use up the receives before the dead letters. QueueError fails the batch.
    """
    messages = [_message(each) for each in records]
    report = flush(messages, table, now, may_go_on=may_go_on, batching=batching)
    stored = queue.set_aside(report.poison)
    queue.postpone(report.failed)
    queue.release(report.left)
    queue.hold([*report.waiting, *((each, DAMAGED_PAUSE_SECONDS) for each in report.blocked)])
    waiting = (each for each, _ in report.waiting)
    again = {each.receipt for each in (*report.failed, *report.blocked, *report.left, *waiting, *stored)}
    return {
        "batchItemFailures": [
            {"itemIdentifier": each["messageId"]} for each in records if each["receiptHandle"] in again
        ]
    }


def _message(record: Record) -> Message:
    receives = int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))
    return Message(record["receiptHandle"], record["body"].encode(), receives)
