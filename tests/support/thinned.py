"""Files of slow tests of one subject: some of each are quick, always the same ones, the others are heavy."""

from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
THINNED = {
    "auth/test_api.py": 2,
    "auth/test_api_keys_and_links.py": 2,
    "behaviour/test_sequences.py": 2,
    "browser/dashboard": 5,
    "browser/test_hostile_page.py": 2,
    "browser/test_proof.py": 2,
    "browser/test_setup_to_logout.py": 3,
    "browser/test_tracker.py": 3,
    "browser/test_tracker_measures.py": 2,
    "browser/test_tracker_parts.py": 3,
    "browser/test_tracker_places.py": 3,
    "functions/test_aws_permissions.py": 2,
    "functions/test_function_metrics.py": 2,
    "maintenance/test_capped_rollups.py": 3,
    "maintenance/test_data_retention.py": 2,
    "maintenance/test_erasure.py": 2,
    "maintenance/test_kept_rollups.py": 2,
    "maintenance/test_rollups.py": 3,
    "maintenance/test_visits.py": 3,
    "query/test_conditions.py": 4,
    "query/test_damage.py": 2,
    "query/test_export.py": 4,
    "query/test_metamorphic.py": 4,
    "query/test_rounded_times.py": 2,
    "query/test_rows_as_filters.py": 2,
    "query/test_zone_changes.py": 2,
    "test_doctor.py": 3,
    "test_serve.py": 2,
    "transfer/test_import.py": 3,
    "transfer/test_spans.py": 2,
}
"""A folder or a file, and of how many of a file's tests one is quick: the first, and each so many further on."""


def thin(items: Iterable[pytest.Item]) -> None:
    """Mark as heavy all but one of so many tests, counted by file; a test's cases stay together."""
    seen: dict[Path, list[str]] = defaultdict(list)
    numbers = cache(one_of)
    for item in items:
        number = numbers(item.path)
        if number == 1:
            continue
        names, name = seen[item.path], item.nodeid.partition("[")[0]
        if name not in names:
            names.append(name)
        if names.index(name) % number:
            for mark in ("heavy", "divided"):
                item.add_marker(mark)


def one_of(path: Path) -> int:
    """Of how many tests of a file one is quick."""
    return next((number for name, number in THINNED.items() if (TESTS / name) in (path, *path.parents)), 1)
