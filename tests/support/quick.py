"""A plugin for pytest, loaded by `make quick`: files that reach a browser, a socket, another process or DuckDB wait.

A file reaches what it, the conftests above it and the modules of tests/ that these import name in their imports.
"""

import ast
import socket
from functools import cache
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
SLOW_MODULES = {
    "boto3",
    "botocore",
    "duckdb",
    "http.client",
    "http.server",
    "moto",
    "multiprocessing",
    "playwright",
    "requests",
    "schemathesis",
    "socket",
    "socketserver",
    "subprocess",
    "transfer.files",
    "urllib.request",
    "uvicorn",
}
SLOW_NAMES = {"DuckDBEngine", "Embedded", "TestClient", "cold", "main"}
"""Of what is imported from the product or from tests/: those who query, whole servers, functions and commands."""


def pytest_configure() -> None:
    """A test that opens a socket all the same fails, and is to be found out by the imports."""
    socket.socket.bind = socket.socket.connect = _refuse  # type: ignore[method-assign]


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """True for a file of tests that reaches what is slow."""
    if collection_path.name.startswith("test_") and collection_path.suffix == ".py":
        return is_slow(collection_path) or None
    return None


def is_slow(file: Path) -> bool:
    """Whether a file of tests reaches what is slow; what tests/conftest.py imports for all does not count."""
    above = [folder / "conftest.py" for folder in file.parents if folder.is_relative_to(TESTS) and folder != TESTS]
    return any(_reaches(each) for each in (file, *above) if each.is_file())


@cache
def _reaches(file: Path) -> bool:
    found = imports(ast.parse(file.read_text("utf-8")))
    if any(_is_slow_import(module, name) for module, name in found):
        return True
    return any(_reaches(each) for module, name in found for each in _files_of(module, name) if each != file)


def _files_of(module: str, name: str) -> list[Path]:
    """The files of tests/ that an import may mean: a module, or a module of a folder."""
    meant = [TESTS.joinpath(*dotted.split(".")).with_suffix(".py") for dotted in (module, f"{module}.{name}")]
    return [each for each in meant if each.is_file()]


def imports(tree: ast.Module) -> list[tuple[str, str]]:
    """Modules, and the names that are taken from them; of a plain import the name is empty."""
    found: list[tuple[str, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(each.name, "") for each in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found += [(node.module, each.name) for each in node.names]
    return found


def _is_slow_import(module: str, name: str) -> bool:
    parts = f"{module}.{name}".split(".")
    whole = {".".join(parts[:length]) for length in range(1, len(parts) + 1)}
    return bool(whole & SLOW_MODULES) or name in SLOW_NAMES


def _refuse(*_: Any) -> None:
    raise AssertionError("A test of `make quick` opens a socket: name its module in tests/support/quick.py.")
