"""Rows as a table of text for a terminal."""

import pyarrow as pa

from mallard.transfer.formats.plain_columns import plain_columns

MAX_SHOWN_ROWS = 40
MAX_CELL = 60
"""Characters of a cell."""


def text_table(rows: pa.Table) -> str:
    """The first rows below their names, numbers to the right, and the number of all rows."""
    names = [_cell(name) for name in rows.column_names]
    plain = plain_columns(rows.slice(0, MAX_SHOWN_ROWS), nested=False)
    columns = [[_cell(value) for value in column.to_pylist()] for column in plain.columns]
    widths = [max(map(len, (name, *cells))) for name, cells in zip(names, columns, strict=True)]
    right = [_is_number(each.type) for each in rows.schema]
    lines = [names, ["-" * width for width in widths], *map(list, zip(*columns, strict=True))]
    table = "\n".join(_line(cells, widths, right) for cells in lines)
    count = "1 row" if rows.num_rows == 1 else f"{rows.num_rows:,} rows"
    shown = f", {MAX_SHOWN_ROWS} shown; --format csv has all" if rows.num_rows > MAX_SHOWN_ROWS else ""
    return f"{table}\n({count}{shown})"


def _line(cells: list[str], widths: list[int], right: list[bool]) -> str:
    padded = (
        cell.rjust(width) if is_right else cell.ljust(width)
        for cell, width, is_right in zip(cells, widths, right, strict=True)
    )
    return "  ".join(padded).rstrip()


def _cell(value: object) -> str:
    """A value without line breaks and other control characters, which would move the cursor."""
    text = "" if value is None else str(value)
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    return text if len(text) <= MAX_CELL else f"{text[: MAX_CELL - 1]}…"


def _is_number(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind))
