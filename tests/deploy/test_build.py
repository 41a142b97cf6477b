"""What `make build` makes for Lambda: small enough, for the right processors, compiled, nothing that is never used."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.functions import load
from support.pins import read_pins

ROOT = Path(__file__).parents[2]
FOLDERS = {
    "IngestFunction": "functions/ingest",
    "FlushFunction": "functions/flush",
    "QueryFunction": "functions/query",
    "CommonLayer": "layers/common",
    "DuckdbLayer": "layers/duckdb",
    "ArrowLayer": "layers/arrow",
}
ELF_MACHINES = {"x86_64": 62, "arm64": 183}
"""By the field e_machine of ELF."""


sizes = load(ROOT / "deploy" / "sizes.py")
builder = load(ROOT / "deploy" / "build.py")


def test_size_of_a_build_without_a_layer_raises(tmp_path: Path) -> None:
    (tmp_path / "IngestFunction").mkdir()
    with pytest.raises(FileNotFoundError, match="CommonLayer"):
        sizes.sizes(tmp_path)


def test_build_fails_when_a_function_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in FOLDERS:
        (tmp_path / folder).mkdir()
    (tmp_path / "CommonLayer" / "large").write_bytes(bytes(1000))
    monkeypatch.setattr(sys, "argv", ["sizes.py", str(tmp_path)])
    assert sizes.main() == 0
    monkeypatch.setattr(sizes, "MAX_INGEST_BYTES", 999)
    assert sizes.main() == 1


def test_an_unknown_architecture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"ARCHITECTURE is 'amd64', but must be arm64 or x86_64\."):
        builder.build(ROOT / "layers" / "common", tmp_path, "amd64")


def test_build_fails_when_a_file_to_leave_out_is_missing(tmp_path: Path) -> None:
    (tmp_path / "unneeded.txt").write_text("# A comment.\nsoon.py\n")
    (tmp_path / "soon.py").touch()
    builder.leave_out(tmp_path / "unneeded.txt", tmp_path)
    assert not (tmp_path / "soon.py").exists()
    with pytest.raises(ValueError, match=r"names soon\.py, which is not there"):
        builder.leave_out(tmp_path / "unneeded.txt", tmp_path)


@pytest.mark.heavy
@pytest.mark.parametrize("architecture", ["x86_64", "arm64"])
def test_each_function_fits_into_lambda(build: Any, architecture: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = build(architecture)
    with capsys.disabled():
        for name, (size, limit) in sizes.sizes(folder).items():
            print(f"\n{architecture} {name}: {size / 1e6:.1f} MB of {limit / 1e6:.1f}", end="")
            assert 5_000_000 < size <= limit
    printed = (folder / "printed.txt").read_text()
    assert printed.count("MB with its layers, unzipped") == 3


@pytest.mark.heavy
@pytest.mark.parametrize("architecture", ["x86_64", "arm64"])
def test_build_contains_libraries_of_the_requested_architecture_only(build: Any, architecture: str) -> None:
    found = {}
    for file in build(architecture).rglob("*"):
        if file.is_file() and ".so" in file.name:
            head = file.read_bytes()[:20]
            assert head[:4] == b"\x7fELF", file
            found[file.name] = int.from_bytes(head[18:20], "little")
    assert len(found) > 20
    assert set(found.values()) == {ELF_MACHINES[architecture]}


@pytest.mark.heavy
@pytest.mark.parametrize("architecture", ["x86_64", "arm64"])
def test_a_function_ships_its_pins_and_no_others(build: Any, architecture: str) -> None:
    for name, source in FOLDERS.items():
        pins = ROOT / source / "requirements.txt"
        wanted = {pin.name for pin in read_pins(pins)} if pins.exists() else set()
        found = {each.name.partition("-")[0] for each in (build(architecture) / name).rglob("*.dist-info")}
        assert {each.replace("_", "-").lower() for each in found} == wanted


@pytest.mark.heavy
def test_modules_are_compiled_for_lambdas_python_independent_of_file_times(here: Path) -> None:
    sources = [file for file in here.rglob("*.py") if "site-packages" not in file.parts]
    assert len(sources) > 1000
    for source in sources:
        compiled = source.parent / "__pycache__" / f"{source.stem}.cpython-313.pyc"
        assert compiled.is_file(), source
        # PEP 552: bit 0 for a hash in place of a time, bit 1 for a hash that is checked.
        assert int.from_bytes(compiled.read_bytes()[4:8], "little") == 0b01


@pytest.mark.heavy
def test_layer_contains_the_whole_package(here: Path) -> None:
    package = here / "CommonLayer" / "python" / "mallard"
    own = ROOT / "layers" / "common" / "mallard"
    wanted = {file.relative_to(own) for file in own.rglob("*") if file.suffix in (".py", ".sql", ".txt")}
    assert {
        file.relative_to(package) for file in package.rglob("*") if file.suffix in (".py", ".sql", ".txt")
    } == wanted


@pytest.mark.heavy
def test_trimmed_pyarrow_links_to_no_removed_library(here: Path) -> None:
    folder = here / "ArrowLayer" / "python" / "pyarrow"
    libraries = sorted(folder.glob("*.so*"))
    assert len(libraries) > 10
    for library in libraries:
        listed = subprocess.run(["ldd", str(library)], capture_output=True, text=True, check=True).stdout
        assert "not found" not in listed, library
