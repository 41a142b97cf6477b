"""`mallard serve` as a process: it keeps what it accepted, ends as asked, and says clearly why it does not start."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import duckdb
import pytest

from mallard.server.connection import REQUEST_SECONDS
from support.server import Server, started

PASSWORD = "kettle-moss-17"


def run_serve(**settings: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MALLARD_")}
    command = [sys.executable, "-m", "mallard", "serve"]
    return subprocess.run(
        command, env={**environment, **settings}, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers that are started as users do it, where how they end is the point."""
    monkeypatch.setattr(Server, "begin", started)


def rows_in_table(data: Path) -> list[tuple[int, ...]]:
    sql = "SELECT event_id FROM read_parquet(?, hive_partitioning = true, union_by_name = true)"
    return duckdb.execute(sql, [f"{data}/events/**/*.parquet"]).fetchall()


def test_pageview_is_counted_at_once_and_through_a_flush(tmp_path: Path) -> None:
    with Server(tmp_path / "data", MALLARD_FLUSH_INTERVAL="1") as server:
        assert server.send() == 202
        assert server.main()["total_pageviews"] == 1
        server.wait_until_flushed()
        assert server.main()["total_pageviews"] == 1


@pytest.mark.usefixtures("a_program")
def test_an_event_answered_202_survives_sigkill_and_counts_once(tmp_path: Path) -> None:
    server = Server(tmp_path / "data")
    server.start()
    assert server.send(n="signup") == 202
    server.stop(signal.SIGKILL)
    with Server(tmp_path / "data") as restarted:
        assert restarted.main()["events"] == 1
    assert len(rows_in_table(tmp_path / "data")) == 1
    with Server(tmp_path / "data") as once_more:
        assert once_more.main()["events"] == 1


@pytest.mark.usefixtures("a_program")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_flushes_pending_events_and_exits_with_0(tmp_path: Path, number: signal.Signals) -> None:
    with Server(tmp_path / "data") as server:
        for page in range(5):
            assert server.send(u=f"/{page}") == 202
        assert server.stop(number) == 0
        assert len(rows_in_table(tmp_path / "data")) == 5


