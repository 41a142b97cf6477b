"""Requests made by the ``curl`` commands of documents."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

FLAGS = dict.fromkeys("fiIgGJkLOsSv", "") | {"compressed": "", "fail": "", "head": "", "get": ""}
LONG = ("header", "data", "data-binary", "data-raw", "data-urlencode", "json", "request", "output")
SHORT = {"H": "header", "d": "data", "X": "request", "o": "output", "u": "user", "m": "max-time", "w": "write-out"}
VALUES = SHORT | {name: name for name in LONG}
"""Options that take a value, by the long name."""


@dataclass(frozen=True)
class Request:
    """An HTTP request to a host."""

    method: str
    host: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]
    body: str

    @property
    def target(self) -> str:
        """The path with its query."""
        return f"{quote(self.path, safe='/%')}?{urlencode(self.query)}" if self.query else self.path


def as_request(words: Sequence[str]) -> Request:
    """The request. ValueError where an option is not known here, or there is not one address."""
    flags, values, operands = _read(list(words[1:]))
    if len(operands) != 1:
        raise ValueError(f"there must be one address, not {operands}")
    parts = urlsplit(operands[0])
    data = [value for name, value in values if name in ("data", "data-binary", "data-raw", "data-urlencode", "json")]
    query = parse_qsl(parts.query, keep_blank_values=True)
    in_query = bool({"G", "get"} & flags)
    if in_query:
        query += [pair for each in data for pair in [tuple(each.partition("=")[::2])]]  # type: ignore[misc]
    usual = "HEAD" if {"I", "head"} & flags else "POST" if data and not in_query else "GET"
    method = next((value for name, value in values if name == "request"), usual)
    headers = tuple((name.strip(), value.strip()) for name, value in _headers(values))
    return Request(method, parts.netloc, parts.path, tuple(query), headers, "" if in_query else "&".join(data))


def _headers(values: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for name, value in values:
        if name == "header":
            yield tuple(value.partition(":")[::2])  # type: ignore[misc]
        elif name == "json":
            yield "Content-Type", "application/json"


def _read(words: list[str]) -> tuple[set[str], list[tuple[str, str]], list[str]]:
    flags: set[str] = set()
    values: list[tuple[str, str]] = []
    operands: list[str] = []
    while words:
        word = words.pop(0)
        if not word.startswith("-"):
            operands.append(word)
            continue
        for name in [word[2:]] if word.startswith("--") else word[1:]:
            if name in VALUES and words:
                values.append((VALUES[name], words.pop(0)))
            elif name in FLAGS:
                flags.add(name)
            else:
                raise ValueError(f"{word} is no option that is known here")
    return flags, values, operands
