"""The command ``mallard``."""

import argparse
import sys
from collections.abc import Sequence

from mallard import __version__
from mallard.cli import demo, doctor, erase, export, flush, import_, keys, password, serve
from mallard.errors import ConfigError, MallardError

EXIT_FAULT = 1
EXIT_USAGE = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 only when its work is done, 2 for what the caller must mend, else 1 with one sentence."""
    arguments = parser().parse_args(argv)
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


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    root = argparse.ArgumentParser(prog="mallard", description="Privacy-first web analytics over object storage.")
    root.add_argument("--version", action="version", version=f"mallard {__version__}")
    commands = root.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in (serve, flush, import_, export, erase, password, keys, doctor, demo):
        command.add_to(commands)
    return root
