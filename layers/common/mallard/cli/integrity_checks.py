"""Findings of ``mallard doctor`` on damaged files of the table, and damaged small objects."""

from collections.abc import Iterator, Sequence

from mallard.cli.damaged_objects import damaged_objects, damaged_rollups
from mallard.errors import MallardError
from mallard.store.base import Listed, Store
from mallard.store.probe import Finding
from mallard.table.layout import EVENTS, parse_segment, partition_in
from mallard.table.segment import damage_of

MOST_READ_BYTES = 256 * 1024 * 1024
"""Of the table, those files that were written last: about fifteen million events. `mallard repair` reads all."""

MOST_NAMED = 5


def check_integrity(store: Store) -> Iterator[Finding]:
    """Both findings; what cannot be read is one too."""
    for name, check in (("table", check_table), ("objects", check_objects)):
        try:
            yield check(store)
        except MallardError as error:
            yield Finding(name, False, f"It could not be read: {error}")


def check_table(store: Store) -> Finding:
    """True where the files that were written last are whole."""
    rows = [row for row in store.list(EVENTS) if partition_in(row.key)]
    segments = sorted((row for row in rows if parse_segment(row.key)), key=lambda row: -row.modified)
    read = list(_up_to(segments, MOST_READ_BYTES))
    damaged = [f"{row.key} ({reason})" for row in read if (reason := _damage(store, row))]
    if damaged:
        return Finding("table", False, f"Damaged: {_named(damaged)}. `mallard repair` says more, and sets them aside.")
    if strays := [row.key for row in rows if not parse_segment(row.key)]:
        sentence = f"No files of ours, but other readers of the table take them for some: {_named(strays)}"
        return Finding("table", False, f"{sentence}. Move them elsewhere.")
    rest = f" `mallard repair` reads the {len(segments) - len(read):,} older ones too." if read != segments else ""
    return Finding("table", True, f"{len(read):,} files are whole.{rest}")


def check_objects(store: Store) -> Finding:
    """True where settings, keys, links, salts and what else is small can be read."""
    damaged = [f"{each.key} ({each.advice})" for each in damaged_objects(store)]
    damaged += [f"{key} (`mallard repair --apply` has it counted again)" for key in damaged_rollups(store)]
    if damaged:
        return Finding("objects", False, f"Damaged: {_named(damaged)}.")
    return Finding("objects", True, "Settings, keys, links, salts and daily counts can be read.")


def _damage(store: Store, row: Listed) -> str | None:
    stored = store.get(row.key)
    return damage_of(stored.data) if stored else None


def _up_to(rows: Sequence[Listed], most_bytes: int) -> Iterator[Listed]:
    size = 0
    for row in rows:
        size += row.size_bytes
        if size > most_bytes:
            return
        yield row


def _named(names: Sequence[str]) -> str:
    more = f"; and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    return "; ".join(names[:MOST_NAMED]) + more
