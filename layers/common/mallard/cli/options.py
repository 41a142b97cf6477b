"""Shared options of the commands, and parsers of their values."""

import argparse
from datetime import UTC, date, datetime
from pathlib import Path

from mallard.errors import QueryError
from mallard.sites.site_id import read_site
from mallard.stats import date_range

_CONFIG_HELP = "a TOML file with settings"


def config_option() -> argparse.ArgumentParser:
    """A parent parser with ``--config``."""
    parent = argparse.ArgumentParser(add_help=False)
    parent.add_argument("--config", type=Path, metavar="CONFIG", help=_CONFIG_HELP)
    return parent


def add_config_argument(command: argparse.ArgumentParser) -> None:
    """Let ``command``, which has ``--config``, take the file as its only argument too."""
    command.add_argument(
        "config",
        nargs="?",
        type=_path,
        metavar="CONFIG",
        default=argparse.SUPPRESS,
        help=f"{_CONFIG_HELP}, as --config",
    )


def _path(text: str) -> Path | str:
    # For an absent argument argparse passes its own sentinel, which must be returned unchanged.
    return text if text is argparse.SUPPRESS else Path(text)


def site_id(text: str) -> str:
    """A site id in its stored form."""
    try:
        return read_site(text)
    except QueryError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def read_date(text: str) -> date:
    """A date as ``YYYY-MM-DD``."""
    try:
        return date_range.read_date("date", text)
    except QueryError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date; write YYYY-MM-DD") from None


def read_moment(text: str) -> datetime:
    """An ISO 8601 moment; UTC where it has no offset."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
