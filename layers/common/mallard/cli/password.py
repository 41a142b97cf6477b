"""``mallard password``: set the dashboard's password, also over a forgotten one."""

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
Set the password of the dashboard, whatever it was before: whoever can write the store may. It is asked for twice on
a terminal, else it is the first line of what is piped in. It never stands in the command: others could see it there.
Everyone who is logged in is logged out, on every instance within five seconds."""


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
        raise ConfigError("MALLARD_ADMIN_PASSWORD is set and wins over a stored password; change it there.")
    passwords = AdminPassword(open_store(settings))
    try:
        passwords.put(_asked() if sys.stdin.isatty() else _piped(), datetime.now(UTC))
    except PasswordError as error:
        raise ConfigError(str(error)) from None
    print("The password is set; whoever was logged in is logged out within five seconds.")
    return 0


def _asked() -> str:
    first = getpass.getpass("New password: ")
    if getpass.getpass("The same again: ") != first:
        raise ConfigError("The two were not the same; nothing was changed.")
    return first


def _piped() -> str:
    # No more than what can be one, whatever is piped in.
    return sys.stdin.readline(MAX_LENGTH + 2).rstrip("\r\n")
