"""Commands as documents show them, split into words like a shell does, and not run."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from support.docs_pages import Block

UNKNOWN = "$()"
"""Placeholder for the output of a command within another."""

_INNER = re.compile(r"\$\(([^()]*)\)")
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)


@dataclass(frozen=True)
class Command:
    """One program with its arguments, and the variables that are set in front of it (or alone)."""

    words: tuple[str, ...]
    variables: tuple[tuple[str, str], ...] = ()


def script(block: Block) -> str:
    """The typed text: of a ``console`` block the lines after ``$ ``, with those that a backslash continues."""
    if block.language != "console":
        return block.text
    typed, goes_on = [], False
    for line in block.text.splitlines():
        if goes_on or line.startswith("$ "):
            typed.append(line if goes_on else line[2:])
            goes_on = line.endswith("\\")
    return "\n".join(typed)


def commands(text: str) -> Iterator[Command]:
    """The commands of a script, then those within ``$(…)``. ValueError where a quote has no end."""
    plain = _INNER.sub(UNKNOWN, text).replace("\\\n", " ")
    lexer = shlex.shlex(re.sub(r"(^|\s)#.*", r"\1", plain), posix=True, punctuation_chars=";&|<>\n")
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t", True, ""
    words: list[str] = []
    skip = False
    for token in [*lexer, ";"]:
        if skip:
            skip = False
        elif set(token) <= set("<>&") and set(token) & set("<>"):
            # The file of a redirection is no argument.
            skip = True
        elif not set(token) <= set(";&|\n"):
            words.append(token)
        elif words:
            yield _command(words)
            words = []
    for inner in _INNER.findall(text):
        yield from commands(inner)


def _command(words: list[str]) -> Command:
    variables = []
    while words and (found := _ASSIGNMENT.fullmatch(words[0])):
        variables.append((found[1], found[2]))
        words = words[1:]
    return Command(tuple(words), tuple(variables))
