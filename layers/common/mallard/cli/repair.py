"""``mallard repair``: lists damaged files and replaces them."""

import argparse
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from typing import Any

from mallard.bootstrap.logs import set_up_logs
from mallard.bootstrap.store import open_store
from mallard.cli.damaged_objects import damaged_objects, damaged_rollups, damaged_visits
from mallard.cli.options import config_option, read_date, site_id
from mallard.cli.progress import Progress
from mallard.config import load_settings
from mallard.errors import ConflictError
from mallard.maintenance.erasure import last_erasure_ms
from mallard.maintenance.month_file import month_file
from mallard.maintenance.rollup_builder import look_into_all
from mallard.privacy.salts import SALTS
from mallard.store.base import Store
from mallard.table.layout import EVENTS, Partition, aside_key, partition_in, site_prefix
from mallard.table.segment_repair import DamagedSegment, damaged_in, set_aside

DESCRIPTION = """\
Read every file of the table completely and list the damaged ones, with site and day. With --apply each is moved below
damaged/ and replaced by an empty file, so that its day can be written and queried again; damaged daily counts are
rebuilt, and damaged salts deleted. Restore a good copy of a file first, if you have one.
"""

EPILOG = "exit codes: 0 nothing is damaged; 1 damage remains; 2 a setting is invalid"


def add_to(commands: Any) -> None:
    """Register the command."""
    command = commands.add_parser(
        "repair",
        parents=[config_option()],
        help="list damaged files and replace them",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=EPILOG,
    )
    command.add_argument("--site", type=site_id, help="site id (default: all sites)")
    command.add_argument("--date", type=read_date, metavar="DATE", help="one day, YYYY-MM-DD (default: all days)")
    command.add_argument("--apply", action="store_true", help="replace the damaged files")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Repair segments, and without a site or day the rollups, visits and small objects."""
    settings = load_settings(config_file=arguments.config)
    set_up_logs(settings)
    store = open_store(settings)
    damaged_count = _repair_segments(store, partitions(store, arguments.site, arguments.date), apply=arguments.apply)
    left = 0 if arguments.apply else damaged_count
    if arguments.site is None and arguments.date is None:
        left += _repair_rollups(store, apply=arguments.apply)
        left += _repair_visits(store, apply=arguments.apply)
        left += _repair_objects(store, apply=arguments.apply)
    if not left and not damaged_count:
        print("Nothing is damaged.")
    if left and not arguments.apply:
        print("--apply replaces damaged files of the table and keeps their bytes below damaged/.")
    return 1 if left else 0


def partitions(store: Store, site: str | None, day: date | None) -> list[Partition]:
    """The partitions of a listing, of one site and day where these are named; both together name one for certain."""
    prefix = site_prefix(site) if site else EVENTS
    listed_partitions = {partition for row in store.list(prefix) if (partition := partition_in(row.key))}
    if site and day:
        # A folder that replaces its only file is in no listing.
        listed_partitions.add(Partition(site, day))
    return sorted(each for each in listed_partitions if day in (None, each.date))


def _repair_segments(store: Store, wanted: list[Partition], *, apply: bool) -> int:
    count = 0
    with Progress("days", len(wanted)) as progress:
        for partition in wanted:
            for damaged in _damaged(store, partition):
                count += 1
                where = f"{partition.date}  {partition.site_id}  {damaged.key}"
                if apply:
                    copy_key = set_aside(store, damaged, last_erasure_ms(store, partition))
                    print(f"set aside  {where}: {damaged.reason}; its bytes are kept as {copy_key}")
                else:
                    print(f"damaged    {where}: {damaged.reason}, {len(damaged.data):,} bytes")
            progress.advance()
    return count


def _damaged(store: Store, partition: Partition) -> Iterator[DamagedSegment]:
    # All of them first: setting one aside changes the listing.
    yield from list(damaged_in(store, partition))


def _repair_rollups(store: Store, *, apply: bool) -> int:
    left = 0
    for key in damaged_rollups(store):
        stored = store.get(key)
        if not apply or stored is None:
            print(f"damaged    {key}: daily counts; those of days whose events are there are counted again")
            left += 1
            continue
        copy_key = aside_key(key, stored.etag)
        with suppress(ConflictError):
            store.put_if_absent(copy_key, stored.data)
        store.put_if_match(key, month_file([]), stored.etag)
        look_into_all(store)
        print(f"set aside  {key}: daily counts; kept as {copy_key}, and counted again by the next flush")
    return left


def _repair_visits(store: Store, *, apply: bool) -> int:
    left = 0
    for key in damaged_visits(store):
        if apply:
            # The events have all that it had.
            store.delete(key)
            print(f"deleted    {key}: visits, and written again by the next flush")
            continue
        print(f"damaged    {key}: visits; filtered reports count the events of that day")
        left += 1
    return left


def _repair_objects(store: Store, *, apply: bool) -> int:
    left = 0
    for damaged in damaged_objects(store):
        if apply and damaged.key.startswith(SALTS):
            # Deleted without a copy: a copy would outlive the salt's day.
            store.delete(damaged.key)
            print(f"deleted    {damaged.key}: visitors of that day are counted anew")
            continue
        print(f"damaged    {damaged.key}: {damaged.advice}")
        left += 1
    return left
