"""Header of a CSV file: columns, delimiter and the remaining bytes."""

import csv
import io
import re
from dataclasses import dataclass
from typing import IO

from mallard.errors import TransferError
from mallard.table.schema import EVENTS
from mallard.transfer.chunk import GIVEN, REQUIRED, canonical_name

MAX_HEADER_BYTES = 1 << 20
READ_BYTES = 1 << 16
DELIMITERS = (",", ";", "\t")

_RECORD = re.compile(rb'(?:[^"\r\n]|"[^"]*")*')
_DOWNLOAD = ["date", *EVENTS.names]


@dataclass(frozen=True, slots=True)
class Header:
    """``names`` of all columns, known ones in lower case; ``delimiter`` is one of DELIMITERS."""

    names: list[str]
    delimiter: str

    @property
    def is_download(self) -> bool:
        """True where ``/api/stats/export`` wrote it, which puts a ``'`` before texts that begin like a formula."""
        return self.names[:3] == _DOWNLOAD[:3] and self.names == _DOWNLOAD[: len(self.names)]


class Rest(io.RawIOBase):
    """A file that begins with bytes already read from it."""

    def __init__(self, buffered: bytes, file: IO[bytes]) -> None:
        self._buffered = buffered
        self._file = file

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        buffered, self._buffered = self._buffered, b""
        if size < 0:
            return buffered + self._file.read()
        if len(buffered) > size:
            buffered, self._buffered = buffered[:size], buffered[size:]
        return buffered + self._file.read(size - len(buffered))


def read_header(file: IO[bytes], name: str) -> tuple[Header, Rest]:
    """The header, and the file at its second record; records end with any of the three usual line ends.

    TransferError where the header lacks a required column or names one twice.
    """
    head, rest = _first_record(file)
    shown_name = name or "The file"
    try:
        text = head.decode("utf-8-sig")
        headers = [Header(_names(text, each), each) for each in DELIMITERS]
    except (UnicodeDecodeError, csv.Error) as error:
        raise TransferError(f"{shown_name} has a header that is not CSV: {error}.") from error
    header = max(headers, key=lambda each: len(set(GIVEN).intersection(each.names)))
    missing = [each for each in REQUIRED if each not in header.names]
    if missing:
        raise TransferError(f"{shown_name} has no column {missing[0]}; its first line must name the columns.")
    for each in header.names:
        if each in GIVEN and header.names.count(each) > 1:
            raise TransferError(f"{shown_name} has two columns {each}.")
    return header, rest


def _names(text: str, delimiter: str) -> list[str]:
    return [canonical_name(each) for each in next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])]


def _first_record(file: IO[bytes]) -> tuple[bytes, Rest]:
    head = b""
    while len(head) < MAX_HEADER_BYTES and (more := file.read(READ_BYTES)):
        head += more
        end = _end(head)
        # The line feed after a carriage return may be in the next block.
        if end < len(head) - 1:
            break
    end = _end(head)
    line_end = 2 if head[end : end + 2] == b"\r\n" else 1
    return head[:end], Rest(head[end + line_end :], file)


def _end(head: bytes) -> int:
    """The length of the first record; that of all where a quote is open."""
    match = _RECORD.match(head)
    length = match.end() if match else 0
    return len(head) if head[length : length + 1] == b'"' else length
