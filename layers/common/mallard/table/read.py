"""What a reader sees of the table: one listing, growing tails pinned as private files, sealed segments in place."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from mallard.store.base import Store
from mallard.table.layout import EVENTS, Partition, parse_segment, site_prefix


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Files that hold each event of one site's dates exactly once, for as long as the snapshot is open."""

    files: tuple[str, ...]
    first_date: date | None


@contextmanager
def open_snapshot(store: Store, site_id: str, start: date, end: date) -> Iterator[Snapshot]:
    """All segments of ``start <= date < end``.

    The highest segment of each partition may be swapped at any moment, between a reader's look at its footer and
    at its data too; so it is taken whole into a private file. All the others are sealed and read where they are.
    """
    folder = Path(tempfile.mkdtemp(dir=store.scratch))
    try:
        partitions = _partitions(store, site_id)
        files: list[str] = []
        for partition, numbers in partitions.items():
            if start <= partition.date < end:
                *sealed, tail = sorted(numbers)
                files += [store.location(partition.segment(number)) for number in sealed]
                if pinned := store.pin(partition.segment(tail), folder):
                    files.append(str(pinned))
        yield Snapshot(tuple(files), min((each.date for each in partitions), default=None))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def known_sites(store: Store) -> list[str]:
    """The ids of all sites with events, sorted."""
    found = {partition[0].site_id for row in store.list(EVENTS) if (partition := parse_segment(row.key))}
    return sorted(found)


def _partitions(store: Store, site_id: str) -> dict[Partition, list[int]]:
    found: dict[Partition, list[int]] = {}
    for row in store.list(site_prefix(site_id)):
        if segment := parse_segment(row.key):
            found.setdefault(segment[0], []).append(segment[1])
    return found
