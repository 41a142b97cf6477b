"""Builds the access of SQL queries by the settings."""

from collections.abc import Callable
from datetime import datetime

from mallard.config import Settings, child_environment
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.engine.duckdb.sql_access import SqlAccess
from mallard.engine.duckdb.sql_process import SqlLimits, SqlProcesses, sql_mb


def open_sql(settings: Settings, engine: Callable[[], DuckDBEngine], clock: Callable[[], datetime]) -> SqlAccess:
    """SQL over the engine's store, in processes with the threads and seconds of queries, and half of their memory."""
    limits = SqlLimits(sql_mb(settings.query_memory_mb), settings.query_threads, settings.query_seconds)
    return SqlAccess(engine, SqlProcesses(limits, child_environment()), clock)
