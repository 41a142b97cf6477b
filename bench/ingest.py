"""How fast durable events are taken, beside a bare ASGI application on the same server in the same run."""

import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from support.server import Server

HERE = Path(__file__).parent
ROUNDS = 3
SECONDS = 5
CONNECTIONS = 64


def run() -> list[str]:
    """Alternating rounds of both; the rows of a Markdown table with medians."""
    if shutil.which("wrk") is None:
        sys.exit("The ingest benchmark needs wrk: install it (`apt-get install wrk`).")
    ours: list[tuple[float, float]] = []
    bare: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as folder, Server(Path(folder) / "data") as server, bare_server() as peer:
        for _ in range(ROUNDS):
            bare.append(measure(peer))
            ours.append(measure(server.origin))
    (our_rate, our_p99), (bare_rate, bare_p99) = _medians(ours), _medians(bare)
    return [
        "| what | requests/s | p99 ms |",
        "| --- | --- | --- |",
        f"| `POST /api/event`, durable | {our_rate:,.0f} | {our_p99:.1f} |",
        f"| bare ASGI 202, same server | {bare_rate:,.0f} | {bare_p99:.1f} |",
        f"| ratio | {our_rate / bare_rate:.2f} | {our_p99 / bare_p99:.1f} |",
    ]


def measure(origin: str) -> tuple[float, float]:
    """Requests per second and p99 in milliseconds; an answer other than 202 fails the run."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--latency", "-s", str(HERE / "event.lua"), origin]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in text or "Socket errors" in text:
        sys.exit(text)
    rate = float(re.findall(r"Requests/sec:\s+([\d.]+)", text)[0])
    value, unit = re.findall(r"99%\s+([\d.]+)(us|ms|s)", text)[0]
    return rate, float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


@contextmanager
def bare_server() -> Iterator[str]:
    """uvicorn with the same loop and parser, without our code."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "bench.bare:app", "--port", str(port), "--log-level", "warning"]
    process = subprocess.Popen([*command, "--no-access-log"], cwd=HERE.parent)
    try:
        _wait_for(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return


def _medians(rounds: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return statistics.median(rate for rate, _ in rounds), statistics.median(p99 for _, p99 in rounds)
