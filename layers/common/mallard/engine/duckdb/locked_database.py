"""An in-memory DuckDB, locked to a store's files, with its admission queue."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from mallard.engine.cancellation import AdmissionQueue
from mallard.engine.duckdb.cursor_memory import noting_memory
from mallard.engine.duckdb.cursors import Cursor, LowPriority, LowPriorityCursor
from mallard.store.base import Store
from mallard.table.duckdb_files import apply_reader_setup, connect


class LockedDuckDB:
    """DuckDB for any number of threads; ``admission`` bounds its queries."""

    def __init__(
        self,
        store: Store,
        admission: AdmissionQueue,
        *,
        memory_mb: int,
        threads: int,
        scratch: Path,
        low: LowPriority | None = None,
        **options: str,
    ) -> None:
        """``scratch``, of the store's and of this one alone, takes what does not fit into the memory.

        ``low`` runs all statements of its cursors, those of the setup apart. ``options`` are further settings.
        """
        self.admission = admission
        self._store = store
        self._low = low
        self._lock = threading.Lock()
        self._setup: tuple[str, ...] = ()
        self._cursors: set[duckdb.DuckDBPyConnection] = set()
        self._connection = connect(
            store,
            memory_mb=memory_mb,
            # With one, the calling thread runs all of a statement, at its own priority.
            threads=threads,
            preserve_insertion_order=False,
            # DuckDB compares all pairs where it expects few rows in a join by time, and expects too few.
            asof_loop_join_threshold=0,
            temp_directory=str(scratch),
            **options,
        )
        self._lock_down()

    @contextmanager
    def cursor(self) -> Iterator[Cursor]:
        """A cursor of its own, with what it registers and the temporary tables it makes."""
        with self.own_cursor() as cursor:
            yield LowPriorityCursor(cursor, self._low) if self._low else cursor

    @contextmanager
    def own_cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor whose statements run in the calling thread."""
        with self._lock:
            cursor = self._connection.cursor()
            self._cursors.add(cursor)
        try:
            with noting_memory(cursor):
                yield cursor
        finally:
            with self._lock:
                self._cursors.discard(cursor)
            cursor.close()

    def renew(self) -> None:
        """Take over the store's setup of now: credentials of a role end after some hours."""
        with self._lock:
            self._setup = apply_reader_setup(self._connection, self._store, self._setup)

    def close(self) -> None:
        """End it, and what runs at low priority: the end of the process would wait for that."""
        if self._low:
            with self._lock:
                running = tuple(self._cursors)
            for cursor in running:
                # It may be closed by now.
                with suppress(duckdb.Error):
                    cursor.interrupt()
            self._low.close()
        self._connection.close()

    def _lock_down(self) -> None:
        """After this no statement reaches a file or host beyond the store, nor undoes it."""
        self._setup = apply_reader_setup(self._connection, self._store)
        allowed = [self._store.location(""), f"{self._store.scratch}/"]
        self._connection.execute(f"SET allowed_directories = {allowed!r}")
        self._connection.execute("SET enable_external_access = false")
        self._connection.execute("SET lock_configuration = true")
