"""Starts programs of others for a test, waits until they listen, and ends exactly those."""

import os
import random
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

PORTS = range(20_000, 32_000)
"""Below those of clients, which begin at 32,768 on Linux: a program needs seconds until it listens."""
START_SECONDS = 60
STOP_SECONDS = 10


def free_port() -> int:
    """A port of this machine that nobody listens on, and that the system gives to no client meanwhile."""
    for port in random.SystemRandom().sample(PORTS, len(PORTS)):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise RuntimeError("no port is free")


def listens(port: int) -> bool:
    """Whether somebody takes connections there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Processes:
    """Context manager over programs that run until its end; what they write goes to ``folder/NAME.out``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> "Processes":
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._running):
            process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for process in reversed(self._running):
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def start(self, name: str, command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> None:
        """Run a program in the background."""
        with (self.folder / f"{name}.out").open("ab") as out:
            process = subprocess.Popen(
                [str(each) for each in command],
                env={**os.environ, **(environment or {})},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )
        self._running.append(process)

    def run(self, command: Sequence[str | Path], environment: Mapping[str, str] | None = None, text: str = "") -> str:
        """Run a program to its end; what it printed. Raises CalledProcessError."""
        ended = subprocess.run(
            [str(each) for each in command],
            env={**os.environ, **(environment or {})},
            cwd=self.folder,
            input=text,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=True,
        )
        return ended.stdout

    def wait_until(self, ready: Callable[[], bool], what: str) -> None:
        """Raises RuntimeError, with the ends of all outputs, where it is not ready within START_SECONDS."""
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            if time.monotonic() > deadline or any(each.poll() is not None for each in self._running):
                tails = [
                    f"{file.name}: {file.read_text(errors='replace')[-500:]}" for file in self.folder.glob("*.out")
                ]
                raise RuntimeError(f"{what} did not start. {' '.join(tails)}")
            time.sleep(0.1)
