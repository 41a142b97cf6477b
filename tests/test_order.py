"""Order of test files: those named as long are there, and begin first."""

from typing import Any

from support.order import LONGEST, TESTS, longest_first


class Item:
    """As much of a test as the order looks at."""

    def __init__(self, name: str) -> None:
        self.path = TESTS / name


def test_longest_files_exist() -> None:
    assert [name for name in LONGEST if not (TESTS / name).is_file()] == []


def test_longest_first_keeps_the_order_of_other_tests() -> None:
    items: list[Any] = [Item(name) for name in ("a.py", LONGEST[1], "b.py", LONGEST[0], LONGEST[1], "a.py")]
    longest_first(items)
    assert [item.path for item in items] == [
        TESTS / name for name in (LONGEST[0], LONGEST[1], LONGEST[1], "a.py", "b.py", "a.py")
    ]


def test_no_file_of_tests_has_more_than_500_lines() -> None:
    lengths = {str(file.relative_to(TESTS)): len(file.read_text("utf-8").splitlines()) for file in TESTS.rglob("*.py")}
    assert {name: lines for name, lines in lengths.items() if lines > 500} == {}
