"""DuckDB over the store: admission, cursors, retries and errors."""

import secrets
import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext, suppress
from pathlib import Path

import duckdb

from mallard.engine.cancellation import ANONYMOUS_AT_ONCE, IS_ANONYMOUS, AdmissionQueue, current_stop
from mallard.engine.duckdb.cursors import Cursor, LowPriority
from mallard.engine.duckdb.locked_database import LockedDuckDB
from mallard.errors import QueryError, QueryTooLargeError
from mallard.store.base import Store
from mallard.table.duckdb_files import READ_ERRORS, retry_or_raise

READ_ROWS = 32_768

ANONYMOUS_SHARE = 4
"""Divisor of the engine's memory for the DuckDB of anonymous queries."""
ANONYMOUS_LEAST_MB = 128

FOLDER_MODE = 0o700


def anonymous_mb(memory_mb: int) -> int:
    """Memory for anonymous queries, beside ``memory_mb`` for the others."""
    return max(ANONYMOUS_LEAST_MB, memory_mb // ANONYMOUS_SHARE)


class Database:
    """In-memory DuckDB over a store's files, for any number of threads."""

    def __init__(self, store: Store, *, memory_mb: int, threads: int, isolate_anonymous: bool = False) -> None:
        """DuckDB spills to the store's scratch beyond its memory.

        ``isolate_anonymous``: anonymous queries run in a DuckDB of their own, opened at the first, with one thread of
        low priority and ANONYMOUS_SHARE of the memory, so that they take nothing that the owner's queries have.
        """
        self._store = store
        self._memory_mb = memory_mb
        self._threads = threads
        self._anonymous_mb = anonymous_mb(memory_mb)
        self._isolate_anonymous = isolate_anonymous
        self._anonymous: LockedDuckDB | None = None
        # Files that two DuckDBs write into one folder would have the same names.
        self._anonymous_scratch = store.scratch / f"anonymous-{secrets.token_hex(8)}"
        self._lock = threading.Lock()
        self._main = LockedDuckDB(store, AdmissionQueue(), memory_mb=memory_mb, threads=threads, scratch=store.scratch)

    @property
    def memory_mb(self) -> int:
        """The memory of the DuckDB of the current request."""
        return self._anonymous_mb if self._is_apart() else self._memory_mb

    @contextmanager
    def cursor(self) -> Iterator[Cursor]:
        """For short statements, without admission."""
        with self._current_database().cursor() as cursor:
            yield cursor

    @contextmanager
    def own_cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """For the product's own work, whose threads and memory are those of the owner's queries."""
        with self._main.own_cursor() as cursor:
            yield cursor

    @contextmanager
    def turn(self, held: Cursor | None = None) -> Iterator[Cursor]:
        """A cursor, or the one that is ``held`` already, when it is this query's turn, interrupted where its request is
        stopped. QueryBusyError.
        """
        stop, current = current_stop(), self._current_database()
        with current.admission.turn(stop), nullcontext(held) if held else current.cursor() as cursor:

            def interrupt() -> None:
                # It may be closed by now.
                with suppress(duckdb.Error):
                    cursor.interrupt()

            with stop.interrupting(interrupt):
                yield cursor

    @contextmanager
    def turn_apart(self) -> Iterator[Cursor]:
        """As ``turn``, of a DuckDB that ends with the cursor and returns freed memory at once.

        That takes up to half more processor time, and a third less memory for tables that are made and dropped.
        """
        stop = current_stop()
        with (
            self._main.admission.turn(stop),
            tempfile.TemporaryDirectory(dir=self._store.scratch) as scratch,
            closing(self._open_apart(Path(scratch))) as database,
            database.own_cursor() as cursor,
            stop.interrupting(cursor.interrupt),
        ):
            yield cursor

    def check_patterns(self, patterns: Sequence[str]) -> None:
        """QueryError where one is no regular expression. Each may take a moment: it has to be compiled."""
        if not patterns:
            return
        with self.turn() as cursor:
            for pattern in patterns:
                current_stop().check()
                try:
                    cursor.execute("SELECT regexp_matches('', $pattern)", {"pattern": pattern}).fetchall()
                except duckdb.Error as error:
                    reason = str(error).splitlines()[0]
                    raise QueryError(f"{pattern[:40]!r} is no regular expression (RE2): {reason}") from error

    def read_alone(self, data: bytes) -> str | None:
        """The clause that says why a file cannot be read in all its columns; None where it can."""
        # A verdict for everyone: the small memory of anonymous queries must not decide it.
        with (
            tempfile.NamedTemporaryFile(dir=self._store.scratch, suffix=".parquet") as file,
            self.own_cursor() as cursor,
        ):
            file.write(data)
            file.flush()
            try:
                for _ in cursor.execute("FROM read_parquet($file)", {"file": file.name}).to_arrow_reader(READ_ROWS):
                    pass
            except (*READ_ERRORS, OSError) as error:
                return str(error).splitlines()[0].rstrip(".")
        return None

    def prepare_retry(self, error: Exception, attempt: int) -> None:
        """Return where a swap may have broken the read and there is another try of READ_ATTEMPTS; else raise."""
        if isinstance(error, duckdb.InterruptException):
            current_stop().check()
        too_large = QueryTooLargeError("The query needs more memory than MALLARD_QUERY_MEMORY_MB; ask for fewer days.")
        retry_or_raise(error, attempt, out_of_memory=too_large)
        self._renew()

    def close(self) -> None:
        if self._anonymous:
            self._anonymous.close()
            shutil.rmtree(self._anonymous_scratch, ignore_errors=True)
        self._main.close()

    def _current_database(self) -> LockedDuckDB:
        """The DuckDB of the current request."""
        if not self._is_apart():
            return self._main
        # A store sweeps away what lies in its scratch for long.
        self._anonymous_scratch.mkdir(FOLDER_MODE, exist_ok=True)
        with self._lock:
            if self._anonymous is None:
                self._anonymous = self._open_anonymous()
            return self._anonymous

    def _is_apart(self) -> bool:
        return self._isolate_anonymous and IS_ANONYMOUS.get()

    def _open_apart(self, scratch: Path) -> LockedDuckDB:
        return LockedDuckDB(
            self._store,
            AdmissionQueue(),
            memory_mb=self._memory_mb,
            threads=self._threads,
            scratch=scratch,
            allocator_bulk_deallocation_flush_threshold="256KB",
        )

    def _open_anonymous(self) -> LockedDuckDB:
        return LockedDuckDB(
            self._store,
            AdmissionQueue(at_once=ANONYMOUS_AT_ONCE),
            memory_mb=self._anonymous_mb,
            threads=1,
            scratch=self._anonymous_scratch,
            low=LowPriority(),
        )

    def _renew(self) -> None:
        """Apply the store's current setup: credentials of a role end after some hours."""
        for each in (self._main, self._anonymous):
            if each:
                each.renew()
