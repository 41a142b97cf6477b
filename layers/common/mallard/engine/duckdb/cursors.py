"""Cursors of DuckDB, of normal and of low priority."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Protocol, TypeVar

import duckdb
import pyarrow as pa

from mallard.thread_priority import lower_priority

THREADS = 8
"""More than the admission queue admits of anonymous queries, so no statement waits here."""

T = TypeVar("T")


class Cursor(Protocol):
    """A cursor as queries use it, of which ``duckdb.DuckDBPyConnection`` is one."""

    def execute(self, query: str, parameters: object = None, /) -> "Cursor":
        """Run a statement."""

    def register(self, view_name: str, python_object: object, /) -> object:
        """Name a table of Arrow."""

    def unregister(self, view_name: str, /) -> object:
        """Drop the name of a table of Arrow."""

    def fetchall(self) -> list[Any]:
        """The rows."""

    def to_arrow_table(self) -> pa.Table:
        """The rows as a table of Arrow."""

    def to_arrow_reader(self, batch_size: int, /) -> Iterator[pa.RecordBatch]:
        """The rows in batches."""

    def interrupt(self) -> None:
        """End the statement that runs."""


class LowPriority:
    """Threads of low priority for what releases the interpreter's lock, as DuckDB's statements do.

    The lock itself has no priorities: a thread of these that held it would make all others wait.
    """

    def __init__(self) -> None:
        """A thread begins with the first work that finds none free."""
        self._pool = ThreadPoolExecutor(THREADS, "anonymous-query", lower_priority)

    def run(self, work: Callable[[], T]) -> T:
        """The result of ``work``, or its error."""
        return self._pool.submit(work).result()

    def close(self) -> None:
        """Let the threads end after what they run."""
        self._pool.shutdown(wait=False)


class LowPriorityCursor:
    """A cursor whose statements run in the threads of ``low``."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, low: LowPriority) -> None:
        """The opener of ``cursor`` closes it."""
        self._cursor = cursor
        self._low = low

    def execute(self, query: str, parameters: object = None) -> "LowPriorityCursor":
        """As of Cursor."""
        self._low.run(partial(self._cursor.execute, query, parameters))
        return self

    def register(self, view_name: str, python_object: object) -> object:
        """As of Cursor: it runs nothing."""
        return self._cursor.register(view_name, python_object)

    def unregister(self, view_name: str) -> object:
        """As of Cursor."""
        return self._cursor.unregister(view_name)

    def fetchall(self) -> list[Any]:
        """As of Cursor."""
        return self._low.run(self._cursor.fetchall)

    def to_arrow_table(self) -> pa.Table:
        """As of Cursor."""
        return self._low.run(self._cursor.to_arrow_table)

    def to_arrow_reader(self, batch_size: int) -> Iterator[pa.RecordBatch]:
        """As of Cursor."""
        reader = self._low.run(partial(self._cursor.to_arrow_reader, batch_size))
        while (batch := self._low.run(partial(next, reader, None))) is not None:
            yield batch

    def interrupt(self) -> None:
        """As of Cursor, from any thread."""
        self._cursor.interrupt()
