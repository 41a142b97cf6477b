"""Start of `mallard serve` and of the query function: modules before the first request, and late parts."""

import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from starlette.routing import Route

from mallard.config import load_settings
from mallard.errors import StoreUnavailableError
from mallard.late_part import LatePart
from mallard.server.embedded import Embedded
from support.functions import ROOT
from support.server import Server, started

MAX_SERVE_MODULES = 600
"""Loaded by a listening server; all of its parts take 960."""

MAX_QUERY_MODULES = 500
"""Of others, loaded by the query function before its first request."""

LATE = (
    *("duckdb", "pyarrow", "numpy", "pandas", "fastapi", "pydantic", "opentelemetry", "boto3", "botocore"),
    *("prometheus_client", "geoip2", "maxminddb", "tqdm", "mallard.reports", "mallard.api.app"),
)

LISTENING = """
import sys
from mallard.cli import main, serve
async def listening(server):
    print("modules", *sorted(sys.modules))
serve._Server.main_loop = listening
sys.exit(main(["serve"]))
"""

MAINTAINED = """
import sys
from datetime import UTC, datetime
from mallard.config import load_settings
from mallard.server.embedded import Embedded
app = Embedded(load_settings())
app._schedule._flush(app._schedule._one_round)
app._run_jobs(datetime.now(UTC), lambda: True)
app.start()
app.stop()
print("modules", *sorted(sys.modules))
"""


def modules_of(code: str, data: Path, *, cwd: Path = ROOT) -> list[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MALLARD_")}
    settings = {"MALLARD_PORT": "0", "MALLARD_DATA_DIR": str(data)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, env={**environment, **settings}, cwd=cwd, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return next(line for line in done.stdout.splitlines() if line.startswith("modules ")).split()[1:]


def among(modules: Sequence[str], names: Sequence[str]) -> list[str]:
    return [name for name in names if name in modules]


def test_server_listens_without_the_packages_of_queries_and_the_api(tmp_path: Path) -> None:
    modules = modules_of(LISTENING, tmp_path)
    assert among(modules, LATE) == []
    assert len(modules) < MAX_SERVE_MODULES


def test_jobs_of_an_empty_table_load_no_duckdb_and_no_web_framework(tmp_path: Path) -> None:
    assert among(modules_of(MAINTAINED, tmp_path), ("duckdb", "fastapi", "pydantic", "mallard.reports")) == []


def test_query_function_loads_few_modules_before_its_first_request(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules.update(numpy=None, pandas=None); sys.path.insert(0, 'functions/query');"
        " import handler; print('modules', *sorted(sys.modules))"
    )
    modules = modules_of(code, tmp_path)
    needless = (
        "prometheus_client",
        "geoip2",
        "ua_parser",
        "uvicorn",
        "sqlite3",
        "boto3",
        "mallard.maintenance.erasure",
    )
    assert among(modules, needless) == []
    # Our own are small, and each feature brings some; what they cost stands in bench/results.md.
    assert len([each for each in modules if not each.startswith("mallard")]) < MAX_QUERY_MODULES


def test_routes_of_the_api_are_built_once_and_without_validators_of_errors(tmp_path: Path) -> None:
    """`include_router` would build each again at its first request, and a ``model`` is a validator per status."""
    server = Embedded(load_settings({"MALLARD_DATA_DIR": str(tmp_path)}))
    try:
        routes = server._api().routes
    finally:
        server.start()
        server.stop()
    assert [each for each in routes if not isinstance(each, Route | APIRoute)] == []
    built = [each for each in routes if isinstance(each, APIRoute)]
    assert len(built) > 30
    assert {(each.path, *each.response_fields) for each in built if each.response_fields} == {("/health/ready", 503)}


def test_late_part_is_built_once_by_the_first_of_many_threads() -> None:
    builders, gate = list[str](), threading.Barrier(8)

    def build() -> object:
        builders.append(threading.current_thread().name)
        return object()

    part = LatePart(build)

    def use(_: int) -> object:
        gate.wait()
        return part()

    assert part.built is None
    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(use, range(8)))
    assert (len(builders), found) == (1, {part.built})


def test_late_part_is_built_again_after_an_error() -> None:
    errors = [StoreUnavailableError("The store is away.")]

    def build() -> str:
        if errors:
            raise errors.pop()
        return "built"

    part = LatePart(build)
    with pytest.raises(StoreUnavailableError):
        part()
    assert part.built is None
    assert part() == "built"


def test_late_part_may_need_another() -> None:
    inner = LatePart(lambda: 1)
    assert LatePart(lambda: inner() + 1)() == 2


def status(server: Server, path: str) -> int:
    try:
        with urllib.request.urlopen(f"{server.origin}{path}", timeout=30) as answer:
            answer.read()
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code


@pytest.fixture
def _own_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Server, "begin", started)


@pytest.mark.usefixtures("_own_process")
def test_first_requests_of_many_clients_are_answered_while_parts_are_built(tmp_path: Path) -> None:
    """In a process of its own, which has imported nothing: all late parts are needed at the same moment."""
    queries = "site_id=example.com&period=30d"
    paths = [
        f"/api/stats/overview?{queries}",
        f"/api/stats/main?{queries}",
        f"/api/stats/export?{queries}&format=parquet&what=events",
        f"/api/stats/sessions?{queries}",
        "/api/sites",
        "/api/auth/status",
        "/openapi.json",
        "/metrics",
        "/health/detailed",
        "/health/ready",
        "/health",
        "/",
        "/tracking/script.js",
        "/api/nothing",
    ]
    with Server(tmp_path / "data", MALLARD_FLUSH_COUNT="1", MALLARD_FLUSH_INTERVAL="1") as server:
        with ThreadPoolExecutor(2 * len(paths) + 8) as threads:
            events = [threads.submit(server.send) for _ in range(8)]
            answers = {path: [threads.submit(status, server, path) for _ in range(2)] for path in paths}
        assert [each.result() for each in events] == [202] * 8
        found = {path: {each.result() for each in asked} for path, asked in answers.items()}
        assert found == {path: {404 if path == "/api/nothing" else 200} for path in paths}
        server.wait_until_flushed(60)
    assert "Traceback" not in server.log()
    assert "cannot be built" not in server.log()
