"""Rows of rollups as the rows of a grouping."""

from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from mallard.engine.duckdb.merge import group_schema
from mallard.stats import grouping
from mallard.stats.dimensions import BY_V2_NAME


def rolled_rows(rows: pa.Table, asked: grouping.Grouping, start: date) -> pa.Table:
    """The rows of a rollup's dimension in the columns of ``group_schema``; ``start`` is the first date of the range.

    Rows have their ``date`` where it ``is_dated``.
    """
    keys = [_key(rows, name, start) for name in asked.dimensions]
    return pa.table([*keys, *(rows[name] for name in asked.measures)], schema=group_schema(asked))


def _key(rows: pa.Table, name: str, start: date) -> pa.ChunkedArray:
    match name:
        case grouping.HOUR:
            return rows["value"]
        case grouping.DAY:
            return rows["date"].cast(pa.string())
        case grouping.MONTH:
            return pc.floor_temporal(rows["date"], unit="month").cast(pa.string())
        case grouping.WEEK:
            # Monday, but not before the range.
            mondays = pc.floor_temporal(rows["date"], unit="week")
            return pc.max_element_wise(mondays, pa.scalar(start, pa.date32())).cast(pa.string())
    words = pa.array(sorted(BY_V2_NAME[name].blanks), pa.string())
    return pc.if_else(pc.is_in(rows["value"], value_set=words), pa.scalar(None, pa.string()), rows["value"])
