"""A month's rollup file, put together of parts of other files, and its replacement."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from mallard.errors import DamagedObjectError
from mallard.store.base import Store
from mallard.table.rollup import ROLLUPS, SCHEMA, TOTAL, without
from mallard.table.rollup_file import RollupFile, write_rollup


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a month's file, from another file: all days but ``but``, those of ``freezing`` marked as frozen."""

    file: RollupFile
    but: frozenset[date] = frozenset()
    freezing: frozenset[date] = frozenset()

    def rows(self, dimension: str) -> pa.Table:
        """Rows of a dimension. DamagedObjectError if their hash differs."""
        rows = self.file.rows(dimension)
        if rows is None:
            raise DamagedObjectError(ROLLUPS)
        rows = without(rows, self.but)
        return with_facts(rows, self.freezing, {"frozen": pa.scalar(True)}) if dimension == TOTAL else rows


def known_totals(file: RollupFile | None) -> dict[date, dict[str, object]]:
    """The row TOTAL of each day of a whole file; of none there are none."""
    return (file.totals() if file else None) or {}


def swap(store: Store, key: str, etag: str | None, parts: Sequence[Part]) -> str:
    """Replace a month's file by these parts, where it is still the one that was read; the ETag of the new one."""
    data = month_file(parts)
    return store.put_if_absent(key, data) if etag is None else store.put_if_match(key, data, etag)


def month_file(parts: Sequence[Part]) -> bytes:
    """A month's file of these parts; no two are the same bytes. One dimension of them is in memory at a time."""
    names = frozenset[str]().union(*(part.file.dimensions for part in parts))
    return write_rollup(
        names, lambda name: pa.concat_tables([SCHEMA.empty_table(), *(part.rows(name) for part in parts)])
    )


class MonthFile:
    """A month's file with the days that are counted anew; the old counts of days that cannot be counted stay in it.

    These are good where the day's files come back as they were.
    """

    def __init__(
        self, store: Store, key: str, etag: str | None, known: RollupFile | None, gone: Collection[date]
    ) -> None:
        """``known`` is the file with this ETag; its days ``gone`` are left out at the first write."""
        self._store = store
        self._key = key
        self._etag = etag
        self._known = known
        self._anew: list[Part] = []
        self._replaced = frozenset(gone)
        self._is_written = not gone

    def add(self, days: Collection[date], part: Part | None) -> None:
        """Keep the counts of days for the next write; None: there are none."""
        if part is not None:
            self._anew.append(part)
            self._replaced |= frozenset(days)
        self._is_written = False

    def write(self) -> None:
        """Replace the file where days were counted or are gone. ConflictError where another process replaced it."""
        if not self._is_written:
            unchanged = [Part(self._known, self._replaced)] if self._known else []
            self._etag = swap(self._store, self._key, self._etag, [*unchanged, *self._anew])
            self._is_written = True


def with_facts(totals: pa.Table, days: Collection[date], facts: Mapping[str, pa.Scalar]) -> pa.Table:
    """The rows TOTAL with other facts for some days."""
    of_days = pc.is_in(totals["date"], value_set=pa.array(sorted(days), pa.date32()))
    for name, value in facts.items():
        column = pc.if_else(of_days, value, totals[name])
        totals = totals.set_column(totals.column_names.index(name), SCHEMA.field(name), column)
    return totals
