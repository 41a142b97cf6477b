"""Deduplication of delivered rows against a partition."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc

from mallard.table.schema import EVENTS, FILLED, GIVEN_ID, MAX_EVENT_ID

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class KnownEvents:
    """Contents of a partition: rows of the tail, ids of sealed segments, and a reader of sealed rows."""

    tail: pa.Table
    sealed_ids: dict[str, pa.ChunkedArray]
    read_sealed: Callable[[str], pa.Table]

    def has(self, ids: pa.ChunkedArray) -> pa.ChunkedArray:
        """Boolean array, true for ids in the partition."""
        is_stored = pc.is_in(ids, value_set=_flat(self.tail["event_id"]))
        for sealed in self.sealed_ids.values():
            is_stored = pc.or_(is_stored, pc.is_in(ids, value_set=_flat(sealed)))
        return is_stored

    def rows(self, ids: pa.Array) -> pa.Table:
        """The stored rows of these ids, with the columns of EVENTS."""
        tables = [_only(self.tail, ids)]
        for key, sealed in self.sealed_ids.items():
            if pc.any(pc.is_in(sealed, value_set=ids)).as_py():
                tables.append(_only(self.read_sealed(key), ids))
        # A segment of an earlier version lacks later columns: they are null.
        return pa.concat_tables([EVENTS.empty_table(), *tables], promote_options="default").select(EVENTS.names)


def select_new_rows(deliveries: pa.Table, known: KnownEvents, erased_before: int | None) -> tuple[pa.Table, int, int]:
    """The rows to write (schema ``EVENTS``), the number of duplicates, and of rows from before an erasure.

    Same id and same content, or an id that the client chose: a duplicate. Same id and other content: two events
    whose random bits collided; the later one takes the next free id, where its redelivery is compared again. Content is
    every column of EVENTS; properties are compared as JSON, and what FILLED marks is not compared. An imported row
    (schema ``IMPORTED``) has two ids it may be known by: the one it came with, and one made of its content.
    """
    erased = 0
    if erased_before is not None and deliveries.num_rows:
        current_rows = deliveries.filter(pc.greater_equal(pc.fill_null(deliveries["accepted_ms"], 0), erased_before))
        erased = deliveries.num_rows - current_rows.num_rows
        deliveries = current_rows
    count = deliveries.num_rows
    deliveries = _without_known_by_given_id(deliveries, known)
    duplicates_by_given_id, ids = count - deliveries.num_rows, deliveries["event_id"]
    suspect = pc.or_(known.has(ids), _repeated(ids))
    clear = deliveries.filter(pc.invert(suspect)).select(EVENTS.names)
    suspects = deliveries.filter(suspect)
    if not suspects.num_rows:
        return clear, duplicates_by_given_id, erased
    stored = known.rows(_flat(suspects["event_id"]))
    contested = suspects.filter(pc.invert(_is_duplicate(suspects, stored, "event_id")))
    resolved_rows = _resolve_contested(contested.to_pylist(), clear, stored, known)
    resolved = pa.Table.from_pylist(resolved_rows, schema=EVENTS)
    return pa.concat_tables([clear, resolved]), duplicates_by_given_id + suspects.num_rows - len(resolved_rows), erased


def content_id(row: Row) -> int:
    """A 63-bit hash of the row's own columns with their names, as id where another event has the row's id."""
    filled = row.get(FILLED.name) or 0
    content = repr([(name, row[name]) for bit, name in enumerate(EVENTS.names) if not filled >> bit & 1])
    return int.from_bytes(hashlib.blake2b(content.encode(), digest_size=8).digest(), "big") >> 1


def _without_known_by_given_id(deliveries: pa.Table, known: KnownEvents) -> pa.Table:
    if GIVEN_ID.name not in deliveries.column_names or deliveries[GIVEN_ID.name].null_count == deliveries.num_rows:
        return deliveries
    stored = known.rows(_flat(deliveries[GIVEN_ID.name].drop_null()))
    return deliveries.filter(pc.invert(_is_duplicate(deliveries, stored, GIVEN_ID.name)))


def _is_duplicate(suspects: pa.Table, stored: pa.Table, id_column: str) -> pa.ChunkedArray:
    """Boolean array, true for suspects whose stored row of the same id is the same event."""
    index = pc.index_in(suspects[id_column], value_set=_flat(stored["event_id"]), skip_nulls=True)
    others = stored.take(index)
    same = pc.is_valid(index)
    filled = pc.fill_null(suspects[FILLED.name], 0) if FILLED.name in suspects.column_names else None
    for bit, name in enumerate(EVENTS.names[1:], 1):
        own, other = suspects[name], others[name]
        equal = pc.fill_null(pc.equal(own, other), False)
        equal = pc.or_(equal, pc.and_(pc.is_null(own), pc.is_null(other)))
        if name == "props" and pc.any(unlike := pc.and_(same, pc.invert(equal))).as_py():
            equal = _or_same_props(equal, unlike, own, other)
        if filled is not None:
            equal = pc.or_(equal, pc.not_equal(pc.bit_wise_and(filled, 1 << bit), 0))
        same = pc.and_(same, equal)
    return pc.or_(same, pc.and_(pc.is_valid(index), pc.fill_null(suspects["named_by_client"], False)))


def _or_same_props(equal: Any, unlike: Any, own: Any, other: Any) -> pa.Array:
    """``equal``, with JSON comparison of the texts that are ``unlike``."""
    cells = zip(equal.to_pylist(), unlike.to_pylist(), own.to_pylist(), other.to_pylist(), strict=True)
    return pa.array([is_equal or (look and _same_props(a, b)) for is_equal, look, a, b in cells])


def _resolve_contested(contested: list[Row], clear: pa.Table, stored: pa.Table, known: KnownEvents) -> list[Row]:
    """Resolve the few rows with the id of another event, or a repeated one, row by row."""
    resolved_rows: dict[int, Row] = {}

    def find_event(event_id: int) -> Row | None:
        if event_id in resolved_rows:
            return resolved_rows[event_id]
        wanted = pa.array([event_id], pa.int64())
        for rows in (_only(clear, wanted), _only(stored, wanted), known.rows(wanted)):
            if rows.num_rows:
                return cast(Row, rows.to_pylist()[0])
        return None

    for row in contested:
        event, filled = {name: row[name] for name in EVENTS.names}, row.get(FILLED.name) or 0
        while (other := find_event(event["event_id"])) is not None:
            if row["named_by_client"] or _same(event, other, filled):
                break
            event["event_id"] = _next_id(event, row)
        if other is None:
            resolved_rows[event["event_id"]] = event
    return list(resolved_rows.values())


def _next_id(event: Row, row: Row) -> int:
    """The next id to try where another event has ``event``'s; ``row`` is its delivery."""
    if FILLED.name in row and row[GIVEN_ID.name] is None and event["event_id"] == row["event_id"]:
        return content_id(row)
    # The lowest id follows the highest.
    return int(event["event_id"] + 1) & MAX_EVENT_ID


def _same(event: Row, other: Row, filled: int) -> bool:
    compared = [name for bit, name in enumerate(EVENTS.names) if bit and name != "props" and not filled >> bit & 1]
    return all(other.get(name) == event[name] for name in compared) and _same_props(event["props"], other.get("props"))


def _same_props(own: str | None, other: str | None) -> bool:
    """True where two texts are the same JSON value: an earlier version stored some numbers unnormalized."""
    if own == other or own is None or other is None:
        return own == other
    try:
        return json.dumps(json.loads(own)) == json.dumps(json.loads(other))
    except (ValueError, RecursionError):
        return False


def _repeated(ids: pa.ChunkedArray) -> pa.ChunkedArray:
    counts = pc.value_counts(ids)
    several = counts.filter(pc.greater(counts.field("counts"), 1)).field("values")
    return pc.is_in(ids, value_set=several)


def _only(rows: pa.Table, ids: pa.Array) -> pa.Table:
    return rows.filter(pc.is_in(rows["event_id"], value_set=ids))


def _flat(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
