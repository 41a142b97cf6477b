"""ministack, an emulator of S3, SQS and more, as a process of its own on a free port."""

import os
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from support.moto import CREDENTIALS
from support.peers import HOME, program
from support.processes import free_port

START_SECONDS = 30
STOP_SECONDS = 10


WITH_LAMBDA = HOME / "ministack-lambda" / "bin" / "ministack"
"""Runs functions as processes of its own Python, which is Lambda's."""


@contextmanager
def ministack(runs: Path | None = None) -> Iterator[str]:
    """The address of an empty emulator, with credentials for it in the environment."""
    with tempfile.TemporaryDirectory() as folder, patch.dict(os.environ, CREDENTIALS):
        port = free_port()
        process = subprocess.Popen(
            [runs or program("ministack")],
            env=_environment(port, folder),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(address, process)
            yield address
        finally:
            _end(process)


def _environment(port: int, folder: str) -> dict[str, str]:
    """It listens on this machine only, and leaves out the doors that open ports of their own.

    Its functions ask it and no other emulator that a test may run.
    """
    return {
        **{name: value for name, value in os.environ.items() if name != "AWS_ENDPOINT_URL"},
        "HOME": folder,
        "TMPDIR": folder,
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_HOST": "127.0.0.1",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
    }


def _wait_for(address: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"ministack ended with code {process.returncode}.")
        try:
            with urllib.request.urlopen(f"{address}/_ministack/health", timeout=2):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"ministack did not answer within {START_SECONDS} s.")


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
