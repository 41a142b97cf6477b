"""Files that `make quick` runs: those that reach nothing slow by their imports."""

import pytest

from support.quick import TESTS, is_slow


@pytest.mark.parametrize(
    "file",
    ["ingest/test_pipeline.py", "query/test_filters.py", "table/test_layout.py", "test_config.py", "test_order.py"],
)
def test_is_slow_is_false_when_a_file_reaches_nothing_slow(file: str) -> None:
    assert not is_slow(TESTS / file)


@pytest.mark.parametrize(
    "file",
    [
        "browser/dashboard/test_numbers.py",
        "maintenance/test_rollups.py",
        "query/test_reference.py",
        "store/test_s3.py",
        "test_serve.py",
        "transfer/test_import.py",
    ],
)
def test_is_slow_is_true_when_a_file_reaches_something_slow(file: str) -> None:
    assert is_slow(TESTS / file)


def test_quick_has_a_good_part_of_all_files() -> None:
    files = list(TESTS.rglob("test_*.py"))
    assert sum(not is_slow(each) for each in files) > len(files) / 4
