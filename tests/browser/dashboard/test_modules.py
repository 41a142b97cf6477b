"""The modules of the page, as files."""

import re
from pathlib import Path

import pytest

from support.dashboard import DASHBOARD, Stage


def imports(module: Path) -> set[Path]:
    """The module and everything it imports, directly or not."""
    found: set[Path] = set()
    waiting = [module]
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            names = re.findall(r'\bfrom\s*"(\.{1,2}/[^"\n]+)"', file.read_text(encoding="utf-8"))
            waiting += [(file.parent / name).resolve() for name in names]
    return found


@pytest.mark.parametrize(("page", "entry"), [("index.html", "app.js"), ("share.html", "share.js")])
def test_the_modules_preloaded_are_the_modules_imported(stage: Stage, page: str, entry: str) -> None:
    text = (DASHBOARD / page).read_text(encoding="utf-8")
    preloaded = {DASHBOARD / href for href in re.findall(r'<link rel="modulepreload" href="/([^"]+)"', text)}
    assert preloaded == imports(DASHBOARD / entry) - {DASHBOARD / entry}


def test_dashboard_pages_default_to_their_own_server(stage: Stage) -> None:
    for page in ("index.html", "share.html"):
        assert '<meta name="mallard-api" content="" />' in (DASHBOARD / page).read_text(encoding="utf-8")


def test_copied_modules_name_no_source_maps(stage: Stage) -> None:
    for file in (DASHBOARD / "vendor").iterdir():
        assert "sourceMappingURL" not in file.read_text(encoding="utf-8"), file.name
