"""``python -m mallard.health.container_check [CONFIG]``: health check of a container.

Exit code 0 if ``mallard serve`` with the same settings answers, else 1. Containers run it twice a minute, so it
imports nothing but the settings.
"""

import http.client
import sys
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path

from mallard.config import Settings, load_settings
from mallard.errors import ConfigError

TIMEOUT_SECONDS = 5.0
PATH = "/health"


def answer(settings: Settings) -> str:
    """The fault, in a sentence; empty where the server answers."""
    host = _reachable(settings.host)
    connection = http.client.HTTPConnection(host, settings.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", PATH)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"{host}:{settings.port} does not answer: {error or type(error).__name__}."
    finally:
        connection.close()
    return "" if status == 200 else f"{host}:{settings.port}{PATH} answers {status}."


def _reachable(host: str) -> str:
    """The address of a server that listens on ``host``: loopback for one that listens everywhere."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if not address.is_unspecified:
        return host
    return "127.0.0.1" if address.version == 4 else "::1"


def main(arguments: Sequence[str]) -> int:
    """The exit code; a fault is written to stderr."""
    try:
        wrong = answer(load_settings(config_file=Path(arguments[0]) if arguments else None))
    except ConfigError as error:
        wrong = str(error)
    if wrong:
        print(f"mallard: {wrong}", file=sys.stderr)  # noqa: T201  # a command
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
