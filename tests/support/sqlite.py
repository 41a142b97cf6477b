"""A look into a SQLite file from outside."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any


def rows(file: Path, sql: str) -> list[Any]:
    """What a statement finds."""
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(sql).fetchall()


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """While this is open nobody else can write."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")
