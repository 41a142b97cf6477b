"""Names of commands, options and make targets in a page, checked against the parser and the Makefile."""

import argparse
import re
from collections.abc import Iterator
from functools import cache

from mallard.cli import parser
from support.docs_pages import ROOT, Page

_IN_CONTAINER = re.compile(r"docker compose \w+ (?:-\S+ )*mallard ")
_MALLARD = re.compile(r"(?:^|.*[\s/])mallard ((?:COMMAND|[a-z]+)(?=[\s|]|$).*|-.*)")
_MAKE = re.compile(r"(?:^|\$ )make ([a-z][a-z-]*)\b")
_OPTION = re.compile(r"(?:^|[\s\[(|])(--[a-z][a-z-]*)")


def complaints(page: Page) -> Iterator[str]:
    """One sentence for each command, option or target that does not exist."""
    for line in _code(page):
        yield from (f"the Makefile has no target {name}" for name in _MAKE.findall(line) if name not in targets())
        for text in re.split(r"[;&)]+ ?|\| ", line):
            if found := _MALLARD.match(_IN_CONTAINER.sub("", text)):
                yield from _command(found[1])


def _code(page: Page) -> Iterator[str]:
    """Spans, and commands typed in blocks with their continued lines."""
    yield from page.spans
    for block in page.blocks:
        if block.language in ("console", "sh", "bash", "ini"):
            for line in block.text.replace("\\\n", " ").splitlines():
                if block.language != "console" or line.startswith("$ "):
                    yield line


def _command(text: str) -> Iterator[str]:
    first, second, *_ = [*text.split(), ""]
    names = [""] if first.startswith("-") else first.split("|")
    if first == "COMMAND":
        names = [name for name in options() if name]
    elif second and any(each.startswith(f"{first} ") for each in options()):
        names = [f"{first} {action}" for action in second.split("|")]
    for name in names:
        if name not in options():
            yield f"mallard has no command {name}"
            continue
        for each in _OPTION.findall(text):
            if each not in options()[name]:
                yield f"mallard {name} has no option {each}"


@cache
def options() -> dict[str, frozenset[str]]:
    """Long options by command, such as ``keys create``; the empty name is the program itself."""
    return dict(_options_of("", parser()))


def _options_of(name: str, reader: argparse.ArgumentParser) -> Iterator[tuple[str, frozenset[str]]]:
    yield name, frozenset(each for action in reader._actions for each in action.option_strings if each[:2] == "--")
    for action in reader._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below, its_reader in action.choices.items():
                yield from _options_of(f"{name} {below}".strip(), its_reader)


@cache
def targets() -> frozenset[str]:
    """Targets of the Makefile."""
    return frozenset(re.findall(r"^([a-z][a-z-]*):(?!=)", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
