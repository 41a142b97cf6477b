"""Markdown as the tests of the documents read it: prose, blocks, code spans, headings; and the repository's files."""

import fnmatch
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]

_FENCE = re.compile(r" *(`{3,}|~{3,})\s*(\S*)")
_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language (empty where none is said), its text, and the line that opens it."""

    language: str
    text: str
    line: int


@dataclass(frozen=True)
class Page:
    """A Markdown file."""

    path: Path
    text: str

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The fenced blocks. ValueError where one has no end."""
        return tuple(block for block, _ in self._parts if block)

    @cached_property
    def prose(self) -> str:
        """All but the blocks and what stands in comments; lines keep their numbers."""
        text = "\n".join(line for _, line in self._parts)
        return re.sub(r"<!--.*?-->", lambda found: "\n" * found[0].count("\n"), text, flags=re.DOTALL)

    @cached_property
    def spans(self) -> tuple[str, ...]:
        """Texts between backticks, with the bars of tables unescaped."""
        return tuple(found[2].strip().replace("\\|", "|").replace("\n", " ") for found in _SPAN.finditer(self.prose))

    @cached_property
    def words(self) -> str:
        """The prose without the code spans."""
        return _SPAN.sub("`code`", self.prose)

    @cached_property
    def anchors(self) -> frozenset[str]:
        """Valid values of ``#anchor``: headings by GitHub's rule, and elements with an id."""
        seen: Counter[str] = Counter()
        found = set(re.findall(r"<a [^>]*(?:id|name)=\"([^\"]+)\"", self.words))
        for title in re.findall(r"^#{1,6} +(.+?)(?: +#+)?$", self.prose, re.MULTILINE):
            name = slug(title)
            found.add(f"{name}-{seen[name]}" if seen[name] else name)
            seen[name] += 1
        return frozenset(found)

    @cached_property
    def _parts(self) -> list[tuple[Block | None, str]]:
        """Each line of the prose; a block is one part with as many empty lines as it has."""
        parts: list[tuple[Block | None, str]] = []
        lines = iter(enumerate(self.text.split("\n"), 1))
        for number, line in lines:
            opened = _FENCE.fullmatch(line.rstrip())
            if not opened:
                parts.append((None, line))
                continue
            inside: list[str] = []
            for _, each in lines:
                if re.fullmatch(rf" *{opened[1][0]}{{{len(opened[1])},}} *", each):
                    break
                inside.append(each)
            else:
                raise ValueError(f"{self.path.name}:{number}: the block has no end")
            text = "".join(f"{each}\n" for each in inside)
            parts.append((Block(opened[2], text, number), "\n" * (len(inside) + 1)))
        return parts


def slug(title: str) -> str:
    """The anchor of a heading: letters, digits, hyphens and underscores of what is shown of it, blanks as hyphens."""
    shown = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", title)
    return re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")


@cache
def files() -> frozenset[str]:
    """Every file of the repository by its path from the root: what .gitignore names is none."""
    ignored = [line.rstrip("/") for line in (ROOT / ".gitignore").read_text("utf-8").split()]
    return frozenset(_walk(ROOT, "", [*ignored, ".git"]))


def _walk(folder: Path, below: str, ignored: list[str]) -> Iterator[str]:
    for entry in os.scandir(folder):
        path = f"{below}{entry.name}"
        if any(fnmatch.fnmatch(entry.name, each) or path == each for each in ignored):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path), f"{path}/", ignored)
        else:
            yield path


@cache
def folders() -> frozenset[str]:
    """Every folder that holds such a file, without the slash at the end."""
    return frozenset(parent.as_posix() for file in files() for parent in Path(file).parents if parent != Path())


@cache
def pages() -> tuple[Page, ...]:
    """Every document."""
    found = sorted(file for file in files() if file.endswith(".md"))
    return tuple(read(Path(file)) for file in found)


def read(path: Path) -> Page:
    """The page at a path from the root."""
    return Page(path, (ROOT / path).read_text("utf-8"))
