"""Folders of many slow tests of one kind: of each file some are quick, always the same ones, the others heavy."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
THINNED = {
    "browser/dashboard": 4,
    "browser/test_tracker.py": 2,
    "browser/test_tracker_parts.py": 2,
    "browser/test_tracker_places.py": 2,
    "browser/test_tracker_measures.py": 2,
}
"""A folder or a file, and of how many of a file's tests one is quick: the first, and each so many further on."""


def thin(items: Iterable[pytest.Item]) -> None:
    """Mark as heavy all but one of so many tests, counted by file; a test's cases stay together."""
    seen: dict[Path, list[str]] = defaultdict(list)
    for item in items:
        number = one_of(item.path)
        if number == 1:
            continue
        names, name = seen[item.path], item.nodeid.partition("[")[0]
        if name not in names:
            names.append(name)
        if names.index(name) % number:
            item.add_marker("heavy")


def one_of(path: Path) -> int:
    """Of how many tests of a file one is quick."""
    return next((number for name, number in THINNED.items() if (TESTS / name) in (path, *path.parents)), 1)
