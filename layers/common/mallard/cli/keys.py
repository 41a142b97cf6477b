"""``mallard keys``: creates, lists and revokes API keys."""

import argparse
import sys
from datetime import UTC, datetime
from typing import Any

from mallard.auth.api_keys import SCOPES, ApiKeys
from mallard.bootstrap.logs import set_up_logs
from mallard.bootstrap.store import open_store
from mallard.cli.options import config_option, site_id
from mallard.config import load_settings
from mallard.errors import ApiKeyError, ConfigError


def add_to(commands: Any) -> None:
    """Register the command."""
    command = commands.add_parser(
        "keys",
        help="create, list and revoke API keys",
        description="Create, list and revoke API keys. A key is shown once, at its creation; the store has its hash.",
    )
    actions = command.add_subparsers(required=True, metavar="ACTION")
    create = actions.add_parser("create", parents=[config_option()], help="create a key and print it")
    create.add_argument("--name", required=True, help="purpose of the key")
    create.add_argument("--scope", choices=SCOPES, default="ReadOnly", help="permissions (default: %(default)s)")
    create.add_argument(
        "--site", type=site_id, action="append", default=[], help="restrict the key to this site; repeatable"
    )
    create.add_argument("--expires", default="", metavar="DATE", help="last day, YYYY-MM-DD in UTC, or a moment")
    create.set_defaults(run=_create)
    actions.add_parser("list", parents=[config_option()], help="list all keys").set_defaults(run=_list)
    revoke = actions.add_parser("revoke", parents=[config_option()], help="revoke a key permanently")
    revoke.add_argument("key_hash", help="hash of the key, from `mallard keys list`")
    revoke.set_defaults(run=_revoke)


def _open_keys(arguments: argparse.Namespace) -> ApiKeys:
    settings = load_settings(config_file=arguments.config)
    set_up_logs(settings)
    return ApiKeys(open_store(settings))


def _create(arguments: argparse.Namespace) -> int:
    try:
        text, key = _open_keys(arguments).create(
            arguments.name, arguments.scope, datetime.now(UTC), tuple(arguments.site), expires=arguments.expires
        )
    except ApiKeyError as error:
        raise ConfigError(str(error)) from error
    print(text, flush=True)
    # On standard error, so that a script can read the key alone.
    print(f"The key is shown only once. Its hash is {key.key_hash}.", file=sys.stderr)
    return 0


def _list(arguments: argparse.Namespace) -> int:
    now = datetime.now(UTC)
    for key in _open_keys(arguments).all():
        where = ", ".join(key.sites) or "all sites"
        state = "revoked" if key.revoked else "in use" if key.lives(now) else "over"
        used = f"used {key.last_used}" if key.last_used else "never used"
        until = f"until {key.expires_at}" if key.expires_at else "for good"
        print(f"{key.key_hash}  {key.scope:8}  {state:7}  {key.created_at}  {until}  {used}  {where}  {key.name}")
    return 0


def _revoke(arguments: argparse.Namespace) -> int:
    if not _open_keys(arguments).revoke(arguments.key_hash):
        raise ConfigError(f"There is no key with the hash {arguments.key_hash[:80]!r}.")
    print("The key is revoked. Other instances reject it within five seconds.")
    return 0
