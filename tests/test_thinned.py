"""Files whose tests are divided between the quick and the heavy suite."""

from typing import Any

import pytest

from support.thinned import TESTS, THINNED, one_of, thin


class Item:
    """As much of a test as is looked at."""

    def __init__(self, file: str, name: str) -> None:
        self.path, self.nodeid = TESTS / file, f"{file}::{name}"
        self.marks: list[str] = []

    def add_marker(self, mark: str) -> None:
        self.marks.append(mark)


def test_thinned_files_exist() -> None:
    assert [name for name in THINNED if not (TESTS / name).exists()] == []


def test_one_of_is_one_when_a_file_is_not_thinned() -> None:
    assert one_of(TESTS / "browser/dashboard/test_numbers.py") == THINNED["browser/dashboard"]
    assert one_of(TESTS / "query/test_api.py") == 1


def test_thin_keeps_the_first_of_each_group_with_all_its_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    file = "browser/test_tracker.py"
    monkeypatch.setitem(THINNED, file, 2)
    heavy = ["heavy", "divided"]
    items: list[Any] = [Item(file, name) for name in ("a[1]", "a[2]", "b", "c", "d[x]")]
    items.append(Item("query/test_api.py", "b"))
    thin(items)
    assert [item.marks for item in items] == [[], [], heavy, [], heavy, []]
