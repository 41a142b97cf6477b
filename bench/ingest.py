"""Ingest rate of durable events, compared with a bare ASGI application on the same core."""

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.server import Server

HERE = Path(__file__).parent
ROUNDS = 5
SECONDS = 4
WARM_UP_SECONDS = 1
CONNECTIONS = 64
IDLE_SECONDS = 1
IDLE_TRIES = 60
FLUSH_SECONDS = 120


@dataclass(frozen=True)
class Round:
    """Results of wrk and the kernel: requests a second, milliseconds, processor time of the server in µs."""

    rate: float
    p99_ms: float
    cpu_us: float


def run() -> list[str]:
    """Alternating rounds of ours and two bare servers; the rows of a Markdown table with medians.

    All threads of a server share one core, wrk has another: with two cores the thread that commits, the flush and the
    load would take what the peer, which has no threads, leaves idle.
    """
    if shutil.which("wrk") is None:
        sys.exit("The ingest benchmark needs wrk: install it (`apt-get install wrk`).")
    ours: list[Round] = []
    bare: list[Round] = []
    plain: list[Round] = []
    server_core, client_core = _two_cores()
    with (
        tempfile.TemporaryDirectory() as folder,
        _on(server_core),
        Server(Path(folder) / "data") as server,
        _bare_server() as (peer, origin),
        _bare_server("plain") as (plain_peer, plain_origin),
    ):
        measure(server.origin, server.pid, client_core, WARM_UP_SECONDS)
        for _ in range(ROUNDS):
            # A flush that goes on would run in the other's time.
            server.wait_until_flushed(FLUSH_SECONDS)
            _wait_until_idle(server.pid)
            bare.append(measure(origin, peer, client_core))
            plain.append(measure(plain_origin, plain_peer, client_core))
            ours.append(measure(server.origin, server.pid, client_core))
    our = _medians(ours)
    return [
        "| what | requests/s | p99 ms | CPU µs |",
        "| --- | --- | --- | --- |",
        _row("`POST /api/event`, durable, with concurrent flushes", our),
        *_beside("bare ASGI 202 on the tuned server (httptools, uvloop)", _medians(bare), our),
        *_beside("bare ASGI 202 on uvicorn with defaults (h11, asyncio)", _medians(plain), our),
    ]


def _row(name: str, found: Round) -> str:
    return f"| {name} | {found.rate:,.0f} | {found.p99_ms:.1f} | {found.cpu_us:.0f} |"


def _beside(name: str, peer: Round, our: Round) -> tuple[str, str]:
    ratio = f"{our.rate / peer.rate:.2f} | {our.p99_ms / peer.p99_ms:.1f} | {our.cpu_us / peer.cpu_us:.1f}"
    return _row(name, peer), f"| Mallard, ratio | {ratio} |"


def measure(origin: str, pid: int, core: int, seconds: int = SECONDS) -> Round:
    """One round of wrk on ``core``; an answer other than 202 fails the run."""
    script = str(HERE / "event.lua")
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", script, origin]
    before = _cpu_seconds(pid)
    with _on(core):
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    spent = _cpu_seconds(pid) - before
    if "Non-2xx" in text or "Socket errors" in text:
        sys.exit(text)
    rate = float(re.findall(r"Requests/sec:\s+([\d.]+)", text)[0])
    value, unit = re.findall(r"99%\s+([\d.]+)(us|ms|s)", text)[0]
    p99_ms = float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit]
    return Round(rate, p99_ms, 1_000_000 * spent / int(re.findall(r"(\d+) requests in", text)[0]))


def _wait_until_idle(pid: int) -> None:
    for _ in range(IDLE_TRIES):
        before = _cpu_seconds(pid)
        time.sleep(IDLE_SECONDS)
        if _cpu_seconds(pid) - before < IDLE_SECONDS / 20:
            return
    sys.exit("The server does not come to rest.")


def _cpu_seconds(pid: int) -> float:
    """User and system time of a process, by proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _two_cores() -> tuple[int, int]:
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        sys.exit("The ingest benchmark needs two cores: one for the server, one for wrk.")
    return cores[0], cores[1]


@contextmanager
def _on(core: int) -> Iterator[None]:
    """Processes started inside run on one core, with all their threads."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def _bare_server(*kind: str) -> Iterator[tuple[int, str]]:
    """The pid and the address of a server without our code behind it, of a kind that bench.bare knows."""
    command = [sys.executable, "-m", "bench.bare", *kind]
    process = subprocess.Popen(command, cwd=HERE.parent, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.pid, f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def _medians(rounds: Sequence[Round]) -> Round:
    return Round(
        statistics.median(each.rate for each in rounds),
        statistics.median(each.p99_ms for each in rounds),
        statistics.median(each.cpu_us for each in rounds),
    )
