"""What the ingest function ships: its pins and no more, small, and all that it needs."""

import os
import re
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from support.pins import read_pins

ROOT = Path(__file__).parents[2]
FUNCTION = ROOT / "functions" / "ingest"
LAYER = ROOT / "layers" / "common"
MAX_BYTES = 25_000_000
"""Of the function, its packages and the layer it uses, unzipped."""

ADDRESS = "203.0.113.7"
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"

PROGRAM = f"""
import os, sys
sys.path[:0] = sys.argv[1:4]
import handler
from mallard.config import load_settings
from mallard.ingest.enrich.user_agent import read_agent
from mallard.bootstrap.place_lookup import open_geo

watch = handler.watch()
place = open_geo(load_settings(), in_background=False).find({ADDRESS!r})
agent = read_agent({AGENT!r})
print(place.country_code, place.region, place.city, agent.browser, agent.os, agent.is_bot)
"""


def pins() -> list[str]:
    return [pin.name for pin in read_pins(FUNCTION / "requirements.txt")]


def folder_of_pins(folder: Path) -> Path:
    """What pip would install of the pins alone, as links to what stands here."""
    folder.mkdir()
    for name in pins():
        found = distribution(name)
        for top in {file.parts[0] for file in found.files or [] if file.parts[0] not in ("..", "__pycache__")}:
            (folder / top).symlink_to(Path(str(found.locate_file(top))))
    return folder


def bytes_in(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file() and file.suffix != ".pyc")


def bytes_of_pins() -> int:
    files = [Path(str(file.locate())) for name in pins() for file in distribution(name).files or []]
    return sum(file.stat().st_size for file in files if file.suffix != ".pyc")


@pytest.fixture
def database(tmp_path: Path) -> Path:
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="GeoIP2-City")
    london = {
        "country": {"iso_code": "GB"},
        "subdivisions": [{"iso_code": "ENG", "names": {"en": "England"}}],
        "city": {"names": {"en": "London"}},
    }
    writer.insert_network(IPSet(["203.0.113.0/24"]), london)
    writer.to_db_file(str(tmp_path / "city.mmdb"))
    return tmp_path / "city.mmdb"


def found_with(packages: Path, database: Path) -> str:
    """What the function finds of an address and an agent, with nothing to import but ``packages`` and its own code."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MALLARD_")}
    command = [sys.executable, "-I", "-S", "-B", "-c", PROGRAM, str(packages), str(FUNCTION), str(LAYER)]
    ended = subprocess.run(
        command,
        env={**environment, "MALLARD_GEOIP_DB": str(database)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()[-1]


def test_ingest_function_runs_with_its_pins_alone(tmp_path: Path, database: Path) -> None:
    packages = folder_of_pins(tmp_path / "packages")
    assert found_with(packages, database) == "GB England London Firefox Linux False"


def test_ingest_package_is_small() -> None:
    """By what the pins install here; the wheels for Lambda differ by little."""
    own = bytes_in(LAYER / "mallard") + bytes_in(FUNCTION)
    assert own > 100_000
    assert bytes_of_pins() > 5_000_000
    assert own + bytes_of_pins() < MAX_BYTES, own + bytes_of_pins()


def test_packages_left_out_of_the_build_are_not_pinned() -> None:
    omitted = re.findall(r"^([\w-]+);", (FUNCTION / "unused.txt").read_text(), re.MULTILINE)
    assert omitted == ["aiohttp", "requests"]
    assert set(omitted).isdisjoint(pins())


def test_ingest_function_is_built_by_its_own_makefile() -> None:
    """SAM's own pip would bring what is left out."""
    resource = (ROOT / "template.yaml").read_text().partition("  IngestFunction:\n")[2].partition("Properties:")[0]
    assert "BuildMethod: makefile" in resource


@pytest.mark.heavy
def test_the_build_for_lambda_is_small_and_holds_the_pins_alone(tmp_path: Path) -> None:
    command = ["make", "--silent", "-C", str(FUNCTION), "build-IngestFunction", f"ARTIFACTS_DIR={tmp_path}"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(command, env={**os.environ, "PATH": path}, check=True, timeout=300)
    installed = {each.name.partition("-")[0].replace("_", "-") for each in tmp_path.glob("*.dist-info")}
    assert installed == set(pins())
    assert (tmp_path / "handler.py").read_text() == (FUNCTION / "handler.py").read_text()
    assert list(tmp_path.rglob("*aarch64*.so"))
    assert bytes_in(tmp_path) + bytes_in(LAYER / "mallard") < MAX_BYTES