@pytest.mark.usefixtures("a_program")
def test_shutdown_ends_within_its_timeout_when_a_client_hangs(tmp_path: Path) -> None:
    with Server(tmp_path / "data", MALLARD_SHUTDOWN_TIMEOUT="2") as server:
        host, port = server.origin.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as hanging:
            hanging.sendall(b"POST /api/event HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
            assert server.send() == 202
            began = time.monotonic()
            server.stop()
            # The rest of a request is waited for much longer.
            assert time.monotonic() - began < REQUEST_SECONDS / 2
        assert len(rows_in_table(tmp_path / "data")) == 1


def test_enough_events_start_a_flush_before_the_interval(tmp_path: Path) -> None:
    with Server(tmp_path / "data", MALLARD_FLUSH_INTERVAL="3600", MALLARD_FLUSH_COUNT="3") as server:
        for page in range(3):
            assert server.send(u=f"/{page}") == 202
        server.wait_until_flushed()
        assert len(rows_in_table(tmp_path / "data")) == 3


def test_a_retry_with_the_same_client_id_counts_once_before_and_after_the_flush(tmp_path: Path) -> None:
    with Server(tmp_path / "data", MALLARD_FLUSH_INTERVAL="3600") as server:
        for _ in range(3):
            assert server.send(i="one") == 202
        assert server.main()["total_pageviews"] == 1
        server.stop()
        assert len(rows_in_table(tmp_path / "data")) == 1


def test_greeting_names_an_existing_script(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        (script,) = re.findall(r'src="(http://[^"]+)"', server.greeting())
        assert script == f"{server.origin}/tracking/script.js"
        with urllib.request.urlopen(script, timeout=30) as answer:
            assert answer.headers["content-type"].startswith("text/javascript")


def asked(server: Server, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    """Status and JSON of a request."""
    data = None if body is None else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(
        f"{server.origin}{path}", data, {"Content-Type": "application/json", **named}, method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.load(refused)


def test_server_without_a_password_accepts_events_and_refuses_the_api(tmp_path: Path) -> None:
    with Server(tmp_path / "data", MALLARD_AUTH="on") as server:
        assert server.send() == 202
        for method, path in (
            ("GET", "/api/stats/main?site_id=example.com"),
            ("GET", "/api/sites"),
            ("PUT", "/api/sites/example.com"),
            ("DELETE", "/api/gdpr/erase?site_id=example.com&start_date=2026-01-01&end_date=2026-01-01"),
        ):
            status, answer = asked(server, method, path)
            assert (status, "No password is set yet" in answer["error"]) == (401, True)
        status, answer = asked(server, "POST", "/api/auth/setup", {"password": PASSWORD})
        assert status == 200
        bearer = {"Authorization": f"Bearer {answer['token']}"}
        status, main = asked(server, "GET", "/api/stats/main?site_id=example.com", **bearer)
        assert (status, main["total_pageviews"]) == (200, 1)
        assert asked(server, "GET", "/api/sites")[0] == 401


@pytest.mark.parametrize("header", [{"Host": "rebound.example:8000"}, {"X_Forwarded_For": "192.0.2.7"}])
def test_setup_from_elsewhere_needs_the_printed_token(tmp_path: Path, header: dict[str, str]) -> None:
    with Server(tmp_path / "data", MALLARD_AUTH="on") as server:
        token = re.search(r"it takes this token:\n\n  (\S+)\n", server.greeting())
        assert token
        for given in ("", "another"):
            body = {"password": PASSWORD, "token": given}
            assert asked(server, "POST", "/api/auth/setup", body, **header)[0] == 403
        body = {"password": PASSWORD, "token": token[1]}
        assert asked(server, "POST", "/api/auth/setup", body, **header)[0] == 200
        server.stop()
        server.start()
        assert "token" not in server.greeting()
        assert asked(server, "POST", "/api/auth/login", {"password": PASSWORD}, **header)[0] == 200
        assert token[1] not in server.log()
        assert PASSWORD not in server.log()


def test_dashboard_is_served_without_its_build_files(tmp_path: Path) -> None:
    def status(path: str) -> int:
        with socket.create_connection((host, int(port))) as client, client.makefile("rb") as answer:
            client.sendall(f"GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
            return int(answer.readline().split()[1])

    with Server(tmp_path / "data") as server:
        host, port = server.origin.removeprefix("http://").split(":")
        assert [status(path) for path in ("/", "/?site=example.com", "/app.js", "/vendor/preact.js")] == [200] * 4
        closed = ("/vendor/.done", "/vendor.mjs", "/../README.md", "/..%2fREADME.md", "/..%2f..%2fpyproject.toml")
        assert [status(path) for path in closed] == [404] * 5


def test_statistics_are_readable_under_any_host_when_auth_is_off(tmp_path: Path) -> None:
    with Server(tmp_path / "data", MALLARD_AUTH="off") as server:
        assert asked(server, "GET", "/api/sites", Host="analytics.example")[0] == 200
        assert "MALLARD_AUTH=off" in server.log()


def test_serve_exits_with_2_for_a_port_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run_serve(MALLARD_PORT=str(port), MALLARD_DATA_DIR=str(tmp_path / "data"))
    assert ended.returncode == 2
    assert ended.stderr == f"mallard: 127.0.0.1:{port} is in use by another program; stop it or set MALLARD_PORT.\n"


def test_serve_exits_with_2_for_an_unusable_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = run_serve(MALLARD_PORT="0", MALLARD_DATA_DIR=str(tmp_path / "file"))
    assert ended.returncode == 2
    assert ended.stderr == f"mallard: The folder {tmp_path / 'file'} cannot be used: Not a directory.\n"


def test_serve_exits_with_2_for_an_invalid_setting() -> None:
    ended = run_serve(MALLARD_PORT="eighty")
    assert ended.returncode == 2
    assert ended.stderr == "mallard: MALLARD_PORT is 'eighty', but must be a whole number from 0 to 65535.\n"


def test_help_explains_settings_signals_and_exit_codes() -> None:
    command = [sys.executable, "-m", "mallard", "serve", "--help"]
    text = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    for word in ("MALLARD_*", "CONFIG", "SIGTERM", "exit codes"):
        assert word in text


def test_metrics_include_result_cache_hits(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        for _ in range(3):
            server.get("/api/stats/timeseries?site_id=a.example")
        with urllib.request.urlopen(f"{server.origin}/metrics", timeout=30) as answer:
            lines = answer.read().decode().splitlines()
    assert {"mallard_cache_entries 1.0", "mallard_cache_hits_total 2.0", "mallard_cache_misses_total 1.0"} <= set(lines)
