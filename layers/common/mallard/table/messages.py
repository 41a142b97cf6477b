"""Queue messages as Arrow rows."""

import json
from collections.abc import Sequence
from datetime import date
from itertools import groupby
from typing import Any

import pyarrow as pa
import pyarrow.json as pj

from mallard.table.layout import Partition
from mallard.table.schema import DELIVERIES

_WIRE = pa.schema(
    [
        pa.field("site_id", pa.string()),
        pa.field("date", pa.string()),
        *(
            # In JSON timestamps are milliseconds, and amounts text.
            pa.field(each.name, {"timestamp": pa.int64(), "revenue_amount": pa.string()}.get(each.name, each.type))
            for each in DELIVERIES
        ),
    ]
)
_TYPED = pa.schema([_WIRE.field("site_id"), _WIRE.field("date"), *DELIVERIES])
_REQUIRED = ("site_id", "date", "event_id", "timestamp", "event_name")


def read_deliveries(bodies: Sequence[bytes]) -> pa.Table:
    """Rows of ``DELIVERIES`` with ``site_id`` and ``date`` as text before them; ValueError where a body is broken."""
    if not bodies:
        return _TYPED.empty_table()
    try:
        table = pj.read_json(
            pa.BufferReader(b"\n".join(bodies)),
            read_options=pj.ReadOptions(
                # Several threads take twice the CPU time in total, while more events arrive.
                use_threads=False,
                block_size=max(1 << 20, 2 * max(map(len, bodies), default=0)),
            ),
            parse_options=pj.ParseOptions(explicit_schema=_WIRE, unexpected_field_behavior="ignore"),
        )
        if table.num_rows != len(bodies) or any(table[name].null_count for name in _REQUIRED):
            raise ValueError("a message lacks what every event has")
        for day in table["date"].unique().to_pylist():
            date.fromisoformat(day)
        columns = [_typed(table[name], name) for name in ("site_id", "date", *DELIVERIES.names)]
        return pa.table(columns, schema=_TYPED)
    except (pa.ArrowException, KeyError) as error:
        raise ValueError(str(error)) from error


def as_deliveries(rows: pa.Table, accepted_ms: int | None = None) -> pa.Table:
    """Rows of EVENTS from outside the queue as DELIVERIES, with generated ids.

    They count as accepted at ``accepted_ms`` (since 1970), None: at their timestamps.
    """
    moment = None if accepted_ms is None else pa.scalar(accepted_ms, pa.int64())
    accepted = rows["timestamp"].cast(pa.int64()) if moment is None else pa.repeat(moment, rows.num_rows)
    named = pa.repeat(pa.scalar(False), rows.num_rows)
    salt = pa.nulls(rows.num_rows, pa.string())
    columns = {"accepted_ms": accepted, "named_by_client": named, "salt": salt}
    for name, column in columns.items():
        rows = rows.append_column(name, column)
    return rows


def find_fault(body: bytes) -> str | None:
    """The reason that a message cannot be a row, None for a valid one."""
    try:
        value = json.loads(body)
        if not isinstance(value, dict):
            return "it is not a JSON object"
        date.fromisoformat(value["date"])
        read_deliveries([body])
    except KeyError as error:
        return f"it lacks {error}"
    except (ValueError, TypeError, RecursionError) as error:
        return str(error)
    return None


def partitions(table: pa.Table) -> list[tuple[Partition, list[int], pa.Table]]:
    """Rows by partition: the partition, the indices of its rows, and the rows as ``DELIVERIES``."""
    keyed = table.append_column("row", pa.array(range(table.num_rows), pa.int64()))
    keyed = keyed.sort_by([("site_id", "ascending"), ("date", "ascending"), ("row", "ascending")])
    groups: list[tuple[Partition, list[int], pa.Table]] = []
    start = 0
    for (site_id, day), members in groupby(zip(keyed["site_id"].to_pylist(), keyed["date"].to_pylist(), strict=True)):
        rows = keyed.slice(start, sum(1 for _ in members))
        start += rows.num_rows
        partition = Partition(site_id, date.fromisoformat(day))
        groups.append((partition, rows["row"].to_pylist(), rows.select(DELIVERIES.names)))
    return groups


def _typed(column: Any, name: str) -> Any:
    if name in ("site_id", "date"):
        return column
    wanted = DELIVERIES.field(name).type
    return column if column.type == wanted else column.cast(wanted)
