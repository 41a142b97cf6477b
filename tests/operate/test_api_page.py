"""docs/api.md is what the application says of itself, and has every route that a server has."""

from pathlib import Path
from typing import Any

import pytest

from support.functions import load
from support.server import Server

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def writer() -> Any:
    return load(ROOT / "docs" / "api_page.py")


@pytest.fixture(scope="module")
def described(writer: Any) -> dict[str, Any]:
    found: dict[str, Any] = writer.description()
    return found


def test_api_page_is_current(writer: Any, described: dict[str, Any]) -> None:
    wanted = writer.page(described).splitlines()
    there = (ROOT / "docs" / "api.md").read_text("utf-8").splitlines()
    wrong = next((number for number, (a, b) in enumerate(zip(wanted, there, strict=False)) if a != b), -1)
    assert wanted == there, f"docs/api.md is not what the application says (line {wrong + 1}): run `make docs`"


def test_api_page_describes_the_paths_of_the_server(described: dict[str, Any], tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        assert set(server.get("/openapi.json")["paths"]) == set(described["paths"])


def test_api_page_links_lead_to_schemas_on_it(writer: Any, described: dict[str, Any]) -> None:
    page = writer.page(described)
    for name in described["components"]["schemas"]:
        assert f"](#{name.lower()})" not in page or f"\n### {name}\n" in page, name
