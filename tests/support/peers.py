"""Installs the programs that heavy tests talk to, each in a home of its own under .venv/peers."""

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

ROOT = Path(__file__).parents[2]
HOME = ROOT / ".venv" / "peers"
PINS = ROOT / "requirements" / "peers"
BACKEND = ROOT / "requirements" / "build.txt"
BUILT = {"localstack": "crontab", "airbyte-source-plausible": "genson"}
"""Of each peer the package that has no wheel: its source is known by its hash, and built by the pinned backend."""

OLD_PYTHON = "3.9"
"""Airbyte's connectors of 2024 import nothing on 3.11; on 3.10 their packages have no wheels."""

AIRBYTE = "airbyte-source-plausible"
SENDERS = "plausible-senders"
LOCKS = ROOT / "tests" / "peers"
AT_ONCE = 4
"""Installations, most of which wait for a network."""

_APT = threading.Lock()
"""One apt-get at a time."""

SYSTEM_FOLDERS = ("/usr/sbin", "/sbin")


@dataclass(frozen=True, slots=True)
class Peer:
    """``is_there`` says whether it must be installed; ``install`` raises CalledProcessError or OSError."""

    is_there: Callable[[], bool]
    install: Callable[[], None]


def program(name: str) -> Path:
    """The program of a peer that pip installs."""
    return HOME / name / "bin" / name


def _has_its_pins(name: str, pins: str, runs: str) -> bool:
    stamp = HOME / name / "pins.txt"
    is_there = (HOME / name / "bin" / runs).is_file()
    return is_there and stamp.is_file() and stamp.read_text() == _pins(pins).read_text()


def _install_pins(name: str, pins: str, python: Callable[[], str]) -> None:
    """A virtual environment of its own: a peer's packages are other versions than ours."""
    home = HOME / name
    shutil.rmtree(home, ignore_errors=True)
    subprocess.run([python(), "-m", "venv", str(home)], check=True)
    command = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--no-compile", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
    if name in BUILT:
        # The pinned backend needs a newer Python than an old one, whose venv brings another.
        if pins != AIRBYTE:
            subprocess.run([*command, "-r", str(BACKEND)], check=True)
        command += ["--no-binary", BUILT[name], "--no-build-isolation"]
    subprocess.run([*command, "-r", str(_pins(pins))], check=True)
    (home / "pins.txt").write_text(_pins(pins).read_text())


def _pins(name: str) -> Path:
    return PINS / f"{name}.txt"


def pip_peer(name: str) -> Peer:
    """A peer that requirements/peers/NAME.txt pins and whose program has its name."""
    return Peer(partial(_has_its_pins, name, name, name), partial(_install_pins, name, name, lambda: sys.executable))


def python_peer(name: str) -> Peer:
    """A peer of libraries that requirements/peers/NAME.txt pins, for the Python of its environment to import."""
    return Peer(
        partial(_has_its_pins, name, name, "python"), partial(_install_pins, name, name, lambda: sys.executable)
    )


def peer_python(name: str) -> Path:
    """The Python of a peer's environment."""
    return HOME / name / "bin" / "python"


def lambda_peer(name: str, pins: str, runs: str) -> Peer:
    """A peer that needs Lambda's Python; ``runs`` is a program of it."""

    def python() -> str:
        spec = spec_from_file_location("build", ROOT / "deploy" / "build.py")
        if spec is None or spec.loader is None:
            raise ImportError("build")
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        return str(module.lambda_python())

    return Peer(partial(_has_its_pins, name, pins, runs), partial(_install_pins, name, pins, python))


def old_python() -> str | None:
    """A Python of OLD_PYTHON; None where there is none."""
    known = Path.home().glob(f".pyenv/versions/{OLD_PYTHON}.*/bin/python{OLD_PYTHON}")
    for each in (*map(str, known), shutil.which(f"python{OLD_PYTHON}")):
        if each and subprocess.run([each, "-c", ""], capture_output=True, check=False).returncode == 0:
            return each
    return None


def old_peer(name: str, runs: str) -> Peer:
    """A peer that needs OLD_PYTHON; ``runs`` is its program. Without that Python its tests are skipped."""
    return Peer(
        lambda: _has_its_pins(name, name, runs) or old_python() is None,
        partial(_install_pins, name, name, lambda: str(old_python())),
    )


def npm_program(name: str) -> Path:
    """The program of a peer that npm installs."""
    return HOME / name / "node_modules" / ".bin" / name


def npm_modules(name: str) -> Path:
    """The packages of a peer that npm installs."""
    return HOME / name / "node_modules"


