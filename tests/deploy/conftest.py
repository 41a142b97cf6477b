"""The folder that `make build` fills, once for all tests and workers that look at it."""

import fcntl
import os
import platform
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILD_SECONDS = 300

Build = Callable[[str], Path]


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """The folder of a build for an architecture. It is made by the first worker that wants it; the others wait."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    @cache
    def built(architecture: str) -> Path:
        folder = shared / f"build-{architecture}" / "build"
        with (shared / f"build-{architecture}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / "printed.txt").exists():
                make(architecture, folder)
        return folder

    def make(architecture: str, folder: Path) -> None:
        command = ["make", "--silent", "build", f"ARCH={architecture}", f"BUILD={folder}"]
        environment = {**os.environ, "AWS_DEFAULT_REGION": "us-east-1"}
        ended = subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=BUILD_SECONDS,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        (folder / "printed.txt").write_text(ended.stdout)

    return built


@pytest.fixture(scope="session")
def architecture() -> str:
    """This machine's."""
    return "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"


@pytest.fixture(scope="session")
def here(build: Build, architecture: str) -> Path:
    """The build that this machine can run."""
    return build(architecture)
