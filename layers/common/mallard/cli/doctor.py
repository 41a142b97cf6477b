"""``mallard doctor``: checks of everything that the settings name, with remedies."""

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from mallard.bootstrap.queue import open_queue
from mallard.bootstrap.store import open_store
from mallard.cli.access_checks import check_access
from mallard.cli.integrity_checks import check_integrity
from mallard.cli.machine_checks import check_machine
from mallard.cli.options import add_config_argument, config_option
from mallard.config import Settings, load_settings
from mallard.errors import ConfigError, MallardError, QueueError, StoreError
from mallard.queue.base import Queue
from mallard.queue.local import LocalQueue
from mallard.store.base import Store
from mallard.store.probe import ROUNDS, Finding, check_clock, check_deletions, recheck_writes

MIN_KEPT = timedelta(days=7)
MIN_DEAD_LETTERS_KEPT = timedelta(days=14)
"""A dead letter keeps the time of its first send, so it needs longer than the queue that it comes from."""

MIN_RECEIVES = 100
"""With fewer, a store that is unavailable for some hours turns good events into dead letters."""

NAME_WIDTH = 18

DESCRIPTION = """\
Check the data folder, the disk space and memory of this machine, the GeoIP database, the store with its conditional
writes, deletions and clock, the query engine, the files of the table, the password, the secret and the queue, for the
settings of CONFIG and the environment. Each check prints one line, with a remedy if it fails.
"""


def add_to(commands: Any) -> None:
    """Register the command."""
    command = commands.add_parser(
        "doctor",
        parents=[config_option()],
        help="check everything the settings name",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="exit codes: 0 all checks passed; 1 a check failed; 2 a setting is invalid",
    )
    add_config_argument(command)
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the findings as they come."""
    settings = load_settings(config_file=arguments.config)
    passed = True
    for finding in findings(settings, datetime.now(UTC)):
        passed = passed and finding.ok
        print(f"{'ok' if finding.ok else 'wrong':5}  {finding.name:{NAME_WIDTH}}  {finding.sentence}", flush=True)
    return 0 if passed else 1


def findings(settings: Settings, now: datetime, *, rounds: int = ROUNDS) -> Iterator[Finding]:
    """All findings, the data folder first; a failure to open a part is a finding too."""
    yield check_folder(Path(settings.data_dir))
    yield from check_machine(settings, now)
    yield from check_store(settings, now, rounds)
    try:
        queue = open_queue(settings)
        try:
            yield from check_queue(queue)
        finally:
            if isinstance(queue, LocalQueue):
                queue.close()
    except (QueueError, ConfigError) as error:
        yield Finding("queue", False, str(error))


def check_folder(folder: Path) -> Finding:
    """Check that the data folder is writable."""
    try:
        folder.mkdir(0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"1")
    except OSError as error:
        return Finding("data folder", False, f"{folder} is not writable: {error.strerror}; see MALLARD_DATA_DIR.")
    return Finding("data folder", True, f"{folder} is writable.")


def check_store(settings: Settings, now: datetime, rounds: int) -> Iterator[Finding]:
    """Probe the store and check that DuckDB can read it. An unreachable store is a finding."""
    try:
        # A single writer sends no conditions; they are probed all the same.
        store = open_store(replace(settings, single_writer=False))
        conditions = recheck_writes(store, now, rounds=rounds)
    except (StoreError, ConfigError) as error:
        yield Finding("store", False, f"{error} Check MALLARD_STORE, MALLARD_S3_ENDPOINT and the AWS credentials.")
        return
    yield from _as_single_writer(conditions) if settings.single_writer else conditions
    yield check_deletions(store)
    yield check_clock(store, now)
    yield check_engine(store)
    yield from check_integrity(store)
    yield from check_access(settings, store)


def check_engine(store: Store) -> Finding:
    """Check that DuckDB accepts the setup that reads the store."""
    try:
        with duckdb.connect() as connection:
            for statement in store.reader_setup():
                connection.execute(statement)
    except (MallardError, duckdb.Error) as error:
        return Finding("query engine", False, f"DuckDB cannot read the store: {error}")
    return Finding("query engine", True, "DuckDB can read the store.")


def check_queue(queue: Queue) -> Iterator[Finding]:
    """Check that the queue is writable, and that SQS retains messages long enough."""
    if isinstance(queue, LocalQueue):
        queue.prove_writable()
        queue.check_whole()
        yield Finding("queue", True, f"The queue is writable, and {queue.depth():,} messages wait.")
        return
    yield Finding("queue", True, f"The queue answers, and {queue.depth():,} messages wait.")
    # Imported here, so that installations without AWS do not load boto3.
    from mallard.queue.sqs import SqsQueue

    if isinstance(queue, SqsQueue):
        yield from _check_limits(queue)


def _check_limits(queue: Any) -> Iterator[Finding]:
    limits = queue.limits()
    yield _at_least("queue retention", timedelta(seconds=limits.kept_seconds), MIN_KEPT, "the queue")
    if limits.receives is None or limits.dead_letters_kept_seconds is None:
        yield Finding("dead letters", False, "The queue has no redrive policy; set one with a dead-letter queue.")
        return
    retention = timedelta(seconds=limits.dead_letters_kept_seconds)
    yield _at_least("dead letters", retention, MIN_DEAD_LETTERS_KEPT, "the dead-letter queue")
    if limits.receives < MIN_RECEIVES:
        sentence = (
            f"A message becomes a dead letter after {limits.receives} receives; set maxReceiveCount to {MIN_RECEIVES}."
        )
        yield Finding("receives", False, sentence)
    else:
        yield Finding("receives", True, f"A message becomes a dead letter after {limits.receives} receives.")


def _at_least(name: str, retention: timedelta, minimum: timedelta, where: str) -> Finding:
    sentence = f"Messages are kept in {where} for {retention.total_seconds() / 86_400:g} days"
    if retention < minimum:
        return Finding(
            name, False, f"{sentence}; set MessageRetentionPeriod to {int(minimum.total_seconds())} s or more."
        )
    return Finding(name, True, f"{sentence}.")


def _as_single_writer(conditions: list[Finding]) -> list[Finding]:
    wrong = [each for each in conditions if not each.ok]
    if not wrong:
        return [
            Finding(
                "conditions", True, "The store supports all conditional writes: MALLARD_SINGLE_WRITER is not needed."
            )
        ]
    sentence = f"{wrong[0].sentence.rstrip('.')}; MALLARD_SINGLE_WRITER does not need it, within its limits."
    return [Finding("conditions", True, sentence)]
