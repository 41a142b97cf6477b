"""Sums of counts over portions, held in DuckDB to keep values out of Python."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mallard.engine.duckdb.cursors import Cursor
from mallard.engine.duckdb.merge import COUNTS
from mallard.engine.sql.texts import sql_file
from mallard.errors import QueryTooLargeError
from mallard.stats.dimensions import DIMENSIONS
from mallard.stats.metrics import MEASURES
from mallard.stats.query import Query

MAX_ROWS = 100_000
"""The most that are taken into Python at once: 100 MB as dictionaries."""


class Sums:
    """Counts in a table of one cursor, with which they end."""

    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor
        columns = ", ".join(f"{each.name} {each.type}" for each in MEASURES.values())
        cursor.execute(f"CREATE TEMP TABLE counted (dimension VARCHAR, value VARCHAR, {columns})")

    def add(self, sql: str, values: Mapping[str, Any]) -> None:
        """The rows of a count."""
        self.cursor.execute(f"INSERT INTO counted BY NAME {sql}", values)

    def rows(self, query: Query, rolled: pa.Table) -> pa.Table:
        """Counts for the answer to a query, in the schema COUNTS; ``rolled`` are more counts of its dimension.

        QueryTooLargeError where they are too many.
        """
        found = self.cursor.execute("SELECT count(*) FROM counted WHERE dimension = $1", [query.dimension]).fetchall()
        if found[0][0] + rolled.num_rows <= MAX_ROWS or query.dimension not in DIMENSIONS:
            rows = self.cursor.execute("FROM counted WHERE dimension = $1", [query.dimension]).to_arrow_table()
            return pa.concat_tables([rolled, rows.cast(COUNTS)])
        return self._most(query, rolled)

    def _most(self, query: Query, rolled: pa.Table) -> pa.Table:
        words = pa.array(sorted(DIMENSIONS[query.dimension].blanks), pa.string())
        missing = pc.is_in(rolled["value"], value_set=words)
        named = pc.if_else(missing, pa.scalar(None, pa.string()), rolled["value"])
        self.cursor.register("rolled", rolled.set_column(1, "value", named))
        limit = MAX_ROWS + 1 if query.limit is None else query.limit
        blank = DIMENSIONS[query.dimension].blank
        values: dict[str, Any] = {"dimension": query.dimension, "blank": blank, "limit": limit}
        if query.only is not None:
            values["only"] = sorted(query.only)
        sql = sql_file("sums").format(
            sums=",\n    ".join(f"{each.merge}({each.name}) AS {each.name}" for each in MEASURES.values()),
            wanted="true" if query.only is None else "list_contains($only, coalesce(value, $blank))",
            order=f"{query.order} DESC, " if query.order else "",
        )
        rows = self.cursor.execute(sql, values).to_arrow_table().select(COUNTS.names).cast(COUNTS)
        if query.limit is None and rows.num_rows > MAX_ROWS:
            raise QueryTooLargeError(
                f"The range has over {MAX_ROWS:,} values of {query.dimension}; ask for fewer days, or with a filter."
            )
        return rows
