"""Sums of groupings over portions and rollups, ordered and paged in DuckDB."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from mallard.engine.duckdb.cursors import Cursor
from mallard.engine.duckdb.sums import MAX_ROWS
from mallard.engine.sql.group_statement import GROUP_TIMES
from mallard.engine.sql.operators import present
from mallard.engine.sql.texts import sql_file
from mallard.errors import QueryTooLargeError
from mallard.stats.dimensions import BY_V2_NAME
from mallard.stats.grouping import HOUR, TIMES, WEEK, Grouping, blank_of
from mallard.stats.measures import GROUP_MEASURES

_ROLLED_TIMES = {**GROUP_TIMES, HOUR: "value"}


class GroupSums:
    """Rows of groupings in a table of one cursor, with which they end."""

    def __init__(self, cursor: Cursor, groupings: Sequence[Grouping]) -> None:
        self.cursor = cursor
        self._groupings = groupings
        keys = max(len(each.dimensions) for each in groupings)
        names = sorted({name for each in groupings for name in each.measures})
        columns = [f"key_{place} VARCHAR" for place in range(keys)]
        columns += [f"{name} {GROUP_MEASURES[name].type}" for name in names]
        cursor.execute(f"CREATE TEMP TABLE grouped (grouping INTEGER, {', '.join(columns)})")

    def add(self, sql: str, values: Mapping[str, Any]) -> None:
        """The rows of a statement."""
        self.cursor.execute(f"INSERT INTO grouped BY NAME {sql}", values)

    def add_rolled(self, number: int, rows: pa.Table, start: object) -> None:
        """Rows of a rollup's dimension, with their ``date``, to the grouping with this number."""
        if not rows.num_rows:
            return
        grouping = self._groupings[number]
        keys = [f"{self._rolled_key(name)} AS key_{place}" for place, name in enumerate(grouping.dimensions)]
        self.cursor.register("rolled", rows)
        columns = ", ".join([f"{number} AS grouping", *keys, *grouping.measures])
        values = {"start": start} if WEEK in grouping.dimensions else {}
        self.cursor.execute(sql_file("rolled").format(columns=columns), values)
        self.cursor.unregister("rolled")

    def rows(self, number: int) -> tuple[list[dict[str, Any]], int]:
        """The rows of a grouping's page, ``key_0`` and so on and its measures, and the number of rows on all pages.

        QueryTooLargeError over MAX_ROWS without a limit.
        """
        grouping = self._groupings[number]
        names = [f"key_{place}" for place in range(len(grouping.dimensions))]
        columns = [
            f"coalesce({name}, '{blank_of(dimension)}') AS {name}"
            for name, dimension in zip(names, grouping.dimensions, strict=True)
        ]
        columns += [f"{_merged(name)} AS {name}" for name in grouping.measures]
        sql = sql_file("grouped").format(
            columns=",\n        ".join(columns),
            grouped=_grouped_by(grouping, names),
            only=self._only(grouping, names),
        )
        self.cursor.execute(sql, {"grouping": number})
        total = int(self.cursor.execute("SELECT count(*) FROM merged").fetchall()[0][0])
        if grouping.limit is None and total > MAX_ROWS:
            raise QueryTooLargeError(
                f"The answer has over {MAX_ROWS:,} rows; ask for fewer days or dimensions, or with a filter."
            )
        order = f"ORDER BY {', '.join(_order(grouping, names))}" if names else ""
        found = self.cursor.execute(
            f"FROM merged {order} LIMIT $limit OFFSET $offset",
            {"limit": MAX_ROWS if grouping.limit is None else grouping.limit, "offset": grouping.offset},
        )
        rows: list[dict[str, Any]] = found.to_arrow_table().to_pylist()
        return rows, total

    def _rolled_key(self, name: str) -> str:
        return _ROLLED_TIMES[name] if name in TIMES else present("value", BY_V2_NAME[name].blanks)

    def _only(self, grouping: Grouping, names: Sequence[str]) -> str:
        """The clause that leaves the rows of some values only."""
        if grouping.only is None or not names:
            return ""
        wanted = sorted(grouping.only)
        columns = {name: pa.array([row[place] for row in wanted], pa.string()) for place, name in enumerate(names)}
        self.cursor.register("only_values", pa.table(columns))
        return f" SEMI JOIN only_values USING ({', '.join(names)})"


def _grouped_by(grouping: Grouping, names: Sequence[str]) -> str:
    having = "\n    HAVING sum(events) > 0" if grouping.has_rows_without_events else ""
    return f"\n    GROUP BY {', '.join(str(place + 1) for place in range(len(names)))}{having}" if names else ""


def _merged(name: str) -> str:
    measure = GROUP_MEASURES[name]
    merged = f"{measure.merge}({name})"
    return f"CAST({f'coalesce({merged}, 0)' if measure.type == 'BIGINT' else merged} AS {measure.type})"


def _order(grouping: Grouping, names: Sequence[str]) -> list[str]:
    """By what is asked for, then by all dimensions, so that each page is the same whenever it is asked for."""
    sorts = {**dict(grouping.sorts), **dict(zip(grouping.dimensions, names, strict=True))}
    asked = [f"{sorts[each.key]} {'DESC' if each.descending else 'ASC'} NULLS LAST" for each in grouping.order]
    return [*asked, *names]
