"""LocalStack's core as a process of its own on a free port, under the settings of its compose file, without Docker."""

import os
import re
import signal
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from support.peers import HOME, ROOT
from support.processes import free_port

COMPOSE = ROOT / "localstack" / "docker-compose.yml"
PYTHON = HOME / "localstack" / "bin" / "python"
START_SECONDS = 60


@contextmanager
def localstack() -> Iterator[str]:
    """The address of an empty emulator. Its functions end with it."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        log = Path(folder) / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [PYTHON, "-m", "support.localstack_functions"],
                env=_environment(port, folder),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            _wait_for(f"http://127.0.0.1:{port}", process, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            # With all its functions, and at once: nothing of it is kept, and its own end takes ten seconds.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def compose() -> dict[str, Any]:
    """The service that the compose file describes."""
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())["services"]["localstack"]
    return found


def _environment(port: int, folder: str) -> dict[str, str]:
    """The container's settings, and what differs without one: where it listens, writes, and says that it is."""
    settings = {name: re.sub(r"\$\{\w+:-(.*)\}", r"\1", value) for name, value in compose()["environment"].items()}
    return {
        **settings,
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT / "tests"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": folder,
        "FILESYSTEM_ROOT": folder,
        "GATEWAY_LISTEN": f"127.0.0.1:{port}",
        # Every browser takes a name below localhost for this machine; nobody needs to be asked.
        "LOCALSTACK_HOST": f"localhost:{port}",
        "SQS_ENDPOINT_STRATEGY": "path",
        "DNS_ADDRESS": "0",
    }


def _wait_for(address: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/_localstack/health", timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"LocalStack did not answer within {START_SECONDS} s: {log.read_text()[-3000:]}")
