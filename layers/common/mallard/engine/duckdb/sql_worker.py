"""Program that runs one SQL query in a locked DuckDB, in a process with limits of its own.

It reads one line of JSON (``Order``) from the standard input, and writes one line of JSON and then, where that says
``ok``, the rows as a stream of Arrow. It ends when its standard input does: its parent holds the other end.
"""

import json
import os
import resource
import sys
import threading
from contextlib import suppress
from typing import IO, Any, NoReturn

import duckdb
import pyarrow as pa

from mallard.engine.duckdb.sql_check import SqlRefused, check

BATCH_ROWS = 8_192
MB = 1024 * 1024

BASE_MB = 320
"""Memory of the process apart from that of DuckDB: Python, Arrow and the buffers of reading Parquet."""

THREAD_MB = 16
"""The same for each thread."""

CPU_GRACE_SECONDS = 5

SYSTEM_NAMES = """
SELECT lower(view_name) FROM duckdb_views() WHERE internal
UNION SELECT lower(table_name) FROM duckdb_tables()
UNION SELECT lower(function_name) FROM duckdb_functions() WHERE function_type IN ('table', 'table_macro')
"""

OK, REFUSED, MEMORY, ROWS, BYTES, READ = "ok", "refused", "memory", "rows", "bytes", "read"
"""Kinds of an answer: READ says that a file could not be read."""

MAX_SENTENCE = 500
"""Characters of an error of DuckDB, which may quote a value."""


def main() -> None:
    """Run the order and end the process."""
    order = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _limit(order)
    # Whatever a library prints would be taken for rows.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    _answer(order, answers)
    answers.flush()
    # DuckDB's own end would free memory piece by piece.
    os._exit(0)


def _answer(order: dict[str, Any], answers: IO[bytes]) -> None:
    try:
        rows = _rows(order)
    except SqlRefused as error:
        _write(answers, REFUSED, str(error))
    except _TooLarge as error:
        _write(answers, str(error))
    except (MemoryError, duckdb.OutOfMemoryException, pa.ArrowMemoryError):
        _write(answers, MEMORY)
    except (duckdb.Error, UnicodeDecodeError) as error:
        # Errors of reading name the file, and no SQL of a caller can.
        if order["folder"] in str(error) or isinstance(error, UnicodeDecodeError):
            _write(answers, READ, str(error))
        else:
            _write(answers, REFUSED, _sentence(error))
    else:
        _write(answers, OK)
        with pa.ipc.new_stream(answers, rows.schema) as stream:
            stream.write_table(rows)


def _rows(order: dict[str, Any]) -> pa.Table:
    connection = _locked(order)
    sql = order["sql"]
    if len(_statements(connection, sql)) != 1:
        raise SqlRefused("The SQL must be one SELECT statement.")
    (serialized,) = connection.execute("SELECT json_serialize_sql($sql::VARCHAR)", {"sql": sql}).fetchall()[0]
    check(serialized, frozenset(order["system"]))
    return _taken(connection.execute(sql).to_arrow_reader(BATCH_ROWS), order)


def _statements(connection: duckdb.DuckDBPyConnection, sql: str) -> list[Any]:
    return list(connection.extract_statements(sql))


def _locked(order: dict[str, Any]) -> duckdb.DuckDBPyConnection:
    """DuckDB with the views, that reaches no file but those of its folder, and whose settings are final."""
    connection = duckdb.connect(
        config={
            "memory_limit": f"{order['memory_mb']}MB",
            "threads": order["threads"],
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "allow_persistent_secrets": False,
            "enable_external_file_cache": False,
            "asof_loop_join_threshold": 0,
        }
    )
    order["system"] = [name for (name,) in connection.execute(SYSTEM_NAMES).fetchall()]
    with suppress(duckdb.Error):
        connection.execute("SET TimeZone = 'UTC'")
    # Names of variables of this program would be tables.
    connection.execute("SET python_enable_replacements = false")
    connection.execute("SET temp_directory = ''")
    connection.execute(f"SET allowed_directories = {[order['folder'] + '/']!r}")
    connection.execute("SET enable_external_access = false")
    for statement in order["statements"]:
        connection.execute(statement)
    connection.execute("SET lock_configuration = true")
    return connection


class _TooLarge(Exception):  # noqa: N818  # its text is a kind of an answer
    pass


def _taken(reader: Any, order: dict[str, Any]) -> pa.Table:
    """The rows, with names of columns that differ."""
    batches: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in reader:
        batches.append(batch)
        rows += batch.num_rows
        size += batch.get_total_buffer_size()
        if rows > order["max_rows"]:
            raise _TooLarge(ROWS)
        if size > order["max_bytes"]:
            raise _TooLarge(BYTES)
    table = pa.Table.from_batches(batches, reader.schema)
    return table.rename_columns(_distinct(table.column_names))


def _distinct(names: list[str]) -> list[str]:
    """A number behind each name that was there before."""
    found: list[str] = []
    for name in names:
        number, distinct = 1, name
        while distinct in found:
            distinct = f"{name}_{number}"
            number += 1
        found.append(distinct)
    return found


def _sentence(error: duckdb.Error) -> str:
    """The first paragraph of an error."""
    text = " ".join(str(error).split("\n\n")[0].split())
    return f"The SQL cannot be run: {text[:MAX_SENTENCE].rstrip('.')}."


def _write(answers: IO[bytes], kind: str, sentence: str = "") -> None:
    answers.write(json.dumps({"kind": kind, "sentence": sentence}).encode() + b"\n")


def _limit(order: dict[str, Any]) -> None:
    """Memory that DuckDB does not account for, processor time, and no byte written to any file."""
    memory = (order["memory_mb"] + BASE_MB + THREAD_MB * order["threads"]) * MB + order["max_bytes"]
    seconds = order["seconds"] * order["threads"] + CPU_GRACE_SECONDS
    for kind, soft, hard in (
        (resource.RLIMIT_DATA, memory, memory),
        # The softer one ends the process by a signal of its own, which says why.
        (resource.RLIMIT_CPU, seconds, seconds + CPU_GRACE_SECONDS),
        (resource.RLIMIT_FSIZE, 0, 0),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        # macOS knows no limit of memory; a lower one that is there already stays.
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (soft, hard))


def _end_with_parent() -> NoReturn:
    sys.stdin.buffer.read()
    os._exit(1)


if __name__ == "__main__":
    main()
