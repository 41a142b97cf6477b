"""``mallard serve``: runs the whole product in one process."""

import argparse
import asyncio
import errno
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import uvicorn

from mallard.api.static_files import SCRIPT_PATH
from mallard.bootstrap.client_addresses import open_peer_check
from mallard.bootstrap.logs import set_up_logs
from mallard.cli.options import add_config_argument, config_option
from mallard.config import Settings, load_settings
from mallard.errors import ConfigError, QueueError, StoreError
from mallard.server.connection import KEEP_ALIVE_SECONDS, Connection
from mallard.server.connection_limits import ConnectionLimits, most_connections, raise_file_limit
from mallard.server.core_dumps import forbid_core_dumps
from mallard.server.embedded import Embedded
from mallard.server.event_connection import EventConnection

BACKLOG = 2048
HARD_STOP_GRACE_SECONDS = 1
TICKS_BETWEEN_LOOKS = 50

DESCRIPTION = """\
Run Mallard Metrics in one process: it accepts events, writes them into Parquet files, answers queries and
serves the dashboard. MALLARD_* variables override the TOML file CONFIG, which overrides defaults;
docs/configuration.md lists them. SIGINT and SIGTERM flush pending events and end the process.
"""


def add_to(commands: Any) -> None:
    """Register the command."""
    command = commands.add_parser(
        "serve",
        parents=[config_option()],
        help="run everything in one process",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="exit codes: 0 stopped by a signal; 1 an error; 2 an invalid setting, port or folder",
    )
    add_config_argument(command)
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until a signal."""
    settings = load_settings(config_file=arguments.config)
    if settings.queue != "local":
        raise ConfigError("`mallard serve` requires MALLARD_QUEUE=local, not an SQS queue.")
    set_up_logs(settings)
    forbid_core_dumps()
    with _listening(settings) as listener:
        try:
            app = Embedded(settings)
        except (StoreError, QueueError) as error:
            # A part that cannot be opened at the start is an error of the settings.
            raise ConfigError(str(error)) from error
        _serve(app, listener, settings)
    return 0


def make_server(app: Any, settings: Settings, connection: Any = Connection) -> "_Server":
    """The configured uvicorn server of an ASGI application; `make bench` uses it for a bare one."""
    return _Server(
        uvicorn.Config(
            app,
            loop="auto",
            http=connection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            # Ingest and the API read forwarded headers themselves.
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=max(1, settings.shutdown_timeout // 2),
        )
    )


def _serve(app: Embedded, listener: socket.socket, settings: Settings) -> None:
    server = make_server(app, settings, partial(EventConnection, app.ingest))
    server.on_signal = lambda: _hard_stop_after(settings.shutdown_timeout + HARD_STOP_GRACE_SECONDS)
    Connection.open_connections = ConnectionLimits(most_connections(raise_file_limit()), open_peer_check(settings))
    app.start()
    _print_welcome(listener, app.first_token)
    server.run(sockets=[listener])
    app.stop()


class _Server(uvicorn.Server):
    """uvicorn that leaves the process alive after a signal, so that the last flush can run."""

    on_signal = staticmethod(lambda: None)

    async def on_tick(self, counter: int) -> bool:
        """Check for the end ten times a second; close slow connections every few seconds."""
        if counter % TICKS_BETWEEN_LOOKS == 0:
            now = asyncio.get_running_loop().time()
            for connection in list(self.server_state.connections):
                if isinstance(connection, Connection):
                    connection.end_if_late(now)
        return await super().on_tick(counter)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End the server on SIGINT and SIGTERM; uvicorn's own handler would raise the signal again afterwards."""

        def end(number: int, frame: Any) -> None:
            self.on_signal()
            self.handle_exit(number, frame)

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, end)
        yield


def _hard_stop_after(seconds: float) -> None:
    """End the process even where a part hangs: accepted events are in the queue's file for the next start."""
    timer = threading.Timer(seconds, os._exit, [1])
    timer.daemon = True
    timer.start()


@contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
            listener.listen(BACKLOG)
        except OSError as error:
            raise ConfigError(_bind_error(settings, error)) from error
        yield listener
    finally:
        listener.close()


def _bind_error(settings: Settings, error: OSError) -> str:
    place = f"{settings.host}:{settings.port}"
    if error.errno == errno.EADDRINUSE:
        return f"{place} is in use by another program; stop it or set MALLARD_PORT."
    if error.errno == errno.EACCES:
        return f"{place} cannot be opened by this user; choose a port from 1024 up in MALLARD_PORT."
    return f"{place} cannot be opened: {error.strerror or error}; see MALLARD_HOST and MALLARD_PORT."


def _print_welcome(listener: socket.socket, first_token: str) -> None:
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    origin = f"http://{'localhost' if host in ('0.0.0.0', '::') else shown}:{port}"  # noqa: S104  # only compared
    print(f"Mallard Metrics is at {origin}/\n", file=sys.stdout)
    if first_token:
        print("No password is set yet: the first visit sets it. From another machine it takes this token:\n")
        print(f"  {first_token}\n")
    print("Paste this into your pages:\n")
    script = origin + SCRIPT_PATH.format(name="script.js")
    print(f'  <script defer data-domain="example.com" src="{script}"></script>\n', flush=True)
