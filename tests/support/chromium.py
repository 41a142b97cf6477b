"""Finds a Chromium for the browser tests, installs one where that is possible, else says how."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

SHELL = "chromium-headless-shell"
"""The same engine without a desktop's browser around it: a page takes half of the processor's time."""

NAMES = ("chromium", "chromium-browser", "google-chrome")
HOW = (
    "The browser tests need a Chromium, and none could be installed: install one (`apt-get install chromium`, or"
    " `.venv/bin/playwright install chromium`), or name its program in MALLARD_TEST_CHROMIUM."
)


def find(*, whole: bool = False) -> str | None:
    """The program that MALLARD_TEST_CHROMIUM names, else the first on the PATH, else Playwright's own.

    ``whole`` is for what the shell lacks: pages kept for going back, the focus of a window, a Chrome's client hints.
    """
    if named := os.environ.get("MALLARD_TEST_CHROMIUM"):
        return named if Path(named).is_file() else None
    for name in NAMES if whole else (SHELL, *NAMES):
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
    """Debian's packages where this is root on Debian, else the build that Playwright downloads."""
    if _has_apt():
        _tried(["apt-get", "update", "-qq"])
        # One by one: where there is no shell, the whole one does all.
        for package in ("chromium", SHELL):
            _tried(["apt-get", "install", "-y", "-qq", "--no-install-recommends", package])
    if find(whole=True) is None:
        _tried([sys.executable, "-m", "playwright", "install", "chromium"])


def _has_apt() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get") is not None


def _lacks_a_shell() -> bool:
    return _has_apt() and shutil.which(SHELL) is None and "MALLARD_TEST_CHROMIUM" not in os.environ


def _tried(command: Sequence[str]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)


if __name__ == "__main__":
    if find(whole=True) is None or _lacks_a_shell():
        print("Installing a Chromium ...", flush=True)
        install()
    if find(whole=True) is None:
        print(HOW, file=sys.stderr)
