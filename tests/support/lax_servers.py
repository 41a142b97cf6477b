"""Real S3 servers that do not keep the conditions of writes: rclone, nanio, s3rver."""

import secrets
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from support.moto import REGION
from support.peers import npm_program, program
from support.processes import Processes, free_port, listens
from support.s3 import Server


@contextmanager
def _served(
    name: str, keys: tuple[str, str], command: Sequence[str | Path], port: int, folder: Path
) -> Iterator[Server]:
    environment = {
        "HOME": str(folder),
        "NANIO_ACCESS_KEY": keys[0],
        "NANIO_SECRET_KEY": keys[1],
    }
    with Processes(folder) as processes:
        processes.start(name, command, environment)
        processes.wait_until(lambda: listens(port), name)
        yield Server(
            f"http://127.0.0.1:{port}",
            {"AWS_ACCESS_KEY_ID": keys[0], "AWS_SECRET_ACCESS_KEY": keys[1], "AWS_DEFAULT_REGION": REGION},
        )


def _keys() -> tuple[str, str]:
    return secrets.token_hex(8), secrets.token_hex(16)


@contextmanager
def rclone() -> Iterator[Server]:
    """`rclone serve s3` over a folder."""
    with tempfile.TemporaryDirectory() as folder:
        port, keys = free_port(), _keys()
        data = Path(folder, "data")
        data.mkdir()
        options = ["--addr", f"127.0.0.1:{port}", "--auth-key", ",".join(keys), "--vfs-cache-mode", "off"]
        command = [str(program("rclone")), "serve", "s3", *options, str(data)]
        with _served("rclone", keys, command, port, Path(folder)) as server:
            yield server


@contextmanager
def nanio() -> Iterator[Server]:
    """nanio over a folder."""
    with tempfile.TemporaryDirectory() as folder:
        port, keys = free_port(), _keys()
        options = ["--host", "127.0.0.1", "--port", str(port), "--data-dir", str(Path(folder, "data"))]
        with _served("nanio", keys, [program("nanio"), "serve", *options], port, Path(folder)) as server:
            yield server


@contextmanager
def s3rver() -> Iterator[Server]:
    """s3rver over a folder; it knows one pair of keys."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        options = ["-d", str(Path(folder, "data")), "-a", "127.0.0.1", "-p", str(port), "--no-vhost-buckets"]
        command = ["node", str(npm_program("s3rver")), *options]
        with _served("s3rver", ("S3RVER", "S3RVER"), command, port, Path(folder)) as server:
            yield server