def npm_peer(name: str) -> Peer:
    """A peer that tests/peers/NAME/package-lock.json pins."""
    lock, home = LOCKS / name / "package-lock.json", HOME / name

    def is_there() -> bool:
        there = home / "package-lock.json"
        return npm_modules(name).is_dir() and there.is_file() and there.read_text() == lock.read_text()

    def install() -> None:
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(LOCKS / name, home)
        command = ["npm", "ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=home, check=True)

    return Peer(is_there, install)


def apt_program(name: str) -> str | None:
    """Where a program of Debian's stands, None where it is not installed."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", os.defpath), *SYSTEM_FOLDERS]))


def apt_peer(packages: Sequence[str], programs: Sequence[str]) -> Peer:
    """A peer of Debian's, for whose installation this must be root."""

    def install() -> None:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        with _APT:
            # An index that is out of date may still do.
            subprocess.run(["apt-get", "update", "-qq"], env=environment, stdout=subprocess.DEVNULL, check=False)
            command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
            subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)

    return Peer(lambda: all(apt_program(each) for each in programs), install)


def maxmind_database(name: str) -> Path:
    """One of MaxMind's own test databases."""
    return HOME / "maxmind" / f"{name}.mmdb"


def compose_program() -> Path:
    """Docker Compose itself."""
    return HOME / "compose" / "docker-compose"


def _install_source(name: str, suffix: str) -> None:
    """Nothing of the source is built or installed: its hash is looked at, then the files are taken out."""
    home = HOME / name
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        command += ["--require-hashes", "--no-binary", ":all:", "--no-build-isolation"]
        subprocess.run([*command, "-d", folder, "-r", str(_pins(name))], check=True)
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        with tarfile.open(next(Path(folder).glob("*.tar.gz"))) as archive:
            for member in archive.getmembers():
                content = archive.extractfile(member) if member.name.endswith(suffix) else None
                if content is not None:
                    target = home / Path(member.name).name
                    target.write_bytes(content.read())
                    target.chmod(member.mode & 0o755)
    (home / "pins.txt").write_text(_pins(name).read_text())


def _has_source(name: str) -> bool:
    stamp = HOME / name / "pins.txt"
    return stamp.is_file() and stamp.read_text() == _pins(name).read_text()


def source_peer(name: str, suffix: str) -> Peer:
    """Files of a source distribution that requirements/peers/NAME.txt pins, by the end of their names."""
    return Peer(partial(_has_source, name), partial(_install_source, name, suffix))


PEERS = {
    # MaxMind's package carries the databases of its tests.
    "maxmind": source_peer("maxmind", ".mmdb"),
    # The build of this one would fetch another version of Compose, unpinned; its source holds the program.
    "compose": source_peer("compose", "/docker-compose"),
    "ministack": pip_peer("ministack"),
    # It runs functions with its own Python, which has to be Lambda's.
    "ministack-lambda": lambda_peer("ministack-lambda", "ministack", "ministack"),
    # Its core, with what that imports for the services that we ask, and nothing more: Kinesis alone would bring Java.
    "localstack": lambda_peer("localstack", "localstack", "python"),
    "awslambdaric": lambda_peer("awslambdaric", "awslambdaric", "python"),
    "checkov": pip_peer("checkov"),
    "rclone": pip_peer("rclone"),
    "nanio": pip_peer("nanio"),
    "s3rver": npm_peer("s3rver"),
    # Clients of Plausible's APIs.
    "plausible-mcp": pip_peer("plausible-mcp"),
    AIRBYTE: old_peer(AIRBYTE, "source-plausible"),
    "plausible": npm_peer("plausible"),
    SENDERS: python_peer(SENDERS),
    "plausible-frameworks": npm_peer("plausible-frameworks"),
    # Proxies to stand in front, and the judge of what a monitor reads.
    "nginx": apt_peer(["nginx-light"], ["nginx"]),
    "caddy": apt_peer(["caddy"], ["caddy"]),
    "prometheus": apt_peer(["prometheus"], ["promtool"]),
    "ceph": apt_peer(
        ["radosgw", "ceph-osd", "ceph-mon"],
        ["radosgw", "radosgw-admin", "ceph-osd", "ceph-mon", "ceph", "monmaptool", "ceph-authtool"],
    ),
    "swift": apt_peer(
        ["swift-proxy", "swift-account", "swift-container", "swift-object", "memcached"],
        ["swift-proxy-server", "swift-account-server", "swift-ring-builder", "memcached"],
    ),
}


def main() -> int:
    """Install what is missing; 1 where something could not be."""
    missing = [name for name, peer in PEERS.items() if not peer.is_there()]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return 0 if all(list(pool.map(_installed, missing))) else 1


def _installed(name: str) -> bool:
    print(f"Installing {name} ...", flush=True)
    try:
        PEERS[name].install()
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"{name} could not be installed: {error}", file=sys.stderr)
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
