"""Rules of the package that import-linter (`.importlinter`, run by `make judge`) does not hold."""

import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "layers" / "common" / "mallard"
SOURCES = sorted(PACKAGE.rglob("*.py"))

SEVERAL_HOMES = {"__init__", "base", "local"}
"""File names that may stand in several rooms; docs/architecture.md says why."""

MAX_HANDLER_LINES = 60


def repeated(names: list[str]) -> list[str]:
    return sorted(name for name, count in Counter(names).items() if count > 1)


def test_file_names_are_unique_in_the_package() -> None:
    assert repeated([file.stem for file in SOURCES if file.stem not in SEVERAL_HOMES]) == []


def test_class_names_are_unique_in_the_package() -> None:
    nodes = (node for file in SOURCES for node in ast.walk(ast.parse(file.read_text())))
    assert repeated([node.name for node in nodes if isinstance(node, ast.ClassDef)]) == []


def test_environment_is_read_only_by_config() -> None:
    readers = [file for file in SOURCES if "os.environ" in (text := file.read_text()) or "getenv" in text]
    assert [str(file.relative_to(PACKAGE)) for file in readers] == ["config.py"]


def test_ingest_function_imports_no_heavy_packages() -> None:
    code = (
        "import sys; sys.path.insert(0, 'functions/ingest'); import handler;"
        " print([m for m in ('fastapi', 'duckdb', 'pyarrow', 'pandas', 'numpy', 'pydantic', 'prometheus_client',"
        " 'aiohttp', 'requests', 'geoip2', 'ua_parser_builtins.regexes') if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["flush", "query"])
def test_functions_start_without_the_packages_that_their_layers_lack(name: str) -> None:
    code = (
        "import sys; sys.modules.update(dict.fromkeys(('numpy', 'pandas', 'tqdm', 'uvicorn')));"
        f" sys.path.insert(0, 'functions/{name}'); import handler"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr[-500:]


def test_handlers_are_at_most_60_lines() -> None:
    files = sorted((ROOT / "functions").glob("*/handler.py"))
    lengths = {file.parent.name: len(file.read_text().splitlines()) for file in files}
    assert set(lengths) == {"flush", "ingest", "query"}
    assert {name: length for name, length in lengths.items() if length > MAX_HANDLER_LINES} == {}
