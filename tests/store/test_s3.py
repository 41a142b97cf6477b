"""What only a server has: answers that say nothing clear, each asked for once."""

import os
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from unittest.mock import patch

import pytest

from mallard.errors import ConflictError, StoreError, StoreUnavailableError
from mallard.store.base import Store
from mallard.store.s3 import connect
from support.moto import CREDENTIALS, REGION

KEY = "events/a"


class Server(ThreadingHTTPServer):
    """Answers every request with one status; 0 closes the connection instead."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.status = 0
        self.code = ""
        self.requests: list[dict[str, str]] = []


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        self.rfile.read(length)
        self.server.requests.append({"method": self.command, **{k.lower(): v for k, v in self.headers.items()}})
        if not self.server.status:
            self.close_connection = True
            return
        body = f"<Error><Code>{self.server.code}</Code><Message>no</Message></Error>".encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_DELETE = _answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Server, Store]]:
    with Server() as server, patch.dict(os.environ, CREDENTIALS):
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server, connect("s3://bucket/prefix", endpoint=f"http://127.0.0.1:{server.server_port}", region=REGION)
        server.shutdown()
        thread.join()


@pytest.fixture
def server(running: tuple[Server, Store]) -> Server:
    server, _ = running
    server.status, server.code, server.requests = 0, "", []
    return server


@pytest.fixture
def store(running: tuple[Server, Store]) -> Store:
    return running[1]


CALLS: dict[str, Callable[[Store], object]] = {
    "get": lambda store: store.get(KEY),
    "put_if_absent": lambda store: store.put_if_absent(KEY, b"1"),
    "put_if_match": lambda store: store.put_if_match(KEY, b"1", "0" * 32),
    "delete": lambda store: store.delete(KEY),
    "list": lambda store: list(store.list("")),
}
PUTS = ["put_if_absent", "put_if_match"]


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    ("status", "code"), [(500, "InternalError"), (503, "SlowDown"), (501, "NotImplemented"), (403, "AccessDenied")]
)
def test_an_unclear_answer_is_unavailable_and_not_asked_for_again(
    server: Server, store: Store, name: str, status: int, code: str
) -> None:
    server.status, server.code = status, code
    with pytest.raises(StoreUnavailableError, match=code):
        CALLS[name](store)
    assert len(server.requests) == 1


@pytest.mark.parametrize("name", CALLS)
def test_a_connection_that_breaks_is_unavailable_and_not_tried_again(server: Server, store: Store, name: str) -> None:
    with pytest.raises(StoreUnavailableError):
        CALLS[name](store)
    assert len(server.requests) == 1


@pytest.mark.parametrize("name", PUTS)
@pytest.mark.parametrize(
    ("status", "code"), [(412, "PreconditionFailed"), (409, "ConditionalRequestConflict"), (404, "NoSuchKey")]
)
def test_a_refused_condition_is_a_conflict(server: Server, store: Store, name: str, status: int, code: str) -> None:
    server.status, server.code = status, code
    with pytest.raises(ConflictError):
        CALLS[name](store)
    assert len(server.requests) == 1


@pytest.mark.parametrize(("name", "header", "value"), [
    ("put_if_absent", "if-none-match", "*"),
    ("put_if_match", "if-match", "0" * 32),
])  # fmt: skip
def test_every_write_is_one_conditional_put(server: Server, store: Store, name: str, header: str, value: str) -> None:
    with pytest.raises(StoreError):
        CALLS[name](store)
    (request,) = server.requests
    assert request["method"] == "PUT"
    assert request[header] == value
