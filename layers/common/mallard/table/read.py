"""What a reader sees of the table: one listing, growing tails pinned as private files, sealed segments in place."""

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from itertools import groupby
from pathlib import Path

from mallard.store.base import Listed, Store
from mallard.table.layout import EVENTS, parse_segment, site_prefix

Days = Mapping[date, tuple[Listed, ...]]
"""A site's dates and the segments that one listing showed of each, in order of their numbers."""


def list_days(store: Store, site_id: str) -> Days:
    """All dates of a site, by one listing."""
    found = [(segment, row) for row in store.list(site_prefix(site_id)) if (segment := parse_segment(row.key))]
    found.sort(key=lambda each: (each[0][0].date, each[0][1], each[1].key))
    return {day: tuple(row for _, row in members) for day, members in groupby(found, key=lambda each: each[0][0].date)}


@contextmanager
def open_files(store: Store, days: Iterable[tuple[Listed, ...]]) -> Iterator[tuple[str, ...]]:
    """The files of these dates' segments.

    The highest segment of each partition may be swapped at any moment, between a reader's look at its footer and
    at its data too; so it is taken whole into a private file. All the others are sealed, and only an erasure swaps
    them: they are read where they are, unless to pin them costs nothing either.
    """
    folder = Path(tempfile.mkdtemp(dir=store.scratch))
    try:
        files: list[str] = []
        for *sealed, tail in days:
            private = [*sealed, tail] if store.pins_are_cheap else [tail]
            files += [store.location(each.key) for each in sealed if each not in private]
            files += [str(pinned) for each in private if (pinned := store.pin(each.key, folder))]
        yield tuple(files)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def known_sites(store: Store) -> list[str]:
    """The ids of all sites with events, sorted."""
    found = {partition[0].site_id for row in store.list(EVENTS) if (partition := parse_segment(row.key))}
    return sorted(found)
