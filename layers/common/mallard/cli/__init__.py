"""The command ``mallard``."""

import argparse
import sys
from collections.abc import Iterable, Sequence
from importlib import import_module

from mallard import __version__
from mallard.errors import ConfigError, MallardError

EXIT_FAULT = 1
EXIT_USAGE = 2

COMMANDS = ("serve", "flush", "import", "export", "query", "erase", "repair", "password", "keys", "doctor", "demo")

_MODULES = {"import": "import_", "query": "query_"}
"""`import` is a word of the language, and another module is called `query`."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns 0 for success, 2 for an error of usage or settings, else 1 after one sentence."""
    words = list(sys.argv[1:] if argv is None else argv)
    arguments = parser(_needed_commands(words)).parse_args(words)
    try:
        return int(arguments.run(arguments))
    except ConfigError as error:
        print(f"mallard: {error}", file=sys.stderr)
        return EXIT_USAGE
    except MallardError as error:
        print(f"mallard: {error}", file=sys.stderr)
        return EXIT_FAULT
    except KeyboardInterrupt:
        return 130


def _needed_commands(words: Sequence[str]) -> Iterable[str]:
    """The named command alone, since the others' imports take a second; without one all, to list them."""
    if words and words[0] in COMMANDS:
        return words[:1]
    return () if words[:1] == ["--version"] else COMMANDS


def parser(names: Iterable[str] = COMMANDS) -> argparse.ArgumentParser:
    """The parser of these commands."""
    root = argparse.ArgumentParser(prog="mallard", description="Privacy-first web analytics over object storage.")
    root.add_argument("--version", action="version", version=f"mallard {__version__}")
    commands = root.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name in names:
        import_module(f"mallard.cli.{_MODULES.get(name, name)}").add_to(commands)
    return root
