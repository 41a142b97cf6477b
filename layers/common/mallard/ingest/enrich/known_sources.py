"""Known sources and hosts of referrer spam, from lists."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from urllib.parse import unquote

from mallard.ingest.enrich.host_table import HostTable
from mallard.normalize.list_file import read_list

_FOLDER = Path(__file__).parent / "lists"

_SEPARATORS = re.compile(r"[\s_+-]+")
_HOST_WORD = re.compile(
    r"(?:(?:https?:)?//)?(?:www\.)?(?P<host>[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:[a-z]{2,24}|xn--[a-z0-9-]+))\.?(?::\d{0,5})?"
    r"(?:[/?#]\S*)?"
)


class SourceKind(StrEnum):
    """The kind of a source: its section in ``sources.txt``."""

    SEARCH = "search"
    SOCIAL = "social"
    VIDEO = "video"
    SHOPPING = "shopping"
    EMAIL = "email"
    AI = "ai"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class KnownSource:
    """A source by the name that reports show, and its kind."""

    name: str
    kind: SourceKind


@dataclass(frozen=True, slots=True)
class _Tables:
    hosts: HostTable[KnownSource]
    apps: dict[str, KnownSource]
    words: dict[str, KnownSource]


def source_of_host(host: str) -> KnownSource | None:
    """The source that a host belongs to."""
    return _tables().hosts.find(host)


def source_of_app(package: str) -> KnownSource | None:
    """The source behind an Android app's package name."""
    return _tables().apps.get(package)


def source_of_word(word: str) -> KnownSource | None:
    """The source that a campaign tag names: by word (``facebook``, ``fb``) or by host (``chatgpt.com``)."""
    found = _tables().words.get(squashed(word))
    if found is None and (host := host_in_word(word)):
        return source_of_host(host)
    return found


def host_in_word(word: str) -> str | None:
    """The host that a tag's word is, with or without scheme, ``www.``, port and path; None where it is a plain word."""
    match = _HOST_WORD.fullmatch(unquote(word).strip().lower())
    return match["host"] if match else None


def squashed(word: str) -> str:
    """A word of a tag in small letters, without the spaces, hyphens and underscores that people write it with."""
    return _SEPARATORS.sub("", word.lower())


def is_spam(host: str) -> bool:
    """True for a host that sends referrers without visits."""
    return _spam().find(host) is not None


@cache
def _tables() -> _Tables:
    hosts: dict[str, KnownSource] = {}
    apps: dict[str, KnownSource] = {}
    words: dict[str, KnownSource] = {}
    for known, tokens in _rows():
        words[squashed(known.name)] = known
        for token in tokens:
            if token.startswith("app:"):
                apps[token.removeprefix("app:")] = known
            elif "." in token:
                hosts[token] = known
            else:
                words[squashed(token)] = known
    return _Tables(HostTable(hosts), apps, words)


def _rows() -> Iterator[tuple[KnownSource, list[str]]]:
    kind = SourceKind.OTHER
    for line in read_list(_FOLDER / "sources.txt"):
        if line.startswith("["):
            kind = SourceKind(line.strip("[]"))
        else:
            name, _, tokens = line.partition(" = ")
            yield KnownSource(name, kind), tokens.split()


@cache
def _spam() -> HostTable[bool]:
    return HostTable(dict.fromkeys(read_list(_FOLDER / "spam.txt"), True))
