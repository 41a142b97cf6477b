"""The sources known by name and the hosts known for referrer spam, from the two tables beside this file."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from mallard.ingest.hosts import HostTable

_FOLDER = Path(__file__).parent


class Kind(StrEnum):
    """What a source is: the heading it stands under in ``sources.txt``."""

    SEARCH = "search"
    SOCIAL = "social"
    VIDEO = "video"
    SHOPPING = "shopping"
    EMAIL = "email"
    AI = "ai"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Known:
    """A source by the name that reports show, and its kind."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class _Tables:
    hosts: HostTable[Known]
    apps: dict[str, Known]
    words: dict[str, Known]


def source_of_host(host: str) -> Known | None:
    """The source that a host belongs to."""
    return _tables().hosts.find(host)


def source_of_app(package: str) -> Known | None:
    """The source behind an Android app's package name."""
    return _tables().apps.get(package)


def source_of_word(word: str) -> Known | None:
    """The source that a campaign tag names: by word (``facebook``, ``fb``) or by host (``chatgpt.com``)."""
    plain = word.strip().lower()
    found = _tables().words.get(plain)
    return source_of_host(plain.removeprefix("www.")) if found is None and "." in plain else found


def is_spam(host: str) -> bool:
    """Whether a host is known to send referrers without visits."""
    return _spam().find(host) is not None


@cache
def _tables() -> _Tables:
    hosts: dict[str, Known] = {}
    apps: dict[str, Known] = {}
    words: dict[str, Known] = {}
    for known, tokens in _rows():
        words[known.name.lower()] = known
        for token in tokens:
            if token.startswith("app:"):
                apps[token.removeprefix("app:")] = known
            elif "." in token:
                hosts[token] = known
            else:
                words[token] = known
    return _Tables(HostTable(hosts), apps, words)


def _rows() -> Iterator[tuple[Known, list[str]]]:
    kind = Kind.OTHER
    for line in _lines("sources.txt"):
        if line.startswith("["):
            kind = Kind(line.strip("[]"))
        else:
            name, _, tokens = line.partition(" = ")
            yield Known(name, kind), tokens.split()


@cache
def _spam() -> HostTable[bool]:
    return HostTable(dict.fromkeys(_lines("spam.txt"), True))


def _lines(name: str) -> list[str]:
    lines = (_FOLDER / name).read_text("utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]
