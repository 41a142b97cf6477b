"""Installs the programs that heavy tests talk to, each in a home of its own under .venv/peers."""

import subprocess
import sys
import venv
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parents[2]
HOME = ROOT / ".venv" / "peers"
PINS = ROOT / "requirements" / "peers"


@dataclass(frozen=True, slots=True)
class Peer:
    """``is_there`` says whether it must be installed; ``install`` raises CalledProcessError or OSError."""

    is_there: Callable[[], bool]
    install: Callable[[], None]


def program(name: str) -> Path:
    """The program of a peer that pip installs."""
    return HOME / name / "bin" / name


def _has_its_pins(name: str) -> bool:
    stamp = HOME / name / "pins.txt"
    return program(name).is_file() and stamp.is_file() and stamp.read_text() == _pins(name).read_text()


def _install_pins(name: str) -> None:
    """A virtual environment of its own: a peer's packages are other versions than ours."""
    home = HOME / name
    venv.create(home, with_pip=True, clear=True)
    command = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*command, "--no-deps", "-r", str(_pins(name))], check=True)
    (home / "pins.txt").write_text(_pins(name).read_text())


def _pins(name: str) -> Path:
    return PINS / f"{name}.txt"


def pip_peer(name: str) -> Peer:
    """A peer that requirements/peers/NAME.txt pins and whose program has its name."""
    return Peer(partial(_has_its_pins, name), partial(_install_pins, name))


PEERS = {"ministack": pip_peer("ministack")}


def main() -> int:
    """Install what is missing; 1 where something could not be."""
    failed = []
    for name, peer in PEERS.items():
        if peer.is_there():
            continue
        print(f"Installing {name} ...", flush=True)
        try:
            peer.install()
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"{name} could not be installed: {error}", file=sys.stderr)
            failed.append(name)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
