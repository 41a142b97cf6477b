"""NDJSON as chunks: whole lines, taken apart by DuckDB's JSON reader."""

import json
from collections.abc import Iterator
from typing import IO, Any

import duckdb
import numpy as np
import pyarrow as pa

from mallard.errors import TransferError
from mallard.transfer.chunk import GIVEN, IGNORED, LINES, Chunk, Refusal
from mallard.transfer.sql import statement

CHUNK_BYTES = 8 << 20
MAX_LINE_BYTES = 64 << 20

# Whatever JSON type a value has, it comes as text: an object as its JSON, so that props may be either.
_SHAPE = json.dumps(dict.fromkeys(GIVEN, "VARCHAR"))
_BOM = b"\xef\xbb\xbf"


def read_ndjson(
    file: IO[bytes], name: str, database: duckdb.DuckDBPyConnection, chunk_bytes: int = CHUNK_BYTES
) -> Iterator[Chunk]:
    """Chunks of about ``chunk_bytes``; blank lines count and are skipped. TransferError where a line has no end."""
    first = 1
    for block in _blocks(file, chunk_bytes):
        numbers, texts, refused = _lines(block, name, first)
        first += block.count(b"\n")
        yield _taken_apart(pa.table({"line": numbers, "text": texts}), name, refused, database)


def _blocks(file: IO[bytes], chunk_bytes: int) -> Iterator[bytes]:
    """Whole lines, each with its end."""
    rest = file.read(chunk_bytes).removeprefix(_BOM)
    while True:
        more = file.read(chunk_bytes)
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


def _lines(block: bytes, name: str, first: int) -> tuple[Any, Any, list[Refusal]]:
    """Line numbers and lines without a copy: the block itself is the buffer of the text column."""
    ends = np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n")) + 1
    offsets = np.concatenate(([0], ends)).astype(np.int32)
    texts = pa.Array.from_buffers(pa.string(), len(ends), [None, pa.py_buffer(offsets), pa.py_buffer(block)])
    numbers = pa.array(np.arange(first, first + len(ends)))
    try:
        texts.validate(full=True)
        return numbers, texts, []
    except pa.ArrowInvalid:
        return _decoded_lines(block, name, first)


def _decoded_lines(block: bytes, name: str, first: int) -> tuple[Any, Any, list[Refusal]]:
    numbers, texts, refused = [], [], []
    for number, line in enumerate(block.split(b"\n")[:-1], first):
        try:
            texts.append(line.decode())
            numbers.append(number)
        except UnicodeDecodeError:
            refused.append(Refusal(name, number, "it is not UTF-8."))
    return pa.array(numbers, pa.int64()), pa.array(texts, pa.string()), refused


def _taken_apart(lines: pa.Table, name: str, refused: list[Refusal], database: duckdb.DuckDBPyConnection) -> Chunk:
    database.register("lines", lines)
    try:
        rows, keys = _read(database, "lines")
    except duckdb.InvalidInputException:
        # One line is no JSON: only then each is looked at before it is read.
        rows, keys = _read(database, "(FROM lines WHERE json_valid(text))")
    broken = database.execute(statement("ndjson_broken")).fetchall() if rows.num_rows < lines.num_rows else []
    refused += [Refusal(name, number, sentence) for number, sentence in broken]
    return Chunk(name, rows.select(LINES.names).cast(LINES), sorted(refused), keys.difference(GIVEN, IGNORED))


def _read(database: duckdb.DuckDBPyConnection, lines: str) -> tuple[pa.Table, frozenset[str]]:
    rows = database.execute(statement("ndjson_rows").format(lines=lines), {"shape": _SHAPE}).to_arrow_table()
    keys = database.execute(statement("ndjson_keys").format(lines=lines)).fetchall()
    return rows, frozenset(key for (key,) in keys)
