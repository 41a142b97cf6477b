"""Finds a Chromium for the browser tests, installs one where that is possible, else says how."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome")
HOW = (
    "The browser tests need a Chromium, and none could be installed: install one (`apt-get install chromium`, or"
    " `.venv/bin/playwright install chromium`), or name its program in MALLARD_TEST_CHROMIUM."
)


def find() -> str | None:
    """The program that MALLARD_TEST_CHROMIUM names, else the first on the PATH, else Playwright's own."""
    if named := os.environ.get("MALLARD_TEST_CHROMIUM"):
        return named if Path(named).is_file() else None
    for name in NAMES:
        if path := shutil.which(name):
            return path
    return _playwrights_own()


def _playwrights_own() -> str | None:
    # In a process of its own: an open Playwright does not allow a second one beside it.
    code = (
        "import playwright.sync_api as p; w = p.sync_playwright().start(); print(w.chromium.executable_path); w.stop()"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    path = answer.stdout.strip()
    return path if path and Path(path).is_file() else None


def install() -> None:
    """Debian's package where this is root on Debian, else the build that Playwright downloads."""
    if hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        _tried(["apt-get", "update", "-qq"])
        _tried(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"])
    if find() is None:
        _tried([sys.executable, "-m", "playwright", "install", "chromium"])


def _tried(command: Sequence[str]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)


if __name__ == "__main__":
    if find() is None:
        print("Installing a Chromium ...", flush=True)
        install()
    if find() is None:
        print(HOW, file=sys.stderr)
