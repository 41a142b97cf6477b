"""Fixtures of one real server for all tests of a folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.server import Server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("server") / "data"
    with Server(folder, MALLARD_DASHBOARD_ORIGIN="https://stats.example.com") as server:
        assert server.send() == 202
        yield server


@pytest.fixture(scope="session")
def origin(server: Server) -> str:
    return server.origin
