"""What every format becomes before it is understood: rows of text, each with its line."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pyarrow as pa

from mallard.table.schema import EVENTS

REQUIRED = ("timestamp", "event_name")
IGNORED = ("date",)
"""Known and not read: the date of a row follows from its timestamp."""

GIVEN = ("site_id", "visitor", "url", *EVENTS.names)
"""The columns that are read, all as text."""

_KNOWN = frozenset((*GIVEN, *IGNORED))

LINES = pa.schema([pa.field("line", pa.int64()), *(pa.field(name, pa.string()) for name in GIVEN)])


def known_name(name: str) -> str:
    """A column's name as it is known here, in any letters and with any spaces around; any other name as it stands."""
    neat = name.strip().lower()
    return neat if neat in _KNOWN else name


class RefusedRow(NamedTuple):
    """One row that is not taken. ``file`` is empty where only one file is read."""

    file: str
    line: int
    sentence: str

    def __str__(self) -> str:
        return f"{self.file + ' ' if self.file else ''}line {self.line}: {self.sentence}"


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of one file in the schema LINES, those that could not even be read, and columns nobody knows.

    ``spans_days`` says that visitor ids among them live longer than their day.
    """

    file: str
    rows: pa.Table
    refused: Sequence[RefusedRow] = ()
    unknown: frozenset[str] = field(default_factory=frozenset)
    spans_days: bool = False


def as_lines(columns: dict[str, Any], numbers: Any) -> pa.Table:
    """Text columns by name, and the rest of LINES as nulls."""
    count = len(numbers)
    found = [columns[name] if name in columns else pa.nulls(count, pa.string()) for name in GIVEN]
    return pa.table([numbers, *found], schema=LINES)


def utf8(file: str, columns: dict[str, Any], numbers: Any) -> tuple[dict[str, Any], Any, list[RefusedRow]]:
    """Columns of bytes as text; rows where one is not UTF-8 are refused, and left out."""
    try:
        return {name: column.cast(pa.string()) for name, column in columns.items()}, numbers, []
    except pa.ArrowInvalid:
        pass
    refused = [
        RefusedRow(file, number, f"{name} is not UTF-8.")
        for number, cells in zip(numbers.to_pylist(), _rows(columns), strict=True)
        if (name := next((name for name, cell in cells if not _is_text(cell)), None))
    ]
    bad = {refusal.line for refusal in refused}
    kept = pa.array([number not in bad for number in numbers.to_pylist()])
    texts = {name: column.filter(kept).cast(pa.string()) for name, column in columns.items()}
    return texts, numbers.filter(kept), refused


def _rows(columns: dict[str, Any]) -> Iterator[list[tuple[str, bytes | str | None]]]:
    for cells in zip(*(column.to_pylist() for column in columns.values()), strict=True):
        yield list(zip(columns, cells, strict=True))


def _is_text(cell: bytes | str | None) -> bool:
    try:
        return not isinstance(cell, bytes) or cell.decode() is not None
    except UnicodeDecodeError:
        return False
