"""Table reader: listings of days, and files that stay unchanged during a read."""

import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from itertools import groupby
from pathlib import Path

from mallard.store.base import Listed, Store
from mallard.table.layout import EVENTS, parse_segment, site_in, site_prefix
from mallard.table.segment_cache import SegmentCache

Days = Mapping[date, tuple[Listed, ...]]
"""A site's dates and the segments that one listing showed of each, in order of their numbers."""


def day_key(site_id: str, day: date) -> str:
    """The prefix of the keys of a date's segments, before those of later dates."""
    return f"{site_prefix(site_id)}date={day.isoformat()}"


def list_days(store: Store, site_id: str, since: date | None = None) -> Days:
    """The dates of a site from ``since`` on, or all, by one listing."""
    start_after = day_key(site_id, since) if since else ""
    rows = store.list(site_prefix(site_id), start_after=start_after)
    segments = [(segment, row) for row in rows if (segment := parse_segment(row.key))]
    segments.sort(key=lambda each: (each[0][0].date, each[0][1], each[1].key))
    return {
        day: tuple(row for _, row in members) for day, members in groupby(segments, key=lambda each: each[0][0].date)
    }


def first_day(store: Store, site_id: str) -> date | None:
    """The oldest date of a site, None without any; the listing ends with its first segment."""
    segments = (parse_segment(row.key) for row in store.list(site_prefix(site_id)))
    return next((segment[0].date for segment in segments if segment), None)


def in_batches(days: Iterable[tuple[date, tuple[Listed, ...]]], most_bytes: int) -> Iterator[Days]:
    """The days in their order, so many bytes at a time; a day with more is alone."""
    batch: dict[date, tuple[Listed, ...]] = {}
    size = 0
    for day, segments in days:
        more = sum(each.size_bytes for each in segments)
        if batch and size + more > most_bytes:
            yield batch
            batch, size = {}, 0
        batch[day] = segments
        size += more
    if batch:
        yield batch


@contextmanager
def open_files(
    store: Store, days: Collection[tuple[Listed, ...]], cache: SegmentCache | None = None
) -> Iterator[tuple[str, ...]]:
    """The files of these dates' segments.

    The highest segment of each partition may be swapped at any moment, between a reader's look at its footer and
    at its data too; so it is taken whole into a private file. All the others are sealed, and only an erasure swaps
    them: they are read where they are, unless pinning moves no data, or the ``cache`` of this store has room for
    all and gives the private files.
    """
    days = tuple(days)
    if not days:
        yield ()
        return
    rows = [row for segments in days for row in segments]
    copies_all = cache.has_room_for(rows) if cache else store.pins_are_cheap
    private = rows if copies_all else [segments[-1] for segments in days]
    folder = Path(tempfile.mkdtemp(dir=store.scratch))
    try:
        copies = cache.copy_to(private, folder) if cache else [store.pin(row.key, folder) for row in private]
        by_key = dict(zip((row.key for row in private), copies, strict=True))
        files = [by_key[row.key] if row.key in by_key else store.location(row.key) for row in rows]
        yield tuple(str(file) for file in files if file)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def known_sites(store: Store) -> list[str]:
    """The ids of all sites with events, sorted; the cost goes by sites, not by objects."""
    return sorted(site for folder in store.list_folders(EVENTS) if (site := site_in(folder)) is not None)
