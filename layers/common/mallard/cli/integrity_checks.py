"""Checks for damaged table files and small objects for ``mallard doctor``."""

from collections.abc import Iterator, Sequence

from mallard.cli.damaged_objects import damaged_objects, damaged_rollups, damaged_visits
from mallard.errors import MallardError
from mallard.store.base import Listed, Store
from mallard.store.probe import Finding
from mallard.table.layout import EVENTS, parse_segment, partition_in
from mallard.table.segment import damage_of

MOST_READ_BYTES = 256 * 1024 * 1024
"""Size of the most recent table files to read, about fifteen million events; and of visits files.

`mallard repair` reads all.
"""

MAX_NAMED = 5


def check_integrity(store: Store) -> Iterator[Finding]:
    """Findings on table and objects; a read error is a finding too."""
    for name, check in (("table", check_table), ("objects", check_objects)):
        try:
            yield check(store)
        except MallardError as error:
            yield Finding(name, False, f"The store could not be read: {error}")


def check_table(store: Store) -> Finding:
    """Check the most recently written table files for damage."""
    rows = [row for row in store.list(EVENTS) if partition_in(row.key)]
    segments = sorted((row for row in rows if parse_segment(row.key)), key=lambda row: -row.modified)
    read_rows = list(_most_recent(segments, MOST_READ_BYTES))
    damaged = [f"{row.key} ({reason})" for row in read_rows if (reason := _damage(store, row))]
    if damaged:
        return Finding(
            "table",
            False,
            f"Damaged: {_summary(damaged)}. `mallard repair` lists them all; with --apply it sets them aside.",
        )
    if foreign_keys := [row.key for row in rows if not parse_segment(row.key)]:
        sentence = (
            f"Foreign files in the table's folders, which other readers may take for segments: {_summary(foreign_keys)}"
        )
        return Finding("table", False, f"{sentence}. Move them elsewhere.")
    rest = (
        f" `mallard repair` also checks the {len(segments) - len(read_rows):,} older ones."
        if read_rows != segments
        else ""
    )
    return Finding("table", True, f"{len(read_rows):,} files are intact.{rest}")


def check_objects(store: Store) -> Finding:
    """Check settings, keys, links, salts and other small objects for damage."""
    damaged = [f"{each.key} ({each.advice})" for each in damaged_objects(store)]
    caches = (*damaged_rollups(store), *damaged_visits(store, MOST_READ_BYTES))
    damaged += [f"{key} (`mallard repair --apply` rebuilds it)" for key in caches]
    if damaged:
        return Finding("objects", False, f"Damaged: {_summary(damaged)}.")
    return Finding("objects", True, "Settings, keys, links, salts and daily counts and visits can be read.")


def _damage(store: Store, row: Listed) -> str | None:
    stored = store.get(row.key)
    return damage_of(stored.data) if stored else None


def _most_recent(rows: Sequence[Listed], most_bytes: int) -> Iterator[Listed]:
    size = 0
    for row in rows:
        size += row.size_bytes
        if size > most_bytes:
            return
        yield row


def _summary(names: Sequence[str]) -> str:
    suffix = f"; and {len(names) - MAX_NAMED:,} more" if len(names) > MAX_NAMED else ""
    return "; ".join(names[:MAX_NAMED]) + suffix
