"""A table of several days."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mallard.store.local import LocalStore
from support.place import DAYS, Place


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    found = Place(LocalStore(tmp_path))
    for number, day in enumerate(DAYS):
        found.write(day, *range(number * 20 + 1, number * 20 + 11))
    yield found
    found.engine.close()
