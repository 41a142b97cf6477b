"""Header of a CSV file: its columns, its delimiter, and the bytes behind it."""

import csv
import io
import re
from dataclasses import dataclass
from typing import IO

from mallard.errors import TransferError
from mallard.table.schema import EVENTS
from mallard.transfer.chunk import GIVEN, REQUIRED, known_name

MAX_HEADER_BYTES = 1 << 20
READ_BYTES = 1 << 16
DELIMITERS = (",", ";", "\t")

_RECORD = re.compile(rb'(?:[^"\r\n]|"[^"]*")*')
_DOWNLOAD = ["date", *EVENTS.names]


@dataclass(frozen=True, slots=True)
class Header:
    """``names`` of all columns, ours in small letters; ``delimiter`` is one of DELIMITERS."""

    names: list[str]
    delimiter: str

    @property
    def is_download(self) -> bool:
        """True where ``/api/stats/export`` wrote it, which puts a ``'`` before what a spreadsheet would run."""
        return self.names[:3] == _DOWNLOAD[:3] and self.names == _DOWNLOAD[: len(self.names)]


class Rest(io.RawIOBase):
    """A file that goes on with bytes already read from it."""

    def __init__(self, begun: bytes, file: IO[bytes]) -> None:
        self._begun = begun
        self._file = file

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        begun, self._begun = self._begun, b""
        if size < 0:
            return begun + self._file.read()
        if len(begun) > size:
            begun, self._begun = begun[:size], begun[size:]
        return begun + self._file.read(size - len(begun))


def read_header(file: IO[bytes], name: str) -> tuple[Header, Rest]:
    """The header, and the file at its second record; records end with any of the three usual line ends.

    TransferError where the header lacks a required column or names one twice.
    """
    head, rest = _first_record(file)
    shown = name or "The file"
    try:
        text = head.decode("utf-8-sig")
        headers = [Header(_names(text, each), each) for each in DELIMITERS]
    except (UnicodeDecodeError, csv.Error) as error:
        raise TransferError(f"{shown} has a header that is not CSV: {error}.") from error
    found = max(headers, key=lambda each: len(set(GIVEN).intersection(each.names)))
    missing = [each for each in REQUIRED if each not in found.names]
    if missing:
        raise TransferError(f"{shown} has no column {missing[0]}; its first line must name the columns.")
    for each in found.names:
        if each in GIVEN and found.names.count(each) > 1:
            raise TransferError(f"{shown} has two columns {each}.")
    return found, rest


def _names(text: str, delimiter: str) -> list[str]:
    return [known_name(each) for each in next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])]


def _first_record(file: IO[bytes]) -> tuple[bytes, Rest]:
    head = b""
    while len(head) < MAX_HEADER_BYTES and (more := file.read(READ_BYTES)):
        head += more
        end = _end(head)
        # Behind a return the line feed may be still to come.
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
