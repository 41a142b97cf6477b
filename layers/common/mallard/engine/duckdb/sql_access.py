"""SQL queries over sites: private copies of their files, views over these, and a process that reads them."""

import shutil
import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa

from mallard.engine.cancellation import current_stop
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.engine.duckdb.sql_check import VIEWS
from mallard.engine.duckdb.sql_files import TakenFiles
from mallard.engine.duckdb.sql_process import SqlProcesses, SqlReadError
from mallard.engine.omitted_files import note
from mallard.engine.request_snapshot import request_snapshot
from mallard.engine.sql.sql_views import events_view, visits_view
from mallard.engine.sql_query import SqlQuery
from mallard.errors import QueryError, QueryTooLargeError, StoreUnavailableError
from mallard.stats.date_range import DateRange
from mallard.table.duckdb_files import READ_ATTEMPTS

MAX_SQL_CHARACTERS = 20_000
MAX_SITES = 100

AHEAD = timedelta(days=2)
"""From a moment to the end of its date in any zone."""


class SqlAccess:
    """Answers SQL queries over one engine's store and pending events."""

    def __init__(
        self, engine: Callable[[], DuckDBEngine], processes: SqlProcesses, clock: Callable[[], datetime]
    ) -> None:
        """The engine is built with the first query."""
        self._engine = engine
        self._processes = processes
        self._clock = clock

    def answer(self, query: SqlQuery) -> pa.Table:
        """The rows. Errors as of ``SqlProcesses.run``, but that of reading; StoreUnavailableError; QueryBusyError."""
        _check(query)
        with self._processes.admission.turn(current_stop()):
            for attempt in range(READ_ATTEMPTS):
                if attempt:
                    request_snapshot().forget()
                found = self._attempt(query)
                if found is not None:
                    return found
        raise StoreUnavailableError("The table could not be read: its files change too often.")

    def _attempt(self, query: SqlQuery) -> pa.Table | None:
        """The rows; None where a file was replaced or found damaged meanwhile."""
        engine = self._engine()
        folder = Path(tempfile.mkdtemp(dir=engine.store.scratch))
        try:
            taken, views = TakenFiles(), _views(query.sql)
            for site_id in query.sites:
                current_stop().check()
                engine.sql_files.take(site_id, self._period(engine, site_id, query), views, folder, taken)
            damage = engine.damage
            if suspects := damage.suspects(taken.rows, taken.events):
                damage.examine(suspects)
                return None
            files = taken.of_views()
            made = {"events": events_view, "visits": visits_view}
            try:
                rows = self._processes.run(query.sql, [made[name](files) for name in views], folder)
            except SqlReadError as error:
                damage.examine(taken.rows, str(error))
                return None
            note(taken.omitted)
            return rows
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _period(self, engine: DuckDBEngine, site_id: str, query: SqlQuery) -> DateRange:
        today = self._clock().date()
        start = query.start or engine.first_date(site_id, today)
        end = query.end or today + AHEAD
        return DateRange(start, max(start + timedelta(days=1), end))


def _views(sql: str) -> list[str]:
    """The views that the text may read: no other is made."""
    return [name for name in VIEWS if name in sql.lower()]


def _check(query: SqlQuery) -> None:
    if not query.sql.strip():
        raise QueryError("sql is empty; it is one SELECT statement over the tables events and visits.")
    if len(query.sql) > MAX_SQL_CHARACTERS:
        raise QueryError(f"sql has {len(query.sql):,} characters, but may have {MAX_SQL_CHARACTERS:,}.")
    if "\0" in query.sql:
        raise QueryError("sql has a NUL character.")
    if len(query.sites) > MAX_SITES:
        raise QueryTooLargeError(f"SQL reads at most {MAX_SITES} sites at once; give a site_id.")
