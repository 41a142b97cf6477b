"""``mallard flush``: write what is pending into the table, now."""

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mallard.bootstrap.maintenance import open_house
from mallard.bootstrap.queue import open_queue
from mallard.bootstrap.store import open_to_write
from mallard.bootstrap.table import open_table
from mallard.config import load_settings
from mallard.errors import StoreUnavailableError
from mallard.flush.drain import BACKLOG, drain
from mallard.observability.log_format import set_up_logs
from mallard.queue.local import LocalQueue
from mallard.store.probe import QUICK_ROUNDS


def add_to(commands: Any) -> None:
    """Register the command."""
    command = commands.add_parser(
        "flush",
        help="write pending events into the table",
        description="Write pending events into the table, count closed days, delete what is to be deleted, and end.",
    )
    command.add_argument("config", nargs="?", type=Path, metavar="CONFIG", help="a TOML file with settings")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Drain the queue once."""
    settings = load_settings(config_file=arguments.config)
    set_up_logs(settings)
    store, queue = open_to_write(settings, rounds=QUICK_ROUNDS), open_queue(settings)
    table = open_table(
        store,
        seal_rows=settings.seal_rows,
        retention_days=settings.retention_days,
        single_writer=settings.single_writer,
    )
    try:
        report = drain(queue, table, clock=lambda: datetime.now(UTC), enough=BACKLOG)
    finally:
        table.close()
    erase_pending = queue.erase if isinstance(queue, LocalQueue) else None
    open_house(settings, store, erase_pending=erase_pending).keep(datetime.now(UTC))
    print(f"{report.rows.written:,} events written into {report.partitions:,} partitions.")
    if waiting := queue.depth():
        print(f"{waiting:,} messages wait for their next try, or another process is at them.")
    if report.blocked:
        raise StoreUnavailableError(
            f"{len(report.blocked):,} events stay in the queue, before a damaged file that the log names;"
            " `mallard repair` sets it aside."
        )
    if report.failed:
        raise StoreUnavailableError(f"{len(report.failed):,} events could not be written and stay in the queue.")
    return 0
