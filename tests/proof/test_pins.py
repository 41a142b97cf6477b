"""What is installed is what is pinned, exactly: what can be known of dependencies without a network.

Whether a version has a known weakness or was withdrawn takes a database: ``make audit`` asks it.
"""

import json
import re
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PINNED = sorted(
    file
    for folder in ("requirements", "functions", "layers")
    for file in [*(ROOT / folder).glob("*.txt"), *(ROOT / folder).glob("*/requirements.txt")]
)
INSTALLED = {canonicalize_name(each.name): each.version for each in distributions()}


def requirements(file: Path) -> list[Requirement]:
    return [Requirement(line) for line in file.read_text("utf-8").splitlines() if line.strip()]


@pytest.mark.parametrize("file", PINNED, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_pin_is_one_version_from_wherever_the_client_is_told(file: Path) -> None:
    for each in requirements(file):
        assert re.fullmatch(r"==[0-9][0-9A-Za-z.]*(\+\w+)?", str(each.specifier)), str(each)
        assert each.url is None
        assert not each.extras


def test_all_lists_agree() -> None:
    """One version of a package, in every list and for each Python; SAM and peers live in environments of their own."""
    found: dict[tuple[str, str], set[str]] = {}
    for file in PINNED:
        for each in requirements(file) if file.name != "sam.txt" else ():
            found.setdefault((canonicalize_name(each.name), str(each.marker or "")), set()).add(str(each.specifier))
    assert {name: versions for name, versions in found.items() if len(versions) > 1} == {}


@pytest.mark.parametrize("name", ["serve", "test", pytest.param("check", marks=pytest.mark.heavy)])
def test_what_is_installed_is_what_is_pinned(name: str) -> None:
    wrong = {}
    for each in requirements(ROOT / "requirements" / f"{name}.txt"):
        if each.marker is None or each.marker.evaluate():
            version = INSTALLED.get(canonicalize_name(each.name), "nothing")
            if str(each.specifier) != f"=={version}":
                wrong[str(each)] = version
    assert wrong == {}


def test_browser_packages_are_exact_and_known_by_their_hashes() -> None:
    package = json.loads((ROOT / "package.json").read_text("utf-8"))
    lock = json.loads((ROOT / "package-lock.json").read_text("utf-8"))
    wanted = {**package["dependencies"], **package["devDependencies"]}
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values())
    locked = {place.removeprefix("node_modules/"): each for place, each in lock["packages"].items() if place}
    assert {name: locked[name]["version"] for name in wanted} == wanted
    assert all(each["integrity"].startswith("sha512-") for each in locked.values())


def test_no_browser_package_runs_anything_when_it_is_installed() -> None:
    assert "npm ci --silent --ignore-scripts" in (ROOT / "Makefile").read_text("utf-8")
