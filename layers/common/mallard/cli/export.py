"""``mallard export``: writes a site's stored events to a file."""

import argparse
import sys
from contextlib import closing
from typing import Any

from mallard.bootstrap.logs import set_up_logs
from mallard.bootstrap.store import open_store
from mallard.cli.options import config_option, read_date, site_id
from mallard.cli.output_file import STANDARD_OUTPUT, open_output
from mallard.cli.progress import Progress
from mallard.config import load_settings
from mallard.errors import ConfigError, TransferError
from mallard.table.reader import first_day
from mallard.transfer.formats.writers import EXPORT_FORMATS, export_writer
from mallard.transfer.input_files import format_of
from mallard.transfer.table_export import EXPORTED, Exporter, days_of


def add_to(commands: Any) -> None:
    """Register the command."""
    command = commands.add_parser(
        "export",
        parents=[config_option()],
        help="write a site's stored events to a file",
        description="Write a site's stored events in order of time. Pending events are not included: `mallard flush` "
        "writes them into the table first. `mallard import` reads the file again.",
    )
    command.add_argument("--site", required=True, type=site_id, help="site id")
    command.add_argument("--start", type=read_date, metavar="DATE", help="first date, YYYY-MM-DD (default: the first)")
    command.add_argument("--end", type=read_date, metavar="DATE", help="the date after the last (default: all)")
    command.add_argument("--format", choices=sorted(EXPORT_FORMATS), help="default: by the file name, else ndjson")
    command.add_argument("--output", default=STANDARD_OUTPUT, metavar="FILE", help="default: the standard output")
    command.add_argument(
        "--bom",
        action=argparse.BooleanOptionalAction,
        help="begin CSV with a byte-order mark, by which spreadsheets recognise UTF-8 (default: in a file, not on the "
        "standard output)",
    )
    command.add_argument("--force", action="store_true", help="replace FILE where it exists")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write day by day."""
    site, output = arguments.site, arguments.output
    format_ = arguments.format or format_of(output) or "ndjson"
    if output == STANDARD_OUTPUT and format_ == "parquet" and sys.stdout.isatty():
        raise ConfigError("Parquet cannot be written to a terminal; use --output FILE.")
    settings = load_settings(config_file=arguments.config)
    set_up_logs(settings)
    store = open_store(settings)
    days = days_of(store, site, arguments.start, arguments.end)
    if not days and first_day(store, site) is None:
        raise TransferError(f"The table has no events of {site}.")
    count = 0
    bom = output != STANDARD_OUTPUT if arguments.bom is None else arguments.bom
    with (
        closing(Exporter(store)) as exporter,
        open_output(output, force=arguments.force) as file,
        Progress("days", len(days)) as progress,
    ):
        for day, events in exporter.write(site, days, export_writer(format_, file, EXPORTED, bom=bom)):
            count += events
            progress.advance(line=f"{day}: {events:,} events")
    print(f"{count:,} events of {site} exported.", file=sys.stderr)
    return 0
