"""Lambda function that flushes the queue, scheduled or triggered by it."""

from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

from mallard.aws.powertools import Context, Powertools
from mallard.aws.sqs_records import flush_records
from mallard.bootstrap.maintenance import open_maintenance_jobs
from mallard.bootstrap.queue import open_queue
from mallard.bootstrap.store import open_to_write
from mallard.bootstrap.table import open_table
from mallard.config import load_settings
from mallard.flush.batching import Batching
from mallard.flush.drain import drain_if_any
from mallard.maintenance.jobs import MaintenanceJobs
from mallard.privacy.rotation import agree_on_rotation
from mallard.queue.base import Queue
from mallard.store.probe import QUICK_ROUNDS
from mallard.table.writer import TableWriter

STOP_BEFORE_DEADLINE_MS = 10_000

clock = partial(datetime.now, UTC)


@cache
def watch() -> Powertools:
    """The writer of log lines, metrics and traces."""
    return Powertools.of("flush", load_settings())


@cache
def parts() -> tuple[Queue, TableWriter, MaintenanceJobs, Batching]:
    """The parts that outlive one run of a warm function."""
    settings = load_settings()
    store = open_to_write(settings, rounds=QUICK_ROUNDS)
    sizes = {"seal_rows": settings.seal_rows, "retention_days": settings.retention_days}
    table = open_table(store, single_writer=settings.single_writer, **sizes)
    agree_on_rotation(store, settings.visitor_rotation, clock())
    house = open_maintenance_jobs(settings, store, after_erasure=table.forget, notes_sites=True)
    return open_queue(settings), table, house, Batching(settings.flush_quiet)


def handle(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Write the messages the event holds, else drain the queue and run the maintenance jobs."""

    def may_go_on() -> bool:
        return context.get_remaining_time_in_millis() > STOP_BEFORE_DEADLINE_MS

    with watch().invocation(context) as counts:
        queue, table, house, batching = parts()
        if "Records" in event:
            answer = flush_records(event["Records"], queue, table, clock(), may_go_on, batching)
            counts.update(received=len(event["Records"]), failed=len(answer["batchItemFailures"]))
            return answer
        report = drain_if_any(queue, table, clock=clock, may_go_on=may_go_on, batching=batching)
        done = {**report.counts(), **house.keep(clock(), may_go_on=may_go_on).counts()}
        counts.update(done)
        return done
