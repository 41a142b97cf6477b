"""Input of an import (file, standard input or folder of Parquet files) and its format."""

import gzip
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast
from urllib.parse import unquote

import duckdb

from mallard.errors import TransferError
from mallard.transfer.chunk import Chunk
from mallard.transfer.formats.csv import read_csv
from mallard.transfer.formats.ndjson import read_ndjson
from mallard.transfer.formats.parquet import read_parquet

FORMATS = ("ndjson", "csv", "parquet")
STANDARD_INPUT = "-"

_SUFFIXES = {
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".json": "ndjson",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
}


@dataclass(frozen=True, slots=True)
class InputFiles:
    """A path (or ``-``) and one of FORMATS."""

    path: str
    format: str

    @property
    def size_bytes(self) -> int | None:
        """The size of a file that is read from begin to end, None for other inputs."""
        path = Path(self.path)
        return path.stat().st_size if self.format != "parquet" and path.is_file() else None


def find_source(path: str, chosen_format: str | None = None) -> InputFiles:
    """The input by its name and chosen format; TransferError where it is missing or its format unclear."""
    file = Path(path)
    if path != STANDARD_INPUT and not file.exists():
        raise TransferError(f"{path} does not exist.")
    format_ = chosen_format or ("parquet" if file.is_dir() else format_of(path))
    if format_ is None:
        raise TransferError(f"The format of {path} is not clear from its name; say --format {', '.join(FORMATS)}.")
    if format_ == "parquet" and path == STANDARD_INPUT:
        raise TransferError("Parquet cannot come from the standard input, since its end is read first.")
    if format_ != "parquet" and file.is_dir():
        raise TransferError(f"{path} is a folder; only a folder of Parquet files can be imported.")
    return InputFiles(path, format_)


def format_of(path: str) -> str | None:
    """The format by a file's suffix, without ``.gz``."""
    return _SUFFIXES.get(Path(path.lower().removesuffix(".gz")).suffix)


def read_chunks(source: InputFiles, database: duckdb.DuckDBPyConnection) -> Iterator[Chunk]:
    """The rows of all files, chunk by chunk. TransferError where reading fails."""
    if source.format == "parquet":
        yield from _read_parquets(Path(source.path))
        return
    try:
        with _open_input(source.path) as file:
            yield from read_csv(file, "") if source.format == "csv" else read_ndjson(file, "", database)
    except (OSError, EOFError) as error:
        raise TransferError(f"{source.path} cannot be read: {error}.") from error


def _read_parquets(path: Path) -> Iterator[Chunk]:
    if path.is_file():
        yield from read_parquet(path, "", _site_of(path.absolute()))
        return
    files = sorted(file for file in path.rglob("*.parquet") if file.is_file())
    if not files:
        raise TransferError(f"{path} has no *.parquet file in it.")
    for file in files:
        # Rows without an id get one that depends on this name, so it must not depend on the folder's location.
        yield from read_parquet(file, file.relative_to(path).as_posix(), _site_of(file.absolute()))


def _site_of(path: Path) -> str | None:
    """The site id of a Hive layout's folder."""
    site_names = [part.removeprefix("site_id=") for part in path.parts if part.startswith("site_id=")]
    return unquote(site_names[-1]) if site_names else None


@contextmanager
def _open_input(path: str) -> Iterator[IO[bytes]]:
    if path == STANDARD_INPUT:
        yield sys.stdin.buffer
    elif path.lower().endswith(".gz"):
        with gzip.open(path) as file:
            yield cast(IO[bytes], file)
    else:
        with Path(path).open("rb") as file:
            yield file
