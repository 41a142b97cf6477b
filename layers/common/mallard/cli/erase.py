"""``mallard erase``: erases a site's days everywhere."""

import argparse
import sys
import time
from contextlib import closing
from datetime import UTC, date, datetime
from math import ceil
from typing import Any

from mallard.bootstrap.logs import set_up_logs
from mallard.bootstrap.queue import open_local_queue
from mallard.bootstrap.store import open_store
from mallard.cli.options import config_option, read_date, site_id
from mallard.cli.progress import Progress
from mallard.config import load_settings
from mallard.errors import ConfigError
from mallard.maintenance.erasure import Erasure, carry_out, open_erasures, read_erasure, request_erasure
from mallard.sites.settings_store import TTL_SECONDS

DESCRIPTION = """\
Erase a site's events of some days everywhere: the table, the daily counts, the local queue, downloads and old
versions. Events in SQS are dropped when they are flushed. An erasure cannot be undone. An interrupted run resumes
when the command is started again.
"""


def add_to(commands: Any) -> None:
    """Register the command."""
    command = commands.add_parser(
        "erase", parents=[config_option()], help="erase a site's days everywhere", description=DESCRIPTION
    )
    command.add_argument("--site", required=True, type=site_id, help="site id")
    command.add_argument("--start", required=True, type=read_date, metavar="DATE", help="first day, YYYY-MM-DD")
    command.add_argument("--end", required=True, type=read_date, metavar="DATE", help="last day, included")
    command.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Resume an interrupted erasure of the same days, or begin one."""
    settings = load_settings(config_file=arguments.config)
    set_up_logs(settings)
    if not arguments.yes:
        _confirm(arguments.site, arguments.start, arguments.end)
    store, queue = open_store(settings), open_local_queue(settings)
    with closing(queue):
        wanted = (arguments.site, arguments.start, arguments.end)
        left = [key for key, found in open_erasures(store) if (found.site_id, found.first, found.last) == wanted]
        key = left[0] if left else request_erasure(store, *wanted, datetime.now(UTC))
        erasure = read_erasure(store, key)
        days = (erasure.last - erasure.next).days + 1
        began = time.monotonic()
        with Progress("days", days) as progress:

            def advance(day: date, removed: int) -> None:
                progress.advance(line=f"{day}: {removed:,} events removed" if removed else "")

            erasure = carry_out(store, key, erase_pending=queue.erase, progress=advance)
    _report(erasure)
    _wait_for_servers(began + TTL_SECONDS - time.monotonic())
    return 0


def _wait_for_servers(seconds: float) -> None:
    # Events that they accept after the end of this command are kept.
    if seconds > 0:
        print(
            f"Waiting until running servers know of the erasure, at most {ceil(seconds)} s ...",
            file=sys.stderr,
            flush=True,
        )
        time.sleep(seconds)


def _confirm(site: str, first: date, last: date) -> None:
    if not sys.stdin.isatty():
        raise ConfigError("mallard erase asks for confirmation; without a terminal, use --yes.")
    if input(f"Erase everything of {site} from {first} to {last}? Type the site's id: ").strip() != site:
        raise ConfigError("Nothing was erased.")


def _report(erasure: Erasure) -> None:
    waited = f", and {erasure.pending:,} pending" if erasure.pending else ""
    damaged = f", and {erasure.damaged:,} damaged files with an unknown number of events" if erasure.damaged else ""
    print(f"{erasure.events:,} events of {len(erasure.days):,} days of {erasure.site_id} erased{waited}{damaged}.")
    for day in erasure.days:
        print(day)
