"""What handlers leave in this process is taken away again."""

from collections.abc import Iterator

import pytest

from support.lambda_traces import take_away


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    yield
    take_away()
