"""Names that no name server can lead to this machine from elsewhere."""

import pytest

from mallard.auth.csrf import is_own_name


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:8000", "app.localhost:8000", "127.0.0.1:8000", "127.0.0.1", "[::1]:8000", "10.0.0.5:8000"],
)
def test_localhost_and_addresses_are_own_names(host: str) -> None:
    assert is_own_name(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "example.com",
        "example.com:8000",
        "localhost.example.com",
        "127.0.0.1.example.com",
        "notlocalhost",
        "[::1",
        "[example.com]",
        "example.com@127.0.0.1.example",
    ],
)
def test_foreign_names_are_not_own_names(host: str) -> None:
    assert not is_own_name(host)
