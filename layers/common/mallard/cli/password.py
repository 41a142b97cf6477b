"""``mallard password``: sets or resets the dashboard's password."""

import argparse
import getpass
import sys
from datetime import UTC, datetime
from typing import Any

from mallard.auth.admin_password import AdminPassword
from mallard.auth.password_hashing import MAX_LENGTH
from mallard.bootstrap.logs import set_up_logs
from mallard.bootstrap.store import open_store
from mallard.cli.options import config_option
from mallard.config import load_settings
from mallard.errors import ConfigError, PasswordError

DESCRIPTION = """\
Set the password of the dashboard without the old one; this needs write access to the store. The command reads the
password from the terminal, twice, or from the first line of a pipe. It is no argument, because other users could see
it. All sessions end, on every instance within five seconds."""


def add_to(commands: Any) -> None:
    """Register the command."""
    command = commands.add_parser(
        "password",
        parents=[config_option()],
        help="set the dashboard's password",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=_set)


def _set(arguments: argparse.Namespace) -> int:
    settings = load_settings(config_file=arguments.config)
    set_up_logs(settings)
    if settings.admin_password:
        raise ConfigError("MALLARD_ADMIN_PASSWORD is set and overrides a stored password; change it there.")
    passwords = AdminPassword(open_store(settings))
    try:
        passwords.put(_read_from_terminal() if sys.stdin.isatty() else _read_from_pipe(), datetime.now(UTC))
    except PasswordError as error:
        raise ConfigError(str(error)) from None
    print("The password is set. All sessions end within five seconds.")
    return 0


def _read_from_terminal() -> str:
    first = getpass.getpass("New password: ")
    if getpass.getpass("Repeat the password: ") != first:
        raise ConfigError("The passwords differ; nothing was changed.")
    return first


def _read_from_pipe() -> str:
    # Bounded, whatever is piped in.
    return sys.stdin.readline(MAX_LENGTH + 2).rstrip("\r\n")
