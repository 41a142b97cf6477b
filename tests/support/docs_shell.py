"""Commands as documents show them, taken apart like a shell does, and not run."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from support.docs_pages import Block

UNKNOWN = "$()"
"""What stands for the output of a command within another."""

_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
_BETWEEN = {";", "&&", "||", "|", "&", "\n"}
_REDIRECTIONS = {"<", ">", ">>", ">&", "&>"}


@dataclass(frozen=True)
class Command:
    """One program with its arguments, and the variables that are set in front of it (or alone)."""

    words: tuple[str, ...]
    variables: tuple[tuple[str, str], ...] = ()


def script(block: Block) -> str:
    """What is typed: of a ``console`` block the lines behind ``$ ``, with those that a backslash carries on."""
    if block.language != "console":
        return block.text
    typed, goes_on = [], False
    for line in block.text.splitlines():
        if goes_on or line.startswith("$ "):
            typed.append(line if goes_on else line[2:])
            goes_on = line.endswith("\\")
    return "\n".join(typed)


def commands(text: str) -> Iterator[Command]:
    """The commands of a script, those within ``$(…)`` too. ValueError where it is none."""
    inner: list[str] = []
    pending = ""
    for line in _without_inner(text, inner).replace("\\\n", " ").split("\n"):
        pending = f"{pending}\n{line}" if pending else line
        try:
            tokens = _tokens(pending)
        except ValueError:
            # A quote goes on in the next line.
            continue
        pending = ""
        yield from _split(tokens)
    if pending:
        raise ValueError(f"a quote has no end: {pending.strip()}")
    for each in inner:
        yield from commands(each)


def _without_inner(text: str, inner: list[str]) -> str:
    """The text with ``$()`` in place of each ``$(…)``, whose own text goes to ``inner``."""
    out, position, quote = [], 0, ""
    while position < len(text):
        letter = text[position]
        if letter == "\\" and quote != "'":
            out.append(text[position : position + 2])
            position += 2
            continue
        if text.startswith("$(", position) and quote != "'":
            end = _closing(text, position + 2)
            inner.append(text[position + 2 : end])
            out.append(UNKNOWN if quote else f'"{UNKNOWN}"')
            position = end + 1
            continue
        if letter in "'\"" and quote in ("", letter):
            quote = "" if quote else letter
        out.append(letter)
        position += 1
    return "".join(out)


def _closing(text: str, start: int) -> int:
    depth = 1
    for position in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[position], 0)
        if not depth:
            return position
    raise ValueError(f"$( has no end: {text[start:]}")


def _tokens(text: str) -> list[str]:
    lexer = shlex.shlex(text, posix=True, punctuation_chars=";&|<>")
    lexer.whitespace_split = True
    return list(lexer)


def _split(tokens: list[str]) -> Iterator[Command]:
    words: list[str] = []
    skip = False
    for token in [*tokens, ";"]:
        if skip:
            skip = False
        elif token in _REDIRECTIONS:
            skip = True
            if words and words[-1].isdigit():
                # The number of a stream, as in 2>&1.
                words.pop()
        elif token not in _BETWEEN:
            words.append(token)
        elif words:
            yield _command(words)
            words = []


def _command(words: list[str]) -> Command:
    variables = []
    while words and (found := _ASSIGNMENT.fullmatch(words[0])):
        variables.append((found[1], found[2]))
        words = words[1:]
    return Command(tuple(words), tuple(variables))
