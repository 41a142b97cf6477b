"""Lambda: from the queue to the table, on a schedule or as the queue hands over its messages."""

from datetime import UTC, datetime
from functools import cache
from typing import Any, Protocol

from mallard.config import load_settings
from mallard.flush.core import drain
from mallard.flush.records import flush_records
from mallard.queue.base import Queue
from mallard.queue.open import open_queue
from mallard.salts import delete_old_salts
from mallard.store.base import Store
from mallard.store.open import open_store
from mallard.table.write import TableWriter

STOP_BEFORE_DEADLINE_MS = 10_000


class Context(Protocol):
    """What of Lambda's context is used."""

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function is ended."""
        ...


@cache
def parts() -> tuple[Queue, Store, TableWriter]:
    """What outlives one run of a warm function."""
    settings = load_settings()
    store = open_store(settings)
    return open_queue(settings), store, TableWriter(store)


def handle(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Write the messages the event holds, else drain the queue and delete salts whose day is over."""

    def may_go_on() -> bool:
        return context.get_remaining_time_in_millis() > STOP_BEFORE_DEADLINE_MS

    queue, store, table = parts()
    if "Records" in event:
        return flush_records(event["Records"], queue, table, datetime.now(UTC), may_go_on)
    report = drain(queue, table, clock=lambda: datetime.now(UTC), may_go_on=may_go_on)
    return {
        "written": report.rows.written,
        "duplicates": report.rows.duplicates,
        "partitions": report.partitions,
        "failed": len(report.failed),
        "set_aside": len(report.poison),
        "salts_deleted": delete_old_salts(store, datetime.now(UTC)),
    }
