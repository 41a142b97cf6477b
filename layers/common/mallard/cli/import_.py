"""``mallard import``: writes events from a file into the table, each exactly once."""

import argparse
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from mallard.bootstrap.logs import set_up_logs
from mallard.bootstrap.store import open_to_write
from mallard.bootstrap.table import open_table
from mallard.cli.options import config_option, site_id
from mallard.cli.progress import Progress, print_above
from mallard.config import load_settings
from mallard.errors import TransferError
from mallard.sites.settings_store import SiteSettingsStore
from mallard.table.append_report import AppendReport
from mallard.table.writer import TableWriter
from mallard.transfer.chunk import Chunk, RefusedRow
from mallard.transfer.input_files import FORMATS, find_source, read_chunks
from mallard.transfer.load import stage, write
from mallard.transfer.staging import Staging
from mallard.transfer.validate import RowValidator, open_database

REFUSALS_SHOWN = 20
WRITERS = 2
PLAIN_LINE_EVERY_ROWS = 1_000_000


def add_to(commands: Any) -> None:
    """Register the command."""
    command = commands.add_parser(
        "import",
        parents=[config_option()],
        help="read events from a file into the table",
        description="Read events from an NDJSON, CSV or Parquet file (or a folder of Parquet files) into the table. "
        "A repeated import adds nothing, so run an interrupted import again. "
        "docs/import-export.md lists the columns.",
    )
    command.add_argument("file", metavar="FILE", help="a file, a folder of Parquet files, or - for the standard input")
    command.add_argument("--site", type=site_id, help="site id of all rows (default: each row's own site_id)")
    command.add_argument("--format", choices=FORMATS, help="default: by the file name, also with .gz")
    command.add_argument("--strict", action="store_true", help="write nothing if any row is invalid")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Read and check all rows, then write the valid ones."""
    settings = load_settings(config_file=arguments.config)
    set_up_logs(settings)
    source, store, now = find_source(arguments.file, arguments.format), open_to_write(settings), datetime.now(UTC)
    notes = _Notes(arguments.strict)
    settings_store = SiteSettingsStore(store)
    with Staging(store.scratch) as staging:
        with closing(open_database()) as database, _progress("read") as progress:
            checker = RowValidator(database, arguments.site, now, lambda site: settings_store.get(site).zones)
            chunks = notes.unknown_columns(read_chunks(source, database))
            for valid_rows, refused in stage(chunks, checker, staging):
                notes.refusals(refused)
                progress.advance(valid_rows + len(refused))
        if not (staging.rows or notes.refused):
            raise TransferError(f"{arguments.file} has no rows, so nothing was imported.")
        pa.default_memory_pool().release_unused()
        tables = [
            open_table(
                store,
                seal_rows=settings.seal_rows,
                retention_days=settings.retention_days,
                single_writer=settings.single_writer,
            )
            for _ in range(1 if settings.single_writer else WRITERS)
        ]
        total, expired = _write(staging, tables, now)
    for count, reason in (
        (total.erased, "of days that were erased during the import"),
        (expired, "older than retention"),
    ):
        if count:
            print(f"{count:,} rows are {reason}, and were skipped.", file=sys.stderr)
    duplicates_note = f" ({total.duplicates:,} were there already)" if total.duplicates else ""
    print(f"{total.written:,} events written{duplicates_note}.")
    notes.finish()
    return 0


def _write(staging: Staging, tables: Sequence[TableWriter], now: datetime) -> tuple[AppendReport, int]:
    """The report of the rows, and the number of those past retention."""
    total, expired = AppendReport(), 0
    with ExitStack() as stack, _progress("written", staging.rows) as progress:
        for table in tables:
            stack.callback(table.close)
        for _, rows, report in write(staging, tables, now):
            if report is None:
                expired += rows
            else:
                total += report
            progress.advance(rows)
    return total, expired


class _Notes:
    """Reporter of rejected rows and unknown columns: the first ones in full, then a count."""

    def __init__(self, strict: bool) -> None:
        self._strict = strict
        self.refused = 0
        self._unknown: set[str] = set()

    def unknown_columns(self, chunks: Iterable[Chunk]) -> Iterable[Chunk]:
        """The same chunks; reports each unknown column once."""
        for chunk in chunks:
            for name in sorted(chunk.unknown - self._unknown):
                print_above(f"The column {name[:80]!r} is unknown and ignored.")
            self._unknown |= chunk.unknown
            yield chunk

    def refusals(self, refused: list[RefusedRow]) -> None:
        """Report them; TransferError at the first one if the import is strict."""
        if refused and self._strict:
            raise TransferError(f"{refused[0]} Nothing was written.")
        for refusal in refused[: max(0, REFUSALS_SHOWN - self.refused)]:
            print_above(str(refusal))
        self.refused += len(refused)

    def finish(self) -> None:
        """TransferError where rows were rejected."""
        if self.refused:
            shown = f"; the first {REFUSALS_SHOWN} are above" if self.refused > REFUSALS_SHOWN else ""
            raise TransferError(f"{self.refused:,} rows were rejected{shown}.")


def _progress(label: str, total: int | None = None) -> Progress:
    return Progress("rows", total, label=label, scaled=True, line_every=PLAIN_LINE_EVERY_ROWS)
