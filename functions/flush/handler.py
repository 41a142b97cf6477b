"""Lambda: from the queue to the table, on a schedule."""

from datetime import UTC, datetime
from functools import cache
from typing import Any, Protocol

from mallard.config import load_settings
from mallard.flush.core import drain
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


def handle(event: dict[str, Any], context: Context) -> dict[str, Any]:  # noqa: ARG001
    """Drain the queue until it is empty or the deadline is near, then delete salts whose day is over."""
    queue, store, table = parts()
    report = drain(queue, table, may_go_on=lambda: context.get_remaining_time_in_millis() > STOP_BEFORE_DEADLINE_MS)
    return {
        "written": report.rows.written,
        "duplicates": report.rows.duplicates,
        "partitions": report.partitions,
        "failed": len(report.failed),
        "set_aside": len(report.poison),
        "salts_deleted": delete_old_salts(store, datetime.now(UTC)),
    }
