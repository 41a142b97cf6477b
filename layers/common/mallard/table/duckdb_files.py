"""DuckDB over the table's files: connections, and classification of read errors."""

from typing import Any

import duckdb

from mallard.errors import MallardError, StoreUnavailableError
from mallard.store.base import Store

READ_ATTEMPTS = 3

READ_ERRORS = (duckdb.Error, UnicodeDecodeError)
"""All that reading a file of the table may raise; ``retry_or_raise`` tells them apart."""

# Raised where a file is replaced during the read, on a folder or over httpfs.
_REPLACED = (duckdb.IOException, duckdb.HTTPException, duckdb.InvalidInputException, UnicodeDecodeError)


def connect(store: Store, *, memory_mb: int, threads: int, **options: Any) -> duckdb.DuckDBPyConnection:
    """An in-memory DuckDB that loads nothing from the network and spills to the store's scratch.

    ``options`` are further settings of DuckDB. It reads the store's files after ``apply_reader_setup``.
    """
    return duckdb.connect(
        config={
            "memory_limit": f"{memory_mb}MB",
            "threads": threads,
            "temp_directory": str(store.scratch),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            # By default it keeps up to 512 MB of freed memory, beyond the limit.
            "allocator_flush_threshold": "16MB",
            "allocator_bulk_deallocation_flush_threshold": "16MB",
            "enable_external_file_cache": False,
            **options,
        }
    )


def apply_reader_setup(
    connection: duckdb.DuckDBPyConnection, store: Store, applied: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """Execute the store's reader setup but for the statements ``applied`` before; returns the whole setup.

    A role's credentials end after some hours, so the setup changes while a connection lives.
    """
    setup = tuple(store.reader_setup())
    for statement in setup:
        if statement not in applied:
            connection.execute(statement)
    return setup


def retry_or_raise(error: Exception, attempt: int, *, out_of_memory: MallardError) -> None:
    """Return where a replaced file may have caused the error and an attempt (from 0) of READ_ATTEMPTS is left.

    Raises ``out_of_memory`` where DuckDB had too little, StoreUnavailableError at the last attempt, else ``error``.
    """
    if isinstance(error, duckdb.OutOfMemoryException):
        raise out_of_memory from error
    # For replaced Parquet files DuckDB may raise its most general error, the base of all others.
    if not isinstance(error, _REPLACED) and type(error) is not duckdb.Error:
        raise error
    if attempt + 1 == READ_ATTEMPTS:
        raise StoreUnavailableError(f"The table could not be read: {type(error).__name__}.") from error
