"""Merge of counts from rollups and from events."""

from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mallard.stats.dimensions import DIMENSIONS, TOTAL
from mallard.stats.metrics import MEASURES
from mallard.stats.query import SERIES, Query

_TYPES = {"BIGINT": pa.int64(), "DECIMAL(18, 2)": pa.decimal128(18, 2), "VARCHAR": pa.string()}

COUNTS = pa.schema(
    [
        pa.field("dimension", pa.string()),
        pa.field("value", pa.string()),
        *(pa.field(each.name, _TYPES[each.type]) for each in MEASURES.values()),
    ]
)
"""Rows of a count."""


def merged(parts: Iterable[pa.Table], query: Query) -> list[dict[str, Any]]:
    """The rows of one query's answer, as ``{"value": …, measure: …}``, in its order and within its limit.

    ``parts`` have the schema COUNTS, and rows of the query's dimension only.
    """
    rows = pa.concat_tables([COUNTS.empty_table(), *parts])
    if query.dimension == TOTAL:
        return [{name: each or 0 for name, each in merged_columns(rows, (), query.measures).to_pylist()[0].items()}]
    if query.dimension not in SERIES:
        rows = rows.set_column(1, "value", _named(rows["value"], query.dimension))
        if query.only is not None:
            rows = rows.filter(pc.is_in(rows["value"], value_set=pa.array(sorted(query.only), pa.string())))
    summed = merged_columns(rows, ("value",), query.measures)
    for number, name in enumerate(query.measures, 1):
        summed = summed.set_column(number, name, pc.fill_null(summed[name], 0))
    order = [("value", "ascending")]
    if query.dimension not in SERIES and query.order:
        order.insert(0, (query.order, "descending"))
    found: list[dict[str, Any]] = summed.sort_by(order).slice(0, query.limit).to_pylist()
    return found


def merged_columns(rows: pa.Table, keys: Sequence[str], measures: Sequence[str]) -> pa.Table:
    """One row for each of the keys, in the columns ``keys`` and ``measures``; null where all values are missing."""
    merged = [(name, MEASURES[name].merge) for name in measures]
    found = rows.group_by(list(keys), use_threads=False).aggregate(merged)
    return found.select([*keys, *(f"{name}_{how}" for name, how in merged)]).rename_columns([*keys, *measures])


def _named(values: pa.ChunkedArray, dimension: str) -> pa.ChunkedArray:
    """Values as they are shown; kept counts of an earlier version may have one word apart from the other."""
    words = pa.array(sorted(DIMENSIONS[dimension].blanks), pa.string())
    missing = pc.or_(pc.is_null(values), pc.is_in(values, value_set=words))
    return pc.if_else(missing, DIMENSIONS[dimension].blank, values)
