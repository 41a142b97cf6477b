"""Processes of SQL queries: one for each, killed where its request is stopped."""

import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from mallard.engine.cancellation import AdmissionQueue, Cancellation, current_stop
from mallard.engine.duckdb import sql_worker
from mallard.engine.duckdb.sql_worker import BYTES, MEMORY, OK, READ, REFUSED, ROWS
from mallard.errors import MallardError, QueryError, QueryTooLargeError, QueryTooLongError

MAX_ROWS = 100_000
MAX_RESULT_BYTES = 32 * 1024 * 1024

SQL_AT_ONCE = 1
"""Each takes its memory beside that of all other queries."""

SQL_SHARE = 2
"""Divisor of the engine's memory for the DuckDB of an SQL query, which is in a process of its own."""
SQL_LEAST_MB = 128

SQL_WAITING = 8

END_SECONDS = 10
"""From a process's answer to its end."""

_TOO_LARGE = {
    MEMORY: "The query needs more memory than SQL has, half of MALLARD_QUERY_MEMORY_MB; read fewer dates, sites or "
    "columns.",
    ROWS: f"The result has more than {MAX_ROWS:,} rows; aggregate, or add a LIMIT.",
    BYTES: f"The result has more than {MAX_RESULT_BYTES // 1024**2} MB; select fewer columns, or add a LIMIT.",
}

log = logging.getLogger("mallard.query")


def sql_mb(memory_mb: int) -> int:
    """Memory of an SQL query, beside ``memory_mb`` for the others."""
    return max(SQL_LEAST_MB, memory_mb // SQL_SHARE)


class SqlReadError(Exception):
    """A file of the query could not be read; its text names the file."""


@dataclass(frozen=True, slots=True)
class SqlLimits:
    """The memory of DuckDB, its threads, and the seconds of a query."""

    memory_mb: int
    threads: int
    seconds: int


class SqlProcesses:
    """Runs SQL queries; ``environment`` is all that their processes have of this one's."""

    def __init__(self, limits: SqlLimits, environment: Mapping[str, str]) -> None:
        """No process begins before the first query."""
        self._limits = limits
        # The processes have another current folder.
        path = os.pathsep.join(str(Path(each).absolute()) for each in sys.path if each)
        self._environment = {**environment, "PYTHONPATH": path, "TZ": "UTC"}
        self.admission = AdmissionQueue(SQL_AT_ONCE, SQL_WAITING)

    def run(self, sql: str, statements: Sequence[str], folder: Path) -> pa.Table:
        """The rows of ``sql`` over the views that the ``statements`` make of files in ``folder``.

        QueryError where the SQL is wrong or not allowed; QueryTooLargeError over a limit; SqlReadError;
        QueryStoppedError.
        """
        order = {
            "sql": sql,
            "statements": list(statements),
            "folder": str(folder),
            "memory_mb": self._limits.memory_mb,
            "threads": self._limits.threads,
            "seconds": self._limits.seconds,
            "max_rows": MAX_ROWS,
            "max_bytes": MAX_RESULT_BYTES,
        }
        stop = current_stop()
        answer, rows, code = self._exchange(order, stop, folder)
        stop.check()
        return _result(answer, rows, code)

    def _exchange(
        self, order: Mapping[str, Any], stop: Cancellation, folder: Path
    ) -> tuple[dict[str, Any], pa.Table | None, int]:
        """The answer of a process (empty: it ended before), its rows, and its exit code."""
        process = subprocess.Popen(  # noqa: S603  # our own program, and no text of a request
            [sys.executable, "-s", "-P", "-B", sql_worker.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=self._environment,
            cwd=folder,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        answer: dict[str, Any] = {}
        rows = None
        with process, stop.interrupting(process.kill):
            try:
                # A process that has ended already takes nothing.
                with suppress(BrokenPipeError):
                    process.stdin.write(json.dumps(order).encode() + b"\n")
                    process.stdin.flush()
                if line := process.stdout.readline():
                    answer = json.loads(line)
                if answer.get("kind") == OK:
                    with suppress(pa.ArrowException, OSError):
                        rows = pa.ipc.open_stream(process.stdout).read_all()
                with suppress(BrokenPipeError):
                    process.stdin.close()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(END_SECONDS)
            finally:
                process.kill()
        return answer, rows, process.returncode


def _result(answer: Mapping[str, Any], rows: pa.Table | None, code: int) -> pa.Table:
    kind, sentence = answer.get("kind"), str(answer.get("sentence", ""))
    if kind == OK and rows is not None:
        return rows
    if kind == REFUSED:
        raise QueryError(sentence)
    if kind == READ:
        raise SqlReadError(sentence)
    if kind in _TOO_LARGE:
        raise QueryTooLargeError(_TOO_LARGE[str(kind)])
    if code == -signal.SIGXCPU:
        raise QueryTooLongError("The query takes longer than MALLARD_QUERY_SECONDS; ask for fewer days.")
    if code < 0:
        raise QueryTooLargeError(_TOO_LARGE[MEMORY])
    log.error("the process of an SQL query ended with code %d before it answered", code)
    raise MallardError("The SQL query's process could not work; see the server's log.")
