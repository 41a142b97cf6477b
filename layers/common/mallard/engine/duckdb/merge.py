"""Merge of counts from rollups and from events."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from mallard.stats.grouping import Grouping
from mallard.stats.measures import GROUP_MEASURES
from mallard.stats.metrics import MEASURES

_TYPES = {"BIGINT": pa.int64(), "DECIMAL(18, 2)": pa.decimal128(18, 2), "VARCHAR": pa.string()}

COUNTS = pa.schema(
    [
        pa.field("dimension", pa.string()),
        pa.field("value", pa.string()),
        *(pa.field(each.name, _TYPES[each.type]) for each in MEASURES.values()),
    ]
)
"""Rows of a count."""


def group_schema(grouping: Grouping) -> pa.Schema:
    """The columns of a grouping's rows."""
    keys = [pa.field(name, pa.string()) for name in grouping.keys]
    return pa.schema([*keys, *(pa.field(name, _TYPES[GROUP_MEASURES[name].type]) for name in grouping.measures)])


def merges(grouping: Grouping) -> bool:
    """True where ``merged_rows`` can: its rows are in the order of columns, and ``only`` is of one."""
    sorts, columns = dict(grouping.sorts), {*grouping.dimensions, *grouping.measures}
    ordered = all(sorts.get(each.key, each.key) in columns for each in grouping.order)
    return ordered and (grouping.only is None or len(grouping.dimensions) <= 1)


def merged_rows(rows: pa.Table, grouping: Grouping) -> pa.Table:
    """One row for each combination of values, in order, with the words for missing values and 0 for no number.

    ``rows`` have the columns of ``group_schema``; those of one combination have no common visitor.
    """
    for place, (name, word) in enumerate(grouping.keys.items()):
        rows = rows.set_column(place, name, pc.fill_null(rows[name], word))
    merged = merged_columns(rows, tuple(grouping.keys), grouping.measures)
    for place, name in enumerate(grouping.measures, len(grouping.keys)):
        if GROUP_MEASURES[name].type == "BIGINT":
            merged = merged.set_column(place, name, pc.fill_null(merged[name], 0))
    if grouping.has_rows_without_events:
        merged = merged.filter(pc.or_(pc.greater(merged["events"], 0), pc.greater(merged["visitors"], 0)))
    if not grouping.keys:
        return merged
    if grouping.only is not None:
        wanted = pa.array(sorted(value for (value,) in grouping.only), pa.string())
        merged = merged.filter(pc.is_in(merged["key_0"], value_set=wanted))
    return merged.sort_by(_order(grouping))


def _order(grouping: Grouping) -> list[tuple[str, str]]:
    """By what is asked for, then by all dimensions."""
    columns = {**dict(grouping.sorts), **dict(zip(grouping.dimensions, grouping.keys, strict=True))}
    asked = [
        (columns.get(each.key, each.key), "descending" if each.descending else "ascending") for each in grouping.order
    ]
    return [*asked, *((name, "ascending") for name in grouping.keys)]


def merged_columns(rows: pa.Table, keys: Sequence[str], measures: Sequence[str]) -> pa.Table:
    """One row for each of the keys, in the columns ``keys`` and ``measures``; null where all values are missing."""
    merged = [(name, GROUP_MEASURES[name].merge) for name in measures]
    found = rows.group_by(list(keys), use_threads=False).aggregate(merged)
    return found.select([*keys, *(f"{name}_{how}" for name, how in merged)]).rename_columns([*keys, *measures])
