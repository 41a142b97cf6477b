"""Counts of several sources put together: rollup rows and what was counted from events add up."""

from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mallard.stats.dimensions import DIMENSIONS, TOTAL
from mallard.stats.metrics import MEASURES
from mallard.stats.query import SERIES, Query

COUNTS = pa.schema(
    [
        pa.field("dimension", pa.string()),
        pa.field("value", pa.string()),
        *(pa.field(name, pa.int64()) for name in MEASURES),
    ]
)
"""Rows of a count."""


def merged(parts: Iterable[pa.Table], query: Query) -> list[dict[str, Any]]:
    """The rows of one query's answer, as ``{"value": …, measure: …}``, in its order and within its limit.

    ``parts`` have the schema COUNTS, and rows of the query's dimension only.
    """
    rows = pa.concat_tables([COUNTS.empty_table(), *parts])
    if query.dimension == TOTAL:
        return [{name: pc.sum(rows[name]).as_py() or 0 for name in query.measures}]
    if query.dimension not in SERIES:
        rows = rows.set_column(1, "value", _named(rows["value"], query.dimension))
        if query.only is not None:
            rows = rows.filter(pc.is_in(rows["value"], value_set=pa.array(sorted(query.only), pa.string())))
    summed = rows.group_by("value", use_threads=False).aggregate([(name, "sum") for name in query.measures])
    columns = [summed["value"], *(pc.fill_null(summed[f"{name}_sum"], 0) for name in query.measures)]
    summed = pa.table(columns, names=["value", *query.measures])
    order = [("value", "ascending")]
    if query.dimension not in SERIES and query.order:
        order.insert(0, (query.order, "descending"))
    found: list[dict[str, Any]] = summed.sort_by(order).slice(0, query.limit).to_pylist()
    return found


def _named(values: pa.ChunkedArray, dimension: str) -> pa.ChunkedArray:
    """Values as they are shown; kept counts of an earlier version may have one word apart from the other."""
    words = pa.array(sorted(DIMENSIONS[dimension].blanks), pa.string())
    missing = pc.or_(pc.is_null(values), pc.is_in(values, value_set=words))
    return pc.if_else(missing, DIMENSIONS[dimension].blank, values)
