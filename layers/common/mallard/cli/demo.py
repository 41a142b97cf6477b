"""``mallard demo``: writes realistic traffic through the table code of real events."""

import argparse
from contextlib import closing
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from mallard.bootstrap.logs import set_up_logs
from mallard.bootstrap.store import open_to_write
from mallard.bootstrap.table import open_table
from mallard.cli.options import config_option, read_moment, site_id
from mallard.cli.progress import Progress
from mallard.config import load_settings
from mallard.demo.traffic import generate
from mallard.errors import ConfigError
from mallard.event import to_ms
from mallard.sites.erased_days import accepted_ms
from mallard.sites.settings_store import SiteSettingsStore
from mallard.table.append_report import AppendReport
from mallard.table.layout import Partition
from mallard.table.messages import as_deliveries

MAX_EVENTS = 10_000_000_000
MAX_DAYS = 3660


def add_to(commands: Any) -> None:
    """Register the command."""
    command = commands.add_parser(
        "demo",
        parents=[config_option()],
        help="write realistic traffic for a site",
        description="Write realistic traffic for a site into the table. The same options generate the same "
        "events, which are stored once.",
    )
    command.add_argument("--site", type=site_id, default="demo.example.com", help="site id (default: %(default)s)")
    command.add_argument("--events", type=int, default=100_000, help="number of events (default: %(default)s)")
    command.add_argument("--days", type=int, default=30, help="number of days before --until (default: %(default)s)")
    command.add_argument("--random-seed", type=int, default=1, help="seed of the traffic (default: %(default)s)")
    command.add_argument(
        "--until",
        type=read_moment,
        help="end of the traffic, such as 2026-01-31T12:00 UTC (default: the beginning of this hour)",
    )
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Generate day by day and append each part of a day to its partition."""
    _check(arguments)
    settings = load_settings(config_file=arguments.config)
    set_up_logs(settings)
    table = open_table(open_to_write(settings), seal_rows=settings.seal_rows, single_writer=settings.single_writer)
    total, erased = AppendReport(), SiteSettingsStore(table.store).get(arguments.site).erased
    until = arguments.until or datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    traffic = generate(
        arguments.site, events=arguments.events, days=arguments.days, random_seed=arguments.random_seed, end=until
    )
    with closing(table), Progress("events", arguments.events, scaled=True) as progress:
        for day, parts in groupby(traffic, key=itemgetter(0)):
            # Generated now, so later than any erasure.
            accepted = accepted_ms(erased, day, to_ms(datetime.now(UTC)))
            count = 0
            for _, rows in parts:
                total += table.append(Partition(arguments.site, day), as_deliveries(rows, accepted))
                count += rows.num_rows
                progress.advance(rows.num_rows)
            progress.advance(0, f"{day}: {count:,} events")
    duplicates = f" ({total.duplicates:,} were there already)" if total.duplicates else ""
    print(f"{total.written:,} events of {arguments.site} written{duplicates}.")
    return 0


def _check(arguments: argparse.Namespace) -> None:
    for name, most in (("events", MAX_EVENTS), ("days", MAX_DAYS)):
        if not 1 <= getattr(arguments, name) <= most:
            raise ConfigError(f"--{name} is {getattr(arguments, name)}, but must be from 1 to {most}.")
    if arguments.random_seed < 0:
        raise ConfigError(f"--random-seed is {arguments.random_seed}, but must be 0 or more.")
