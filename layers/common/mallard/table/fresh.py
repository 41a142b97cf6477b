"""Which delivered rows a partition does not hold yet."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc

from mallard.table.schema import EVENTS

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Known:
    """What a partition holds: its tail's rows, the ids of its sealed segments, and a way to read one of those."""

    tail: pa.Table
    sealed_ids: dict[str, pa.ChunkedArray]
    read_sealed: Callable[[str], pa.Table]

    def has(self, ids: pa.ChunkedArray) -> pa.ChunkedArray:
        """For each id, whether the partition has it."""
        found = pc.is_in(ids, value_set=_flat(self.tail["event_id"]))
        for sealed in self.sealed_ids.values():
            found = pc.or_(found, pc.is_in(ids, value_set=_flat(sealed)))
        return found

    def rows(self, ids: pa.Array) -> pa.Table:
        """The stored rows of these ids, with the columns of EVENTS."""
        found = [_only(self.tail, ids)]
        for key, sealed in self.sealed_ids.items():
            if pc.any(pc.is_in(sealed, value_set=ids)).as_py():
                found.append(_only(self.read_sealed(key), ids))
        # A segment written before a column was added lacks it: there it is null.
        return pa.concat_tables([EVENTS.empty_table(), *found], promote_options="default").select(EVENTS.names)


def fresh_rows(deliveries: pa.Table, known: Known, erased_before: int | None) -> tuple[pa.Table, int, int]:
    """The rows to write (schema ``EVENTS``), the number of duplicates, and of rows an erasure has outdated.

    Same id and same content, or an id that the client chose: a duplicate. Same id and other content: two events
    whose random bits met; the later one takes the next free id, where its own redelivery will look again.
    """
    erased = 0
    if erased_before is not None and deliveries.num_rows:
        kept = deliveries.filter(pc.greater_equal(pc.fill_null(deliveries["accepted_ms"], 0), erased_before))
        erased = deliveries.num_rows - kept.num_rows
        deliveries = kept
    ids = deliveries["event_id"]
    suspect = pc.or_(known.has(ids), _repeated(ids))
    clear = deliveries.filter(pc.invert(suspect)).select(EVENTS.names)
    suspects = deliveries.filter(suspect)
    if not suspects.num_rows:
        return clear, 0, erased
    stored = known.rows(_flat(suspects["event_id"]))
    contested = suspects.filter(pc.invert(_already(suspects, stored)))
    settled = _settle(contested.to_pylist(), clear, stored, known)
    resolved = pa.Table.from_pylist(settled, schema=EVENTS)
    return pa.concat_tables([clear, resolved]), suspects.num_rows - len(settled), erased


def _already(suspects: pa.Table, stored: pa.Table) -> pa.ChunkedArray:
    """For each suspect, whether the stored row of its id is the same event."""
    index = pc.index_in(suspects["event_id"], value_set=_flat(stored["event_id"]))
    others = stored.take(index)
    same = pc.is_valid(index)
    for name in EVENTS.names:
        mine, other = suspects[name], others[name]
        equal = pc.fill_null(pc.equal(mine, other), False)
        same = pc.and_(same, pc.or_(equal, pc.and_(pc.is_null(mine), pc.is_null(other))))
    return pc.or_(same, pc.and_(pc.is_valid(index), pc.fill_null(suspects["named_by_client"], False)))


def _settle(contested: list[Row], clear: pa.Table, stored: pa.Table, known: Known) -> list[Row]:
    """The few rows whose id is another event's, or comes twice in the batch: one by one."""
    settled: dict[int, Row] = {}

    def held(event_id: int) -> Row | None:
        if event_id in settled:
            return settled[event_id]
        wanted = pa.array([event_id], pa.int64())
        for rows in (_only(clear, wanted), _only(stored, wanted), known.rows(wanted)):
            if rows.num_rows:
                return cast(Row, rows.to_pylist()[0])
        return None

    for row in contested:
        event = {name: row[name] for name in EVENTS.names}
        while (other := held(event["event_id"])) is not None and not (row["named_by_client"] or _same(event, other)):
            event["event_id"] += 1
        if other is None:
            settled[event["event_id"]] = event
    return list(settled.values())


def _same(event: Row, other: Row) -> bool:
    return all(other.get(name) == value for name, value in event.items())


def _repeated(ids: pa.ChunkedArray) -> pa.ChunkedArray:
    counts = pc.value_counts(ids)
    several = counts.filter(pc.greater(counts.field("counts"), 1)).field("values")
    return pc.is_in(ids, value_set=several)


def _only(rows: pa.Table, ids: pa.Array) -> pa.Table:
    return rows.filter(pc.is_in(rows["event_id"], value_set=ids))


def _flat(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
