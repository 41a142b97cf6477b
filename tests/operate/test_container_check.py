"""The health check of a container: right about a server that answers and one that does not, and light."""

import subprocess
import sys
from pathlib import Path

import pytest

from mallard.config import Settings
from mallard.health.container_check import answer, main
from support.operate import guarded


def test_container_check_passes_for_a_running_server_and_fails_for_a_stopped_one(tmp_path: Path) -> None:
    with guarded(tmp_path / "data") as server:
        port = int(server.origin.rpartition(":")[2])
        for host in ("127.0.0.1", "0.0.0.0", "localhost"):
            assert answer(Settings(host=host, port=port)) == ""
        server.stop()
        assert answer(Settings(port=port)).startswith(f"127.0.0.1:{port} does not answer: ")


def test_container_check_reads_the_settings_of_the_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with guarded(tmp_path / "data") as server:
        config = tmp_path / "mallard.toml"
        config.write_text(f"port = {server.origin.rpartition(':')[2]}\n")
        assert main([str(config)]) == 0
        config.write_text("port = 'eighty'\n")
        assert main([str(config)]) == 1
        assert capsys.readouterr().err.startswith(f"mallard: port in {config} is 'eighty'")


def test_container_check_imports_no_server_package() -> None:
    """It runs every half minute for as long as the container does."""
    heavy = ("fastapi", "pydantic", "starlette", "duckdb", "pyarrow", "boto3", "uvicorn", "argon2", "numpy")
    code = f"import sys; import mallard.health.container_check; print([m for m in {heavy} if m in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"
