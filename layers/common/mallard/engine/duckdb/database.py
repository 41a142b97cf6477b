"""DuckDB, locked to the store: cursors in their turn, and what its errors mean."""

import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress

import duckdb

from mallard.engine.cancellation import AdmissionQueue, current_stop
from mallard.errors import QueryError, QueryTooLargeError, StoreUnavailableError
from mallard.store.base import Store

READ_ATTEMPTS = 3
READ_ROWS = 32_768

READ_ERRORS = (duckdb.Error, UnicodeDecodeError)
"""What a read may raise; ``look_again`` tells what each means."""

# What a reader meets when an object is swapped under it, on a folder or over httpfs.
_SWAPPED = (duckdb.IOException, duckdb.HTTPException, duckdb.InvalidInputException, UnicodeDecodeError)


class Database:
    """One in-memory DuckDB over a store's files, for any number of threads."""

    def __init__(self, store: Store, *, memory_mb: int, threads: int) -> None:
        """What does not fit into the memory goes to the store's scratch."""
        self._store = store
        self._line = AdmissionQueue()
        self._lock = threading.Lock()
        self._connection = duckdb.connect(
            config={
                "memory_limit": f"{memory_mb}MB",
                "threads": threads,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "preserve_insertion_order": False,
                # Where it guesses that few rows are joined by time it compares all pairs, and guesses wrong.
                "asof_loop_join_threshold": 0,
                "temp_directory": str(store.scratch),
            }
        )
        self._lock_down()

    @contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """For what takes no time to speak of."""
        with self._lock:
            cursor = self._connection.cursor()
        try:
            yield cursor
        finally:
            cursor.close()

    @contextmanager
    def turn(self, held: duckdb.DuckDBPyConnection | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor, or the one that is ``held`` already, when it is this query's turn, interrupted where its request is
        stopped. QueryBusyError.
        """
        stop = current_stop()
        with self._line.turn(stop), nullcontext(held) if held else self.cursor() as cursor:

            def interrupt() -> None:
                # It may be closed by now.
                with suppress(duckdb.Error):
                    cursor.interrupt()

            with stop.interrupting(interrupt):
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
        with tempfile.NamedTemporaryFile(dir=self._store.scratch, suffix=".parquet") as file, self.cursor() as cursor:
            file.write(data)
            file.flush()
            try:
                for _ in cursor.execute("FROM read_parquet($file)", {"file": file.name}).to_arrow_reader(READ_ROWS):
                    pass
            except (*READ_ERRORS, OSError) as error:
                return str(error).splitlines()[0].rstrip(".")
        return None

    def look_again(self, error: Exception, attempt: int) -> None:
        """Return where a swap may have broken the read and there is another try of READ_ATTEMPTS; else raise."""
        if isinstance(error, duckdb.InterruptException):
            current_stop().check()
        if isinstance(error, duckdb.OutOfMemoryException):
            raise QueryTooLargeError(
                "The query needs more memory than MALLARD_QUERY_MEMORY_MB; ask for fewer days."
            ) from error
        # Of Parquet that is another file by now DuckDB may raise its most general error, the base of all others.
        if not isinstance(error, _SWAPPED) and type(error) is not duckdb.Error:
            raise error
        if attempt + 1 == READ_ATTEMPTS:
            raise StoreUnavailableError(f"The table could not be read: {type(error).__name__}.") from error
        self._renew()

    def close(self) -> None:
        """End it."""
        self._connection.close()

    def _lock_down(self) -> None:
        """After this no statement reaches a file or host beyond the store, nor undoes it."""
        self._setup = tuple(self._store.reader_setup())
        for statement in self._setup:
            self._connection.execute(statement)
        allowed = [self._store.location(""), f"{self._store.scratch}/"]
        self._connection.execute("SET enable_external_file_cache = false")
        self._connection.execute(f"SET allowed_directories = {allowed!r}")
        self._connection.execute("SET enable_external_access = false")
        self._connection.execute("SET lock_configuration = true")

    def _renew(self) -> None:
        """Take over what the store's setup says now: credentials of a role end after some hours."""
        setup = tuple(self._store.reader_setup())
        with self._lock:
            for statement in setup:
                if statement not in self._setup:
                    self._connection.execute(statement)
            self._setup = setup
