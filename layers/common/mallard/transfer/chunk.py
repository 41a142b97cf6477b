"""Rows of an imported file as text with line numbers, common to all formats."""

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


def canonical_name(name: str) -> str:
    """The column that a name means, without regard to case and outer spaces; an unknown name as it stands."""
    canonical = name.strip().lower()
    return canonical if canonical in _KNOWN else name


class RefusedRow(NamedTuple):
    """A rejected row. ``file`` is empty where only one file is read."""

    file: str
    line: int
    sentence: str

    def __str__(self) -> str:
        return f"{self.file + ' ' if self.file else ''}line {self.line}: {self.sentence}"


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of one file in the schema LINES, with its unreadable rows and unknown columns.

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
    arrays = [columns[name] if name in columns else pa.nulls(count, pa.string()) for name in GIVEN]
    return pa.table([numbers, *arrays], schema=LINES)


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
    refused_lines = {refusal.line for refusal in refused}
    is_valid = pa.array([number not in refused_lines for number in numbers.to_pylist()])
    texts = {name: column.filter(is_valid).cast(pa.string()) for name, column in columns.items()}
    return texts, numbers.filter(is_valid), refused


def _rows(columns: dict[str, Any]) -> Iterator[list[tuple[str, bytes | str | None]]]:
    for cells in zip(*(column.to_pylist() for column in columns.values()), strict=True):
        yield list(zip(columns, cells, strict=True))


def _is_text(cell: bytes | str | None) -> bool:
    try:
        return not isinstance(cell, bytes) or cell.decode() is not None
    except UnicodeDecodeError:
        return False
