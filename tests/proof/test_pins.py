"""Pins of dependencies: exact, known by their hashes, and installed as they are pinned.

Known weaknesses and withdrawn versions stand in databases: ``make audit`` asks them.
"""

import json
import re
import tomllib
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from support.image import stages
from support.pins import LISTS, PEERS, ROOT, read_pins

OWN_ENVIRONMENTS = {"sam", "audit", "pins"}
WHEELS_BY_HASH = "--require-hashes --only-binary :all:"
OURS = "--no-deps --no-build-isolation --editable ."
FETCHES = re.compile(r"pip\b[^\n]*\b(?:install|download)\b")
INSTALLED = {canonicalize_name(each.name): each.version for each in distributions()}


@pytest.mark.parametrize("file", LISTS + PEERS, ids=lambda file: str(file.relative_to(ROOT)))
def test_pin_is_one_version_from_the_default_index(file: Path) -> None:
    for pin in read_pins(file):
        each = pin.requirement
        assert re.fullmatch(r"==[0-9][0-9A-Za-z.]*(\+\w+)?", str(each.specifier)), str(each)
        assert each.url is None
        assert not each.extras


@pytest.mark.parametrize("file", LISTS + PEERS, ids=lambda file: str(file.relative_to(ROOT)))
def test_pin_has_hashes_and_no_other_option(file: Path) -> None:
    for pin in read_pins(file):
        assert pin.options, pin.name
        assert [each for each in pin.options if not re.fullmatch(r"hash=sha256:[0-9a-f]{64}", each)] == []


def test_setup_installs_by_hash_and_wheels_only() -> None:
    recipes = (ROOT / "Makefile").read_text("utf-8")
    locked = re.search(r"^LOCKED := (.*)$", recipes, re.MULTILINE)
    assert locked is not None
    assert locked[1] == WHEELS_BY_HASH
    lines = [line for line in recipes.splitlines() if re.search(r"\$\((PIP|INSTALL)\)", line) and "PIP :=" not in line]
    assert len(lines) > 5
    assert [line for line in lines if "$(LOCKED) -r requirements/" not in line and not line.endswith(OURS)] == []


def test_image_installs_by_hash_and_wheels_only() -> None:
    lines = [each for stage in stages() for step in stage.given("RUN") for each in step.split("&&")]
    lines = [each.strip() for each in lines if FETCHES.search(each) and "uninstall" not in each]
    ours = "--no-deps --no-build-isolation --editable ."
    assert len(lines) == 2
    assert [
        each for each in lines if "--require-hashes --only-binary :all:" not in each and not each.endswith(ours)
    ] == []


def test_package_is_built_by_the_pinned_backend() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["build-system"]["requires"]
    (pin,) = read_pins(ROOT / "requirements" / "build.txt")
    (backend,) = map(Requirement, wanted)
    (version,) = pin.requirement.specifier
    assert backend.name == pin.name
    assert backend.specifier.contains(version.version)


def test_pins_agree_in_all_lists() -> None:
    """One version of a package, in every list and for each Python; programs with an environment of their own differ."""
    found: dict[tuple[str, str], set[str]] = {}
    for file in LISTS:
        for pin in read_pins(file) if file.stem not in OWN_ENVIRONMENTS else ():
            marker = str(pin.requirement.marker or "")
            found.setdefault((pin.name, marker), set()).add(str(pin.requirement.specifier))
    assert {name: versions for name, versions in found.items() if len(versions) > 1} == {}


@pytest.mark.parametrize("name", ["build", "serve", "test", pytest.param("check", marks=pytest.mark.heavy)])
def test_installed_packages_match_the_pins(name: str) -> None:
    wrong = {}
    for pin in read_pins(ROOT / "requirements" / f"{name}.txt"):
        each = pin.requirement
        if each.marker is None or each.marker.evaluate():
            version = INSTALLED.get(pin.name, "nothing")
            if str(each.specifier) != f"=={version}":
                wrong[str(each)] = version
    assert wrong == {}


def test_browser_packages_are_pinned_with_hashes() -> None:
    package = json.loads((ROOT / "package.json").read_text("utf-8"))
    lock = json.loads((ROOT / "package-lock.json").read_text("utf-8"))
    wanted = {**package["dependencies"], **package["devDependencies"]}
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values())
    locked = {place.removeprefix("node_modules/"): each for place, each in lock["packages"].items() if place}
    assert {name: locked[name]["version"] for name in wanted} == wanted
    assert all(each["integrity"].startswith("sha512-") for each in locked.values())


def test_browser_packages_run_no_install_scripts() -> None:
    assert "npm ci --silent --ignore-scripts" in (ROOT / "Makefile").read_text("utf-8")
