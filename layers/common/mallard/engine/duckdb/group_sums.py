"""Sums of groupings over portions and rollups, ordered and paged."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mallard.engine.duckdb.cursors import Cursor
from mallard.engine.duckdb.merge import group_schema, merged_rows, merges
from mallard.engine.sql.texts import sql_file
from mallard.errors import QueryTooLargeError
from mallard.stats.grouping import Grouping
from mallard.stats.measures import GROUP_MEASURES

MAX_ROWS = 100_000
"""The most that are taken into Python at once: 100 MB as dictionaries."""


class GroupSums:
    """Rows of groupings: those of statements in a table of one cursor, with which they end."""

    def __init__(self, cursor: Cursor, groupings: Sequence[Grouping], rolled: Mapping[int, pa.Table]) -> None:
        """``rolled`` are further rows, in the columns of ``group_schema``, by the number of their grouping."""
        self.cursor = cursor
        self._groupings = groupings
        self._rolled = dict(rolled)
        self._has_table = False
        self._few: pa.Table | None = None

    def add(self, sql: str, values: Mapping[str, Any]) -> None:
        """The rows of a statement."""
        self._create()
        self.cursor.execute(f"INSERT INTO grouped BY NAME {sql}", values)

    def rows(self, number: int) -> tuple[list[dict[str, Any]], int]:
        """The rows of a grouping's page, ``key_0`` and so on and its measures, and the number of rows on all pages.

        QueryTooLargeError over MAX_ROWS without a limit.
        """
        grouping = self._groupings[number]
        if merges(grouping) and self._are_few():
            return page_of(self._few_of(number), grouping)
        return self._rows_of_many(number)

    def _create(self) -> None:
        if self._has_table:
            return
        keys = max(len(each.dimensions) for each in self._groupings)
        names = sorted({name for each in self._groupings for name in each.measures})
        columns = [f"key_{place} VARCHAR" for place in range(keys)]
        columns += [f"{name} {GROUP_MEASURES[name].type}" for name in names]
        self.cursor.execute(f"CREATE TEMP TABLE grouped (grouping INTEGER, {', '.join(columns)})")
        self._has_table = True

    def _are_few(self) -> bool:
        """True where all rows are taken into Python at once, which is faster than a statement for each grouping."""
        if not self._has_table:
            return are_few(self._rolled.values())
        if self._few is None:
            count = self.cursor.execute("SELECT count(*) FROM grouped").fetchall()[0][0]
            if count + sum(each.num_rows for each in self._rolled.values()) > MAX_ROWS:
                return False
            self._few = self.cursor.execute("FROM grouped").to_arrow_table()
        return True

    def _few_of(self, number: int) -> pa.Table:
        schema = group_schema(self._groupings[number])
        rolled = self._rolled.get(number, schema.empty_table())
        if self._few is None:
            return rolled
        counted = self._few.filter(pc.equal(self._few["grouping"], number)).select(schema.names).cast(schema)
        return pa.concat_tables([rolled, counted])

    def _rows_of_many(self, number: int) -> tuple[list[dict[str, Any]], int]:
        self._create()
        if number in self._rolled:
            rolled = self._rolled.pop(number)
            self.cursor.register("rolled", rolled.append_column("grouping", pa.repeat(number, rolled.num_rows)))
            self.add("FROM rolled", {})
            self.cursor.unregister("rolled")
        grouping = self._groupings[number]
        columns = [f"coalesce({name}, '{word}') AS {name}" for name, word in grouping.keys.items()]
        columns += [f"{_merged(name)} AS {name}" for name in grouping.measures]
        sql = sql_file("grouped").format(
            columns=",\n        ".join(columns), grouped=_grouped_by(grouping), only=self._only(grouping)
        )
        self.cursor.execute(sql, {"grouping": number})
        total = int(self.cursor.execute("SELECT count(*) FROM merged").fetchall()[0][0])
        _check(grouping, total)
        order = f"ORDER BY {', '.join(_order(grouping))}" if grouping.keys else ""
        found = self.cursor.execute(
            f"FROM merged {order} LIMIT $limit OFFSET $offset",
            {"limit": MAX_ROWS if grouping.limit is None else grouping.limit, "offset": grouping.offset},
        )
        rows: list[dict[str, Any]] = found.to_arrow_table().to_pylist()
        return rows, total

    def _only(self, grouping: Grouping) -> str:
        """The clause that leaves the rows of some values only."""
        if grouping.only is None or not grouping.keys:
            return ""
        wanted = sorted(grouping.only)
        columns = {
            name: pa.array([row[place] for row in wanted], pa.string()) for place, name in enumerate(grouping.keys)
        }
        self.cursor.register("only_values", pa.table(columns))
        return f" SEMI JOIN only_values USING ({', '.join(grouping.keys)})"


def are_few(tables: Iterable[pa.Table]) -> bool:
    """True where each of the tables may be taken into Python."""
    return all(each.num_rows <= MAX_ROWS for each in tables)


def page_of(rows: pa.Table, grouping: Grouping) -> tuple[list[dict[str, Any]], int]:
    """The rows of a grouping's page, merged, and the number of rows on all pages. Errors as of ``GroupSums.rows``."""
    merged = merged_rows(rows, grouping)
    _check(grouping, merged.num_rows)
    found: list[dict[str, Any]] = merged.slice(grouping.offset, grouping.limit).to_pylist()
    return found, merged.num_rows


def _check(grouping: Grouping, total: int) -> None:
    if grouping.limit is None and total > MAX_ROWS:
        raise QueryTooLargeError(
            f"The answer has over {MAX_ROWS:,} rows; ask for fewer days or dimensions, or with a filter."
        )


def _grouped_by(grouping: Grouping) -> str:
    having = "\n    HAVING sum(events) > 0 OR sum(visitors) > 0" if grouping.has_rows_without_events else ""
    places = ", ".join(str(place + 1) for place in range(len(grouping.keys)))
    return f"\n    GROUP BY {places}{having}" if grouping.keys else ""


def _merged(name: str) -> str:
    measure = GROUP_MEASURES[name]
    merged = f"{measure.merge}({name})"
    return f"CAST({f'coalesce({merged}, 0)' if measure.type == 'BIGINT' else merged} AS {measure.type})"


def _order(grouping: Grouping) -> list[str]:
    """By what is asked for, then by all dimensions, so that each page is the same whenever it is asked for."""
    sorts = {**dict(grouping.sorts), **dict(zip(grouping.dimensions, grouping.keys, strict=True))}
    asked = [f"{sorts[each.key]} {'DESC' if each.descending else 'ASC'} NULLS LAST" for each in grouping.order]
    return [*asked, *grouping.keys]
