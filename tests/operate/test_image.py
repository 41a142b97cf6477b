"""The Dockerfile keeps the rules of a safe, small image, and its stages make what runs."""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import tomllib
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.image import ROOT, Stage, build, exec_form, is_sent, stages, tracked

SECRET_WORDS = re.compile(r"SECRET|PASSWORD|TOKEN|_KEY", re.IGNORECASE)


@pytest.fixture(scope="module")
def last() -> Stage:
    return stages()[-1]


def health_command(stage: Stage) -> list[str]:
    (check,) = stage.given("HEALTHCHECK")
    return exec_form(check.partition(" CMD ")[2])


def test_the_image_does_not_run_as_root(last: Stage) -> None:
    (user,) = last.given("USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)


def test_base_images_are_slim_and_versioned() -> None:
    for stage in stages():
        assert re.fullmatch(r"\w+:\d+(\.\d+)*-slim(@sha256:[0-9a-f]{64})?", stage.base), stage.base


def test_last_stage_of_the_image_copies_only_from_build_stages(last: Stage) -> None:
    assert [each for each in last.given("COPY") if not each.startswith("--from=")] == []
    assert not any("pip install" in each or "npm" in each for each in last.given("RUN"))


def test_image_contains_no_secret() -> None:
    text = (ROOT / "Dockerfile").read_text()
    for stage in stages():
        assert stage.given("ARG") == stage.given("ADD") == []
        assert [name for name in stage.environment() if SECRET_WORDS.search(name)] == []
    assert SECRET_WORDS.search(text) is None


def test_image_starts_and_is_checked_without_a_shell(last: Stage) -> None:
    (entry,), (command,) = last.given("ENTRYPOINT"), last.given("CMD")
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert exec_form(entry)[0] in scripts
    assert exec_form(command) == ["serve"]
    assert health_command(last)[:2] == ["python", "-m"]
    assert importlib.util.find_spec(health_command(last)[2]) is not None


def test_image_stops_with_sigterm(last: Stage) -> None:
    assert last.given("STOPSIGNAL") == ["SIGTERM"]


def test_docker_build_context_contains_only_copied_files() -> None:
    copied = [
        source.rstrip("/")
        for stage in stages()
        for line in stage.given("COPY")
        if not line.startswith("--from=")
        for source in line.split()[:-1]
    ]
    sent = [path for path in tracked() if is_sent(path)]
    for source in copied:
        assert any(path == source or path.startswith(f"{source}/") for path in sent), source
    for path in sent:
        assert any(path == source or path.startswith(f"{source}/") for source in copied), path


@pytest.mark.parametrize(
    "path", [".env", "data/queue/queue.sqlite", ".git/config", "dashboard/vendor/htm.js", "layers/common/a.egg-info/x"]
)
def test_docker_build_context_excludes_local_files(path: str) -> None:
    assert not is_sent(path)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What the image has in /app, in a folder that is not below this repository."""
    folder = Path(tempfile.mkdtemp(prefix="mallard-image-"))
    yield build(folder)
    shutil.rmtree(folder)


def files_of(folder: Path) -> dict[str, int]:
    return {str(path): path.lstat().st_mtime_ns for path in folder.rglob("*")}


@pytest.mark.heavy
def test_image_stages_build_an_app_that_serves_and_writes_only_to_its_data_folder(
    app: Path, tmp_path: Path, last: Stage
) -> None:
    before = files_of(app)
    # As in a container: no home, nothing of ours in the environment, and /app is where this folder is.
    environment = {name: value.replace("/app", str(app)) for name, value in last.environment().items()}
    environment |= {"PATH": f"{app}/.venv/bin:{os.environ['PATH']}", "MALLARD_DATA_DIR": str(tmp_path / "data")}
    environment |= {"MALLARD_HOST": "127.0.0.1", "MALLARD_PORT": "0", "TMPDIR": str(tmp_path)}
    (entry,), (command,) = last.given("ENTRYPOINT"), last.given("CMD")
    process = subprocess.Popen(
        [*exec_form(entry), *exec_form(command)], env=environment, stdout=subprocess.PIPE, text=True, cwd=app
    )
    try:
        assert process.stdout is not None
        origin = process.stdout.readline().split()[-1].rstrip("/")
        port = origin.rpartition(":")[2]
        check = subprocess.run(health_command(last), env={**environment, "MALLARD_PORT": port}, check=False)
        assert check.returncode == 0
        with urllib.request.urlopen(f"{origin}/tracking/script.js", timeout=30) as script:
            assert len(script.read()) > 100
        with urllib.request.urlopen(f"{origin}/", timeout=30) as page:
            assert b"<script" in page.read()
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=60)
        process.stdout.close()  # type: ignore[union-attr]
    assert code == 0
    after = subprocess.run(
        health_command(last), env={**environment, "MALLARD_PORT": port}, capture_output=True, text=True, check=False
    )
    assert after.returncode == 1
    assert "does not answer" in after.stderr
    assert files_of(app) == before


@pytest.mark.heavy
def test_dockerfile_passes_hadolint() -> None:
    command = [str(Path(sys.executable).parent / "hadolint"), "Dockerfile"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, "")
