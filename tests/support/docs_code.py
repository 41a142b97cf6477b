"""Whether code in a document is code: Python that compiles, SQL that DuckDB reads or that runs on the local queue."""

import sqlite3
from collections.abc import Iterator

import duckdb

from mallard.queue.sqlite_file import prepare


def python_complaints(text: str) -> Iterator[str]:
    """Whether Python compiles it."""
    try:
        compile(text, "a block", "exec")
    except SyntaxError as error:
        yield f"no Python: {error}"


def duckdb_complaints(text: str) -> Iterator[str]:
    """Whether it is SQL to DuckDB; what it names need not be there."""
    try:
        if not duckdb.extract_statements(text):
            yield "no SQL: nothing stands there"
    except duckdb.Error as error:
        yield f"no SQL: {str(error).splitlines()[0]}"


def queue_complaints(text: str) -> Iterator[str]:
    """Whether it runs on the local queue's file, an empty one."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        prepare(connection, now=0)
        connection.executescript(text)
    except sqlite3.Error as error:
        yield f"no SQL of the queue: {error}"
    finally:
        connection.close()
