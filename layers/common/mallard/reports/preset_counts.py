"""Counts of the reports that have one dimension, as groupings of one query."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mallard.engine.base import Engine, QueryResult
from mallard.stats.grouping import GroupQuery
from mallard.stats.query import Query


def count_presets(engine: Engine, queries: Sequence[Query]) -> QueryResult:
    """The rows of each query, ``{"value": …, measure: …}``, counted together. Errors as of ``Engine.group``.

    All queries are of one site, range and filter. A row of values that rollups dropped is marked ``is_rest``.
    """
    first = queries[0]
    scopes = {(each.site_id, each.period, each.filters, each.events_only) for each in queries}
    assert len(scopes) == 1, scopes
    groupings = tuple(each.grouping for each in queries)
    found = engine.group(GroupQuery(first.site_id, first.period, groupings, first.filters, first.events_only))
    return replace(found, rows=tuple([_named(row) for row in rows] for rows in found.rows))


def _named(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"value" if name == "key_0" else name: each for name, each in row.items()}
