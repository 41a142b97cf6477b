"""Races of writes: both requests lie at the server before either ends, and a server without a lock takes both."""

import socket
import ssl
import threading
from contextlib import closing, suppress
from pathlib import Path

import pytest

from mallard.errors import StoreUnavailableError
from mallard.store.probe import QUICK_ROUNDS, RECHECK_ROUNDS, ROUNDS, probe_writes
from mallard.store.signed_puts import SignedPut, Wires
from mallard.store.write_race import CONTENDERS, Track
from support.moto import CREDENTIALS
from support.s3 import Server
from support.unlocked import unlocked_server

TAKES_BOTH = 13 / 20
"""The share of races in which versitygw 1.7 took both writes."""

BODY = b"12345678"
DOCUMENT = Path(__file__).parents[2] / "docs" / "stores.md"


class Listener:
    """Reads CONTENDERS requests up to the last byte of their bodies, then waits to be told to go on."""

    def __init__(self, answers: tuple[bytes, ...]) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.both_arrived = threading.Event()
        self.looked = threading.Event()
        self.early: list[bytes] = []
        self._answers = answers
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.socket.getsockname()[1]}"

    def settle(self, _: float) -> None:
        """What the sender waits for in place of some milliseconds: both have arrived, and were looked at."""
        self.both_arrived.wait(30)
        self.looked.wait(30)

    def _serve(self) -> None:
        clients = [self.socket.accept()[0] for _ in range(CONTENDERS)]
        for client in clients:
            found = b""
            while not found.endswith(BODY[:-1]):
                found += client.recv(1)
        self.both_arrived.set()
        for client in clients:
            client.setblocking(False)
            with suppress(BlockingIOError):
                self.early.append(client.recv(1))
            client.setblocking(True)
        self.looked.set()
        for client, answer in zip(clients, self._answers, strict=True):
            with closing(client):
                assert client.recv(1) == BODY[-1:]
                client.sendall(answer)


def answer(status: int) -> bytes:
    return f"HTTP/1.1 {status} Any\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()


def race(listener: Listener) -> list[int]:
    wires = Wires(ssl.create_default_context, sleep=listener.settle)
    put = SignedPut(f"{listener.address}/a%20b", {"If-None-Match": "*", "Content-Length": str(len(BODY))}, BODY)
    try:
        return wires.race([put] * CONTENDERS)
    finally:
        wires.close()
        listener.thread.join(30)
        listener.socket.close()


def test_wires_hold_both_requests_at_their_last_byte_until_both_have_arrived() -> None:
    listener = Listener((answer(200), answer(412)))
    assert race(listener) == [200, 412]
    assert listener.both_arrived.is_set()
    assert listener.early == []


def test_wires_raise_when_a_connection_ends_without_an_answer() -> None:
    with pytest.raises(StoreUnavailableError, match="RemoteDisconnected"):
        race(Listener((answer(200), b"")))


def test_track_signs_as_the_sdk_and_reuses_its_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    with unlocked_server(0) as server:
        store = Server(server.address, CREDENTIALS).new_store("a prefix")
        put = store.signed_put("a b:c", BODY, "an-etag")
        assert put is not None
        assert put.url == f"{server.address}/{store.bucket}/a%20prefix/a%20b%3Ac"
        assert put.headers["If-Match"] == "an-etag"
        assert "SignedHeaders=host;if-match;" in put.headers["Authorization"]
        assert "Expect" not in put.headers
        assert server.objects == {}
        etag = store.put_if_absent("other", b"1")
        assert store.get("other") is not None
        with Track(store) as track:
            assert all(len(track.race("other", "stale")) == 0 for _ in range(3))
            assert len(track.race("other", etag)) > 0


def test_track_uses_the_sdk_behind_an_http_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with unlocked_server(0) as server:
        store = Server(server.address).new_store()
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        monkeypatch.setenv("NO_PROXY", "")
        monkeypatch.setenv("no_proxy", "")
        assert store.signed_put("key", BODY, None) is None


def test_probe_detects_a_non_atomic_compare_and_write() -> None:
    with unlocked_server() as server:
        store = Server(server.address).new_store()
        wrong = {each.name for each in probe_writes(store, rounds=QUICK_ROUNDS) if not each.ok}
        assert wrong == {"race for a name", "race for a version"}
        assert list(store.list("")) == []


def test_probe_rounds_miss_a_racy_store_with_less_than_one_in_a_million() -> None:
    assert (1 - TAKES_BOTH) ** QUICK_ROUNDS < 1e-6
    assert (1 - 1 / 2) ** ROUNDS < 1e-6
    assert (1 - 1 / 8) ** RECHECK_ROUNDS < 1 / 600_000


@pytest.mark.parametrize(("rounds", "requests", "writes"), [(QUICK_ROUNDS, 129, 69), (ROUNDS, 171, 93)])
def test_probe_passes_a_locking_server_at_the_documented_cost(rounds: int, requests: int, writes: int) -> None:
    with unlocked_server(locked=True) as server:
        store = Server(server.address).new_store()
        server.counts.clear()
        assert all(each.ok for each in probe_writes(store, rounds=rounds))
        assert (sum(server.counts.values()), server.counts["PUT"]) == (requests, writes)
    text = DOCUMENT.read_text("utf-8")
    assert f"{rounds} times: {requests} " in text
