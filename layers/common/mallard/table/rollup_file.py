"""Rollup files: ZSTD Parquet with hashes of each row group and the footer.

A row group holds one dimension, or several small ones, of all days of the month. A reader of a dimension checks and
decodes its row group alone, and rejects corrupted bytes. Files of earlier versions have one hash over
all their bytes, and are read as well: they may hold the only counts of days whose events are gone.
"""

import hashlib
import io
import json
import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mallard.table.rollup import MAX_VALUE_BYTES, MAX_VALUES, MEASURED, SCHEMA, TOTAL, days_of

PACKED_ROWS = 8192
"""Dimensions share a row group up to so many rows: each group costs some 1.5 KB of the footer."""

_BATCH_ROWS = 65_536
_DIGEST = b"mallard.digest"
_GROUPS = b"mallard.groups"
_NO_DIGEST = b"0" * 64

_UNREADABLE = (pa.ArrowException, OSError, KeyError, ValueError, TypeError)


@dataclass(frozen=True, slots=True)
class _Group:
    """The bytes ``begin <= position < end`` of a row group, their hash, and the dimensions in it."""

    begin: int
    end: int
    digest: str
    dimensions: tuple[str, ...]


class RollupFile:
    """A file with a verified footer; each row group is verified at its first read."""

    def __init__(self, data: bytes, file: pq.ParquetFile, groups: tuple[_Group, ...] | None) -> None:
        """Without ``groups`` the file is of an earlier version, and all its bytes are verified."""
        self.size_bytes = len(data)
        self._data = data
        self._metadata = file.metadata
        self._groups = groups
        self._checked: set[int] = set()

    @property
    def dimensions(self) -> frozenset[str]:
        """The dimensions with rows."""
        if self._groups is not None:
            return frozenset(name for group in self._groups for name in group.dimensions)
        names = (pc.unique(batch["dimension"]).to_pylist() for batch in self._batches(["dimension"]))
        return frozenset(name for each in names for name in each)

    def is_whole(self) -> bool:
        """True where every byte is intact."""
        return all(self._is_sound(number) for number in range(len(self._groups or ())))

    def rows(self, dimension: str, columns: Iterable[str] = SCHEMA.names) -> pa.Table | None:
        """The rows of a dimension, in order of date and value; None where their bytes are damaged."""
        if self._groups is None:
            return _fill_defaults(_concat_columns(SCHEMA, self._old_rows(dimension)), columns)
        wanted = list(dict.fromkeys(("dimension", *columns)))
        numbers = [number for number, group in enumerate(self._groups) if dimension in group.dimensions]
        if not all(map(self._is_sound, numbers)):
            return None
        try:
            parts = [self._open().read_row_group(number, columns=wanted) for number in numbers]
        except _UNREADABLE:
            return None
        parts = [rows.filter(pc.equal(rows["dimension"], dimension)) for rows in parts]
        return _fill_defaults(_concat_columns(pa.schema([SCHEMA.field(name) for name in wanted]), parts), columns)

    def totals(self) -> dict[date, dict[str, object]] | None:
        """The row TOTAL of each day; None as in ``rows``."""
        rows = self.rows(TOTAL)
        return None if rows is None else days_of(rows)

    def _is_sound(self, number: int) -> bool:
        group = (self._groups or ())[number]
        if number not in self._checked:
            if _hash(memoryview(self._data)[group.begin : group.end]).decode() != group.digest:
                return False
            self._checked.add(number)
        return True

    def _batches(self, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
        yield from self._open().iter_batches(_BATCH_ROWS, columns=columns)

    def _open(self) -> pq.ParquetFile:
        """A new Parquet reader, since several threads may read the file."""
        return pq.ParquetFile(pa.BufferReader(self._data), metadata=self._metadata)

    def _old_rows(self, dimension: str) -> Iterator[pa.Table]:
        """The rows of an earlier version, which stored every value, within today's limits."""
        day, waiting = None, list[pa.Table]()
        for batch in self._batches():
            rows = pa.table(batch)
            rows = rows.filter(pc.equal(rows["dimension"], dimension))
            # Rows are in order of date.
            for each in pc.unique(rows["date"]).to_pylist():
                if each != day:
                    yield from _limit_values(waiting)
                    day, waiting = each, []
                waiting.append(rows.filter(pc.equal(rows["date"], pa.scalar(each, pa.date32()))))
        yield from _limit_values(waiting)


def open_rollup(data: bytes) -> RollupFile | None:
    """The file; None where its footer is damaged: then the events are counted instead."""
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        marks = file.metadata.metadata or {}
        groups = _groups(marks[_GROUPS]) if _GROUPS in marks else None
        rest = data[groups[-1].end if groups else 0 :]
        before, digest, after = rest.rpartition(marks[_DIGEST])
        if not digest or _hash(before + _NO_DIGEST + after) != marks[_DIGEST]:
            return None
        return RollupFile(data, file, groups)
    except _UNREADABLE:
        return None


def open_whole(data: bytes) -> RollupFile | None:
    """As ``open_rollup``, but None where any byte is damaged."""
    file = open_rollup(data)
    return file if file is not None and file.is_whole() else None


def write_rollup(dimensions: Iterable[str], rows_of: Callable[[str], pa.Table]) -> bytes:
    """A file with the rows of ``rows_of`` for each dimension, TOTAL first; no two files have the same bytes.

    One dimension is in memory at a time.
    """
    sink = io.BytesIO()
    groups: list[_Group] = []
    with pq.ParquetWriter(sink, SCHEMA, compression="zstd", store_schema=False, write_statistics=False) as writer:
        for names, rows in _pack_groups(sorted(dimensions, key=lambda name: (name != TOTAL, name)), rows_of):
            writer.write_table(rows, row_group_size=rows.num_rows)
            begin, end = groups[-1].end if groups else 0, sink.tell()
            groups.append(_Group(begin, end, _hash(sink.getbuffer()[begin:end]).decode(), names))
        marks = {b"mallard.write_id": secrets.token_hex(16).encode(), _GROUPS: _as_json(groups), _DIGEST: _NO_DIGEST}
        writer.add_key_value_metadata(marks)
    _sign(sink, groups[-1].end if groups else 0)
    return sink.getvalue()


def _sign(sink: io.BytesIO, begin: int) -> None:
    """Write the hash of the footer, which starts at ``begin``, into it; in place, since a file may have 50 MB."""
    with sink.getbuffer() as data:
        footer = bytes(data[begin:])
        place = begin + footer.rindex(_NO_DIGEST)
        data[place : place + len(_NO_DIGEST)] = _hash(footer)


def _pack_groups(
    names: Iterable[str], rows_of: Callable[[str], pa.Table]
) -> Iterator[tuple[tuple[str, ...], pa.Table]]:
    """Row groups of one dimension or of several small ones, in order."""
    packed: list[str] = []
    parts: list[pa.Table] = []
    for name in names:
        rows = rows_of(name).select(SCHEMA.names).cast(SCHEMA)
        rows = rows.sort_by([(column, "ascending") for column in ("date", "value")])
        if parts and sum(each.num_rows for each in parts) + rows.num_rows > PACKED_ROWS:
            yield tuple(packed), pa.concat_tables(parts)
            packed, parts = [], []
        if rows.num_rows:
            packed.append(name)
            parts.append(rows)
    if parts:
        yield tuple(packed), pa.concat_tables(parts)


def _limit_values(parts: list[pa.Table]) -> Iterator[pa.Table]:
    """One day's rows of a dimension, those beyond the limits as one row with summed visitors."""
    if not parts:
        return
    rows = pa.concat_tables(parts)
    if rows.num_rows <= MAX_VALUES and (pc.sum(pc.binary_length(rows["value"])).as_py() or 0) <= MAX_VALUE_BYTES:
        yield rows
        return
    rows = rows.sort_by([("visitors", "descending"), ("value", "ascending")])
    lengths = pc.cumulative_sum(pc.fill_null(pc.cast(pc.binary_length(rows["value"]), pa.int64()), 0))
    kept_rows = min(MAX_VALUES, pc.sum(pc.less_equal(lengths, MAX_VALUE_BYTES)).as_py() or 0)
    yield rows.slice(0, kept_rows)
    rest = rows.slice(kept_rows)
    sums = {name: pc.sum(rest[name]).as_py() for name in MEASURED}
    day = {"dimension": rest["dimension"][0].as_py(), "date": rest["date"][0].as_py()}
    yield pa.Table.from_pylist([{**day, **sums, "is_rest": True}], schema=SCHEMA)


def _concat_columns(schema: pa.Schema, parts: Iterable[pa.Table]) -> pa.Table:
    """The tables as one; columns added after a file was written are null."""
    return pa.concat_tables([schema.empty_table(), *parts], promote_options="default")


def _fill_defaults(rows: pa.Table, columns: Iterable[str]) -> pa.Table:
    """The columns, with defaults for later ones."""
    if "is_rest" in rows.column_names:
        place = rows.column_names.index("is_rest")
        rows = rows.set_column(place, "is_rest", pc.fill_null(rows["is_rest"], False))
    return rows.select(list(columns)).replace_schema_metadata(None)


def _as_json(groups: Iterable[_Group]) -> bytes:
    return json.dumps([[each.end, each.digest, each.dimensions] for each in groups]).encode()


def _groups(text: bytes) -> tuple[_Group, ...]:
    groups: list[_Group] = []
    for end, digest, names in json.loads(text):
        groups.append(_Group(groups[-1].end if groups else 0, int(end), str(digest), tuple(map(str, names))))
    return tuple(groups)


def _hash(data: bytes | memoryview) -> bytes:
    return hashlib.blake2b(data, digest_size=32).hexdigest().encode()
