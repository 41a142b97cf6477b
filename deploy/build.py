"""Builds one function or layer for Lambda: pinned packages, compiled, without unused files.

    python3 deploy/build.py functions/flush INTO

`sam build` calls this by the Makefile of each folder. The files of the folder decide the steps: ``requirements.txt``
is installed, ``unneeded.txt`` names what is left out again, a handler or a package is copied. The environment's
``ARCHITECTURE`` is that of the functions: ``arm64`` or ``x86_64``. No compiler, no Docker: wheels alone.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

LAMBDA_PYTHON = (3, 13)
GLIBC_MINORS = range(17, 35)
"""Amazon Linux 2023 has glibc 2.34, and runs what was built for any before it."""

MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
BYTECODE_JOBS = "2"


def main() -> int:
    """Build one folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="a folder of functions/ or layers/")
    parser.add_argument("into", type=Path, help="the folder to fill")
    given = parser.parse_args()
    try:
        build(given.source, given.into, os.environ.get("ARCHITECTURE") or "arm64")
    except (OSError, ValueError) as error:
        print(f"{given.source} cannot be built: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"{given.source} cannot be built: {error.cmd[0]} ended with code {error.returncode}", file=sys.stderr)
        return 1
    return 0


def build(source: Path, into: Path, architecture: str) -> None:
    """Fill ``into`` with what ``source`` is in Lambda: a layer's packages stand in ``python/``.

    Raises ValueError for an unknown architecture or pattern, OSError, CalledProcessError.
    """
    if architecture not in MACHINES:
        raise ValueError(f"ARCHITECTURE is {architecture!r}, but must be {' or '.join(MACHINES)}.")
    python = lambda_python()
    packages = into if (source / "handler.py").exists() else into / "python"
    packages.mkdir(parents=True, exist_ok=True)
    if (source / "requirements.txt").exists():
        install(source / "requirements.txt", packages, MACHINES[architecture])
    if (source / "unneeded.txt").exists():
        leave_out(source / "unneeded.txt", packages)
    copy_own(source, packages)
    # The zip changes every time stamp, which ends a usual .pyc; an unchecked one saves half of a cold start.
    mode = ["--invalidation-mode", "unchecked-hash", "-j", BYTECODE_JOBS, "-s", str(into), str(packages)]
    subprocess.run([python, "-I", "-m", "compileall", "-q", *mode], check=True)


def install(pins: Path, into: Path, machine: str) -> None:
    """The pinned wheels, for Lambda's Python and not for the one that runs here."""
    tags = ["manylinux2014", *(f"manylinux_2_{minor}" for minor in GLIBC_MINORS)]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    locked = ["--no-deps", "--require-hashes", "--only-binary", ":all:"]
    target = ["--implementation", "cp", "--python-version", "3.13"]
    platforms = [word for tag in reversed(tags) for word in ("--platform", f"{tag}_{machine}")]
    quiet = ["--root-user-action", "ignore", "--requirement", str(pins), "--target", str(into)]
    subprocess.run([*command, *locked, *target, *platforms, *quiet], check=True)


def leave_out(patterns: Path, packages: Path) -> None:
    """Remove what matches; a pattern that matches nothing is out of date, and an error."""
    for line in patterns.read_text(encoding="utf-8").splitlines():
        pattern = line.partition("#")[0].strip()
        if not pattern:
            continue
        found = list(packages.glob(pattern))
        if not found:
            raise ValueError(f"{patterns.name} names {pattern}, which is not there.")
        for each in found:
            shutil.rmtree(each) if each.is_dir() else each.unlink()


def copy_own(source: Path, packages: Path) -> None:
    """The handler, or the packages that stand in the folder."""
    for each in sorted(source.iterdir()):
        if each.name == "handler.py":
            shutil.copy(each, packages)
        elif (each / "__init__.py").exists():
            shutil.copytree(each, packages / each.name, ignore=shutil.ignore_patterns("__pycache__"))


def lambda_python() -> str:
    """A Python of Lambda's version, which alone can compile for it. Raises OSError where there is none."""
    version = ".".join(map(str, LAMBDA_PYTHON))
    known = Path.home().glob(f".pyenv/versions/{version}.*/bin/python{version}")
    for each in (sys.executable, shutil.which(f"python{version}"), *map(str, known)):
        if each and _version(each) == LAMBDA_PYTHON:
            return each
    raise OSError(f"it needs a Python {version}, which is Lambda's; install one as python{version}.")


def _version(python: str) -> tuple[int, ...]:
    code = "import sys; print(*sys.version_info[:2])"
    ended = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=False)
    return tuple(map(int, ended.stdout.split())) if ended.returncode == 0 else ()


if __name__ == "__main__":
    sys.exit(main())
