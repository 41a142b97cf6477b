"""Memory of a cursor's statements, by DuckDB's own profile."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from mallard.engine.memory_peak import memory_peak

PEAK = "system_peak_buffer_memory"
"""The most bytes of the database's buffers during any statement of the cursor, those of other cursors included."""


@contextmanager
def noting_memory(cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Note the memory of all statements inside, where the current request measures it."""
    peak = memory_peak()
    if peak is None:
        yield
        return
    # A function, as settings are locked.
    cursor.execute("CALL enable_profiling(format = 'no_output')")
    yield
    peak.note(int(json.loads(cursor.get_profiling_information("json")).get(PEAK, 0)))
