"""Counts of a large day for its rollup, in parts of its visitors."""

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from mallard.engine.duckdb.cursors import Cursor
from mallard.engine.sql.day_statement import DayPartsSql
from mallard.stats.dimensions import DIMENSIONS, TOTAL
from mallard.stats.query import HOUR


class DayParts:
    """A day whose events and visits are tables of one cursor, one part of its visitors at a time."""

    def __init__(
        self, cursor: Cursor, sql: DayPartsSql, values: Mapping[str, Any], hours: Mapping[str, Any], parts: int
    ) -> None:
        """``values`` are bound to read the day, ``hours`` to find the hour of an event in the table ``hours``."""
        self._cursor = cursor
        self._sql = sql
        self._values = values
        self._hours = hours
        self._parts = parts

    def count(self) -> Iterator[int]:
        """Count all dimensions, with every value, into the table that ``whole`` and the others read; yields each part
        while its tables are there.
        """
        self._cursor.execute(self._sql.create_counted)
        for part in self._each_part():
            yield part
            for name, select in self._sql.add.items():
                self._cursor.execute(select, self._hours if name == HOUR else None)

    def whole(self) -> Iterator[pa.Table]:
        """The rows of the total and the hours."""
        for name in (TOTAL, HOUR):
            yield self._cursor.execute(self._sql.whole[name]).to_arrow_table()

    def most_seen(self) -> Iterator[tuple[str, pa.Table]]:
        """The values of each dimension with the most visitors, one more than are kept."""
        for name in DIMENSIONS:
            yield name, self._cursor.execute(self._sql.most_seen[name]).to_arrow_table()

    def rest(self, kept: Mapping[str, pa.Table]) -> Iterator[pa.Table]:
        """One row of each of these dimensions, of all values but the ``kept``. All events are read again."""
        self._cursor.execute(self._sql.create_rest)
        for _ in self._each_part():
            for name, values in kept.items():
                self._cursor.register("kept", values)
                self._cursor.execute(self._sql.add_rest[name])
                self._cursor.unregister("kept")
        for name in kept:
            yield self._cursor.execute(self._sql.rest[name]).to_arrow_table()

    def _each_part(self) -> Iterator[int]:
        for part in range(self._parts):
            events, *others = self._sql.tables
            self._cursor.execute(events, {**self._values, "part": part, "parts": self._parts})
            for statement in others:
                self._cursor.execute(statement)
            yield part
            for statement in self._sql.drop:
                self._cursor.execute(statement)
