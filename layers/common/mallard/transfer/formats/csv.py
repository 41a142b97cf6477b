"""CSV: reader of imports, writers of exports and downloads, guard against formulas."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import reduce
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.csv as pc

from mallard.errors import TransferError
from mallard.transfer.chunk import GIVEN, IGNORED, Chunk, RefusedRow, as_lines, utf8
from mallard.transfer.formats.csv_header import Header, Rest, read_header
from mallard.transfer.formats.text_columns import as_text, text_schema, text_timestamps_schema, with_text_timestamps

CHUNK_BYTES = 8 << 20

BOM = b"\xef\xbb\xbf"
"""Byte-order mark; without it a spreadsheet reads UTF-8 in its own legacy encoding."""

FORMULA = r"^('*[\s\pZ\pC]*[=+\-@＝＋－＠\t\r\n])"
"""The beginning of a text that a spreadsheet may run as a formula: a visitor's text would be code on an analyst's desk.

A text that already has a ``'`` before such a beginning gets another, so that the guard can be reversed.
"""

GUARDED_FORMULA = rf"^'{FORMULA[1:]}"


def guard_formulas(column: Any) -> Any:
    """A text column with a ``'`` before each text that begins like a formula."""
    return compute.replace_substring_regex(column, FORMULA, r"'\1")


def unguard_formulas(column: Any) -> Any:
    """The inverse of ``guard_formulas``."""
    return compute.replace_substring_regex(column, GUARDED_FORMULA, r"\1")


class CsvWriter:
    """Lossless CSV (RFC 4180) of an export.

    Every text is quoted, so that an empty cell is null and ``""`` is empty text; all columns but integers are text.
    """

    def __init__(self, file: IO[bytes], schema: pa.Schema, *, bom: bool = False) -> None:
        file.write(BOM if bom else b"")
        self._writer = pc.CSVWriter(file, text_schema(schema))

    def write(self, batch: Any) -> None:
        self._writer.write_batch(as_text(batch))

    def finish(self, *, spans_days: bool = False) -> None:  # noqa: ARG002  # CSV has no place for the mark
        self._writer.close()


class GuardedCsvWriter:
    """CSV (RFC 4180) of a download, for spreadsheets: texts pass ``guard_formulas``."""

    def __init__(self, file: IO[bytes], schema: pa.Schema, *, bom: bool = True) -> None:
        file.write((BOM if bom else b"") + ",".join(schema.names).encode() + b"\n")
        options = pc.WriteOptions(include_header=False)
        self._writer = pc.CSVWriter(file, text_timestamps_schema(schema), write_options=options)

    def write(self, batch: Any) -> None:
        texts = with_text_timestamps(batch)
        columns = [guard_formulas(column) if column.type == pa.string() else column for column in texts]
        self._writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=texts.schema))

    def finish(self, *, spans_days: bool = False) -> None:  # noqa: ARG002  # CSV has no place for the mark
        self._writer.close()


@dataclass(slots=True)
class _Numbers:
    """Counter of records, with the header as 1, that skips those the reader left out."""

    left_out: list[Any] = field(default_factory=list)
    next: int = 2
    passed: int = 0

    def take(self, count: int, name: str) -> tuple[Any, list[RefusedRow]]:
        """The numbers of the next ``count`` records, and the rejected rows between them."""
        numbers: list[int] = []
        refused: list[RefusedRow] = []
        while len(numbers) < count or self._at_left_out():
            if self._at_left_out():
                row = self.left_out[self.passed]
                self.passed += 1
                if row.text.strip():
                    sentence = f"it has {row.actual_columns} cells, the header {row.expected_columns}."
                    refused.append(RefusedRow(name, self.next, sentence))
                self.next += 1
            else:
                # Up to the next one left out all numbers follow each other.
                until = self.left_out[self.passed].number + 1 if self.passed < len(self.left_out) else None
                run = count - len(numbers) if until is None else min(count - len(numbers), until - self.next)
                numbers += range(self.next, self.next + run)
                self.next += run
        return pa.array(numbers, pa.int64()), refused

    def _at_left_out(self) -> bool:
        # The reader counts from 1 without the header, which it never saw.
        return self.passed < len(self.left_out) and self.left_out[self.passed].number + 1 == self.next


def read_csv(file: IO[bytes], name: str, chunk_bytes: int = CHUNK_BYTES) -> Iterator[Chunk]:
    """Chunks of about ``chunk_bytes``, numbered by record. An empty cell is null, a quoted empty one is empty text.

    TransferError where the header lacks a required column or names one twice, or a record has no end.
    """
    header, rest = read_header(file, name)
    unknown = frozenset(header.names).difference(GIVEN, IGNORED)
    numbers = _Numbers()
    read_columns = [each for each in GIVEN if each in header.names]
    try:
        for batch in _batches(rest, header, read_columns, numbers.left_out, chunk_bytes):
            lines, refused = numbers.take(batch.num_rows, name)
            columns, lines = _not_blank({each: batch.column(each) for each in read_columns}, lines)
            texts, lines, undecodable = utf8(name, columns, lines)
            if header.is_download:
                texts = {each: unguard_formulas(texts[each]) for each in texts}
            yield Chunk(name, as_lines(texts, lines), [*refused, *undecodable], unknown)
    except pa.ArrowInvalid as error:
        raise TransferError(f"After line {numbers.next - 1} this is not CSV: {error}.") from error
    _, refused = numbers.take(0, name)
    yield Chunk(name, as_lines({}, pa.array([], pa.int64())), refused, unknown)


def _not_blank(columns: dict[str, Any], numbers: Any) -> tuple[dict[str, Any], Any]:
    """The records without empty lines, which have no value."""
    if not columns["timestamp"].null_count:
        return columns, numbers
    filled = reduce(compute.or_, (column.is_valid() for column in columns.values()))
    return {name: column.filter(filled) for name, column in columns.items()}, numbers.filter(filled)


def _batches(
    file: Rest, header: Header, read_columns: list[str], left_out: list[Any], chunk_bytes: int
) -> Iterator[Any]:
    def leave_out(row: Any) -> str:
        left_out.append(row)
        return "skip"

    try:
        reader = pc.open_csv(
            file,
            # Only a single-threaded reader reports the numbers of rows it leaves out.
            read_options=pc.ReadOptions(column_names=header.names, use_threads=False, block_size=chunk_bytes),
            parse_options=pc.ParseOptions(
                delimiter=header.delimiter,
                newlines_in_values=True,
                ignore_empty_lines=False,
                invalid_row_handler=leave_out,
            ),
            convert_options=pc.ConvertOptions(
                # As bytes: a cell that is not UTF-8 must not end the whole file.
                column_types={each: pa.binary() for each in read_columns},
                include_columns=read_columns,
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                null_values=[""],
            ),
        )
    except pa.ArrowInvalid as error:
        if "Empty CSV" in str(error):
            return
        raise
    yield from reader
