"""Ports for programs of others."""

import socket

import pytest

from support.processes import free_port


def test_free_port_is_not_one_that_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = free_port()
    other = next(port for port in iter(free_port, taken))
    monkeypatch.setattr("support.processes.PORTS", (taken, other))
    with socket.create_server(("127.0.0.1", taken)):
        assert {free_port() for _ in range(20)} == {other}
