"""Whether a command ``mallard …`` of a document is one: read by the program's own parser, which then runs nothing."""

import argparse
import io
import itertools
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from typing import Any, NoReturn

from mallard.cli import parser
from support.docs_facts import PLACEHOLDER


class _RefusedError(Exception):
    pass


def complaints(words: tuple[str, ...], *, mentioned: bool = False) -> Iterator[str]:
    """What the parser says of ``mallard`` and its arguments.

    A command that is only ``mentioned`` in a sentence may leave out what is required, put words in capitals for values,
    and write ``[--option VALUE]`` and ``this|that``.
    """
    shown = " ".join(words)
    for variant in _variants(words[1:]) if mentioned else [words[1:]]:
        reader = parser()
        for each in _all(reader):
            _prepare(each, mentioned=mentioned)
        try:
            # --help ends the program.
            with redirect_stdout(io.StringIO()):
                reader.parse_args(variant)
        except _RefusedError as refusal:
            yield f"{shown}: {refusal}"
        except SystemExit as ended:
            if ended.code:
                raise


def _variants(words: tuple[str, ...]) -> Iterator[list[str]]:
    bare = [word.strip("[]") for word in words]
    if bare and bare[0] == "COMMAND":
        choices = [_subcommands(parser()), *([word] for word in bare[1:])]
    else:
        choices = [word.split("|") for word in bare]
    yield from map(list, itertools.product(*choices))


def _subcommands(reader: argparse.ArgumentParser) -> list[str]:
    return [name for action in _groups(reader) for name in action.choices]


def _groups(reader: argparse.ArgumentParser) -> Iterator[Any]:
    return (each for each in reader._actions if isinstance(each, argparse._SubParsersAction))


def _all(reader: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield reader
    for group in _groups(reader):
        for below in group.choices.values():
            yield from _all(below)


def _prepare(reader: argparse.ArgumentParser, *, mentioned: bool) -> None:
    """Let it raise what it would print, take no option that is cut short, and take placeholders for values."""
    reader.allow_abbrev = False
    reader.error = _refuse  # type: ignore[method-assign]
    for action in reader._actions:
        if action.type:
            action.type = _or_placeholder(action.type, mentioned=mentioned)  # type: ignore[arg-type]
        if mentioned:
            action.required = False
            if not action.option_strings and action.nargs is None:
                action.nargs = "?"


def _or_placeholder(read: Callable[[str], Any], *, mentioned: bool) -> Callable[[str], Any]:
    def taken(text: str) -> Any:
        return text if PLACEHOLDER.search(text) or (mentioned and text.isupper()) else read(text)

    return taken


def _refuse(message: str) -> NoReturn:
    raise _RefusedError(message)
