"""``mallard flush``: writes pending events into the table."""

import argparse
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from typing import Any

from mallard.bootstrap.logs import set_up_logs
from mallard.bootstrap.maintenance import open_maintenance_jobs
from mallard.bootstrap.query_engine import open_query_engine
from mallard.bootstrap.queue import open_queue
from mallard.bootstrap.store import open_to_write
from mallard.bootstrap.table import open_table
from mallard.cli.options import add_config_argument, config_option
from mallard.config import Settings, load_settings
from mallard.errors import StoreUnavailableError
from mallard.flush.drain import BACKLOG, drain
from mallard.flush.flush_report import FlushReport
from mallard.queue.base import Queue
from mallard.queue.local import LocalQueue
from mallard.store.base import Store
from mallard.store.probe import QUICK_ROUNDS


def add_to(commands: Any) -> None:
    """Register the command."""
    command = commands.add_parser(
        "flush",
        parents=[config_option()],
        help="write pending events into the table",
        description="Write pending events into the table, then run the maintenance: "
        "rollups, erasures, retention, expired salts.",
    )
    add_config_argument(command)
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Drain the queue once."""
    settings = load_settings(config_file=arguments.config)
    set_up_logs(settings)
    with ExitStack() as stack:
        store, queue = open_to_write(settings, rounds=QUICK_ROUNDS), open_queue(settings)
        if isinstance(queue, LocalQueue):
            stack.callback(queue.close)
        report = _drain(settings, store, queue)
        _maintain(settings, store, queue)
        print(f"{report.rows.written:,} events written into {report.partitions:,} partitions.")
        if waiting := queue.depth():
            print(f"{waiting:,} messages wait for their next try, or another process has received them.")
    _require_success(report)
    return 0


def _drain(settings: Settings, store: Store, queue: Queue) -> FlushReport:
    table = open_table(
        store,
        seal_rows=settings.seal_rows,
        retention_days=settings.retention_days,
        single_writer=settings.single_writer,
    )
    with closing(table):
        return drain(queue, table, clock=lambda: datetime.now(UTC), enough=BACKLOG)


def _maintain(settings: Settings, store: Store, queue: Queue) -> None:
    erase_pending = queue.erase if isinstance(queue, LocalQueue) else None
    with closing(open_query_engine(settings, store, has_cache=False)) as engine:
        jobs = open_maintenance_jobs(settings, store, engine=lambda: engine, erase_pending=erase_pending)
        jobs.keep(datetime.now(UTC))


def _require_success(report: FlushReport) -> None:
    """Raise StoreUnavailableError where events stay in the queue."""
    if report.blocked:
        raise StoreUnavailableError(
            f"{len(report.blocked):,} events stay in the queue, because a file of their day is damaged (see the log);"
            " `mallard repair` sets it aside."
        )
    if report.failed:
        raise StoreUnavailableError(f"{len(report.failed):,} events could not be written and stay in the queue.")
