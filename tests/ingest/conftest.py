"""A store and a queue in the test's own folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mallard.queue.local import LocalQueue
from mallard.store.local import LocalStore


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[LocalQueue]:
    opened = LocalQueue(tmp_path / "queue.sqlite")
    yield opened
    opened.close()
