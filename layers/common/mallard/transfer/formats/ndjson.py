"""NDJSON: reader of imports (whole lines, parsed by DuckDB) and writer of exports."""

import json
import re
from collections.abc import Callable, Iterator
from typing import IO, Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from mallard.errors import TransferError
from mallard.transfer.chunk import GIVEN, IGNORED, LINES, Chunk, RefusedRow, canonical_name
from mallard.transfer.formats.text_columns import as_text
from mallard.transfer.sql import statement

CHUNK_BYTES = 8 << 20
MAX_LINE_BYTES = 64 << 20

# Values of every JSON type are read as text: an object as its JSON, so that props may be an object or text.
_SHAPE = json.dumps(dict.fromkeys(GIVEN, "VARCHAR"))
_BOM = b"\xef\xbb\xbf"
_ARRAY = re.compile(rb"\[[ \t\r]*(?:\][ \t\r]*)?\n")
_OUTSIDE = re.compile(rb"^[ \t\r]*(?:\[[ \t\r]*)?(?:\][ \t\r]*)?$|,[ \t\r]*$", re.MULTILINE)
"""The brackets, and commas at line ends, of an array with one object a line."""


class NdjsonWriter:
    """One JSON object a line without absent values; ``props`` is text, so that its bytes stay the same."""

    def __init__(self, file: IO[bytes], schema: pa.Schema) -> None:
        self._file = file
        self._database = duckdb.connect(config={"threads": 1, "memory_limit": "256MB"})
        members = ", ".join(
            f"CASE WHEN {name} IS NOT NULL THEN '\"{name}\":' || to_json({name}) END" for name in schema.names
        )
        self._sql = statement("export_ndjson").format(members=members)

    def write(self, batch: Any) -> None:
        self._database.register("batch", pa.Table.from_batches([as_text(batch)]))
        lines = self._database.execute(self._sql).to_arrow_table()["line"]
        for chunk in lines.chunks:
            ended = pc.binary_join_element_wise(chunk, "\n", "")
            self._file.write("".join(ended.to_pylist()).encode())

    def finish(self, *, spans_days: bool = False) -> None:  # noqa: ARG002  # NDJSON has no place for the mark
        self._database.close()


def read_ndjson(
    file: IO[bytes], name: str, database: duckdb.DuckDBPyConnection, chunk_bytes: int = CHUNK_BYTES
) -> Iterator[Chunk]:
    """Chunks of about ``chunk_bytes``; blank lines count and are skipped. TransferError where a line has no end.

    An array with each object on lines of its own, as ``/api/stats/export`` writes it, is read too.
    """
    first, is_array = 1, False
    for block in _blocks(file, chunk_bytes):
        if first == 1:
            is_array = _ARRAY.match(block) is not None
        if is_array:
            block = _OUTSIDE.sub(b"", block)
        numbers, texts, refused = _lines(block, name, first)
        first += block.count(b"\n")
        yield _parse_lines(pa.table({"line": numbers, "text": texts}), name, refused, database)


def _blocks(file: IO[bytes], chunk_bytes: int) -> Iterator[bytes]:
    """Whole lines, each with its end."""
    read = _normalized_reader(file)
    rest = read(chunk_bytes)
    while True:
        more = read(chunk_bytes)
        if not more:
            break
        head, end, tail = more.rpartition(b"\n")
        if end:
            yield rest + head + end
            rest = tail
        else:
            rest += more
            if len(rest) > MAX_LINE_BYTES:
                raise TransferError(f"A line is longer than {MAX_LINE_BYTES >> 20} MB, so this is not NDJSON.")
    if rest:
        yield rest if rest.endswith(b"\n") else rest + b"\n"


def _normalized_reader(file: IO[bytes]) -> Callable[[int], bytes]:
    """A read function that removes the byte-order mark and turns lone carriage returns into line feeds."""
    is_first = True
    ends_with_returns: bool | None = None

    def read(size: int) -> bytes:
        nonlocal is_first, ends_with_returns
        data = file.read(size)
        if is_first:
            data, is_first = data.removeprefix(_BOM), False
        if ends_with_returns is None and b"\r" in data and b"\n" not in data:
            if data.endswith(b"\r"):
                # The line feed may be the next byte.
                data += file.read(1)
            ends_with_returns = b"\n" not in data
        elif ends_with_returns is None and b"\n" in data:
            ends_with_returns = False
        # JSON texts escape carriage returns.
        return data.replace(b"\r", b"\n") if ends_with_returns else data

    return read


def _lines(block: bytes, name: str, first: int) -> tuple[Any, Any, list[RefusedRow]]:
    """Line numbers and lines without a copy: the block itself is the buffer of the text column."""
    # Imported here: the query function writes downloads with this package and has no NumPy.
    import numpy as np

    ends = np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n")) + 1
    offsets = np.concatenate(([0], ends)).astype(np.int32)
    texts = pa.Array.from_buffers(pa.string(), len(ends), [None, pa.py_buffer(offsets), pa.py_buffer(block)])
    numbers = pa.array(np.arange(first, first + len(ends)))
    try:
        texts.validate(full=True)
        return numbers, texts, []
    except pa.ArrowInvalid:
        return _decoded_lines(block, name, first)


def _decoded_lines(block: bytes, name: str, first: int) -> tuple[Any, Any, list[RefusedRow]]:
    numbers, texts, refused = [], [], []
    for number, line in enumerate(block.split(b"\n")[:-1], first):
        try:
            texts.append(line.decode())
            numbers.append(number)
        except UnicodeDecodeError:
            refused.append(RefusedRow(name, number, "it is not UTF-8."))
    return pa.array(numbers, pa.int64()), pa.array(texts, pa.string()), refused


def _parse_lines(lines: pa.Table, name: str, refused: list[RefusedRow], database: duckdb.DuckDBPyConnection) -> Chunk:
    database.register("lines", lines)
    try:
        rows, keys = _read(database, "lines")
    except duckdb.InvalidInputException:
        # Some line is invalid JSON: only then each line is validated first.
        rows, keys = _read(database, "(FROM lines WHERE json_valid(text))")
    broken = database.execute(statement("ndjson_broken")).fetchall() if rows.num_rows < lines.num_rows else []
    refused += [RefusedRow(name, number, sentence) for number, sentence in broken]
    return Chunk(name, rows.select(LINES.names).cast(LINES), sorted(refused), keys.difference(GIVEN, IGNORED))


def _read(database: duckdb.DuckDBPyConnection, lines: str) -> tuple[pa.Table, frozenset[str]]:
    rows = database.execute(statement("ndjson_rows").format(lines=lines), {"shape": _SHAPE}).to_arrow_table()
    key_rows = database.execute(statement("ndjson_keys").format(lines=lines)).fetchall()
    keys = frozenset(key for (key,) in key_rows)
    misspelled_keys = [key for key in sorted(keys.difference(GIVEN)) if canonical_name(key) in GIVEN]
    for key in misspelled_keys:
        rows = _with_other_spelling(database, lines, rows, key)
    return rows, keys.difference(misspelled_keys)


def _with_other_spelling(database: duckdb.DuckDBPyConnection, lines: str, rows: pa.Table, key: str) -> pa.Table:
    """The rows, with values of ``key`` where its column is null."""
    shape = {"shape": json.dumps({key: "VARCHAR"})}
    key_rows = database.execute(statement("ndjson_key").format(lines=lines), shape).to_arrow_table()
    values = pc.struct_field(key_rows["value"], [0])
    rows, name = rows.sort_by("line"), canonical_name(key)
    return rows.set_column(rows.column_names.index(name), name, pc.coalesce(rows[name], values))
