"""Start of `mallard serve` and of the query function: processor time and memory, beside processes without our code."""

import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from bench.query_data import SITE, fill
from mallard.store.local import LocalStore
from support.functions import load, request
from support.moto import moto_server
from support.runtime_api import Function, running

ROOT = Path(__file__).parent.parent
ROUNDS = 5
EVENTS = 300_000
DAYS = 30
IDLE_SECONDS = 2
REPORT = f"/api/stats/overview?site_id={SITE}&period=30d"
MACHINES = {"x86_64": "x86_64", "aarch64": "arm64"}
BARE_HANDLER = 'def handle(event, context):\n    return {"statusCode": 200, "body": ""}\n'


@dataclass(frozen=True, slots=True)
class Started:
    """CPU seconds until the process listens, and until its first report; resident MB while it is idle, and after it."""

    listens: float
    reported: float
    idle_mb: float
    report_mb: float


def run() -> list[str]:
    """Alternating rounds; the first, which compiles bytecode, is not counted."""
    with tempfile.TemporaryDirectory() as folder:
        return [*_of_serve(Path(folder)), "", *_of_function(Path(folder))]


def _of_serve(folder: Path) -> list[str]:
    empty, demo = folder / "empty", folder / "demo"
    fill(LocalStore(demo), EVENTS, DAYS)
    bare = [sys.executable, "-m", "bench.bare", "plain"]
    serve = [sys.executable, "-m", "bench.served"]
    works: dict[str, Callable[[], Started]] = {
        "`python -c pass`": lambda: Started(_children_cpu([sys.executable, "-c", "pass"]), 0, 0, 0),
        "bare ASGI 202 on uvicorn with defaults": lambda: _start(bare, folder, report=""),
        "`mallard serve`, empty data folder": lambda: _start(serve, empty, report=REPORT),
        f"`mallard serve`, {EVENTS:,} events over {DAYS} days": lambda: _start(serve, demo, report=REPORT),
    }
    found = _alternate(works)
    plain = found["bare ASGI 202 on uvicorn with defaults"].listens
    lines = [
        "| process | CPU s until it listens | ratio | idle, resident MB | CPU s with its first report | then MB |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, each in found.items():
        idle = f"{each.idle_mb:.0f}" if each.idle_mb else ""
        report = f"{each.reported:.2f} | {each.report_mb:.0f}" if each.reported else " | "
        lines.append(f"| {name} | {each.listens:.2f} | {each.listens / plain:.1f} | {idle} | {report} |")
    return lines


def _of_function(folder: Path) -> list[str]:
    """Under AWS's own runtime client, against an emulated S3."""
    built = {name: folder / "build" / Path(name).name for name in ("functions/query", *_layers())}
    for source, into in built.items():
        environment = {**os.environ, "ARCHITECTURE": MACHINES[platform.machine()]}
        subprocess.run([sys.executable, "deploy/build.py", source, str(into)], cwd=ROOT, env=environment, check=True)
    bare = folder / "bare"
    bare.mkdir()
    (bare / "handler.py").write_text(BARE_HANDLER)
    with moto_server() as server:
        settings = load(ROOT / "localstack" / "smoke.py")._resources(server) | {"MALLARD_AUTH": "off"}
        # As in AWS's image the SDK has its bytecode, which the first round writes.
        settings |= {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
        name = "query function, its first report from an empty bucket"
        found = _alternate(
            {
                "a function that answers 200": lambda: _call([bare], settings),
                name: lambda: _call(list(built.values()), settings),
            }
        )
    lines = ["| function | CPU s of its imports | CPU s with its first answer | peak MB |", "| --- | --- | --- | --- |"]
    return lines + [
        f"| {name} | {each.listens:.2f} | {each.reported:.2f} | {each.report_mb:.0f} |" for name, each in found.items()
    ]


def _layers() -> Iterator[str]:
    return (f"layers/{name}" for name in ("common", "arrow", "duckdb"))


def _alternate(works: Mapping[str, Callable[[], Started]]) -> dict[str, Started]:
    rounds = [{name: work() for name, work in works.items()} for _ in range(ROUNDS + 1)][1:]

    def median(name: str, field: str) -> float:
        return float(statistics.median(getattr(each[name], field) for each in rounds))

    return {name: Started(*(median(name, field) for field in Started.__slots__)) for name in works}


def _start(command: Sequence[str], data: Path, *, report: str) -> Started:
    with _listening(command, data) as (pid, origin):
        listens = _cpu_seconds(pid)
        time.sleep(IDLE_SECONDS)
        idle_mb = _resident_mb(pid)
        if not report:
            return Started(listens, 0, idle_mb, 0)
        with urllib.request.urlopen(f"{origin}{report}", timeout=60) as answer:
            answer.read()
        return Started(listens, _cpu_seconds(pid), idle_mb, _resident_mb(pid))


@contextmanager
def _listening(command: Sequence[str], data: Path) -> Iterator[tuple[int, str]]:
    """The pid and address of a server; it has printed all that it prints at its start."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MALLARD_", "PYTHON"))}
    environment |= {"MALLARD_PORT": "0", "MALLARD_DATA_DIR": str(data), "MALLARD_AUTH": "off"}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    try:
        yield process.pid, _origin(process.stdout)
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def _origin(lines: IO[str]) -> str:
    first = lines.readline().strip()
    if first.isdecimal():
        return f"http://127.0.0.1:{first}"
    found = re.search(r"http://[^/]+", first)
    assert found is not None
    while "<script" not in lines.readline():
        pass
    return found[0]


def _call(folders: Sequence[Path], settings: Mapping[str, str]) -> Started:
    with running(folders, settings) as function:
        imports = function.cpu_seconds
        _answer(function)
        return Started(imports, function.cpu_seconds, 0, function.peak_mb)


def _answer(function: Function) -> None:
    path, _, query = REPORT.partition("?")
    assert function(request("GET", path, query=query)).value["statusCode"] == 200


def _children_cpu(command: Sequence[str]) -> float:
    before = os.times()
    subprocess.run(command, check=True)
    after = os.times()
    return after.children_user - before.children_user + after.children_system - before.children_system


def _cpu_seconds(pid: int) -> float:
    """User and system time of a process, by proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident_mb(pid: int) -> float:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024
