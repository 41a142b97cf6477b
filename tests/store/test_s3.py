"""What only a server has: answers that say nothing clear, each asked for once."""

import os
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from unittest.mock import patch

import pytest

from mallard.errors import ConfigError, ConflictError, StoreError, StoreUnavailableError, StoreUnsupportedError
from mallard.store.base import Store
from mallard.store.s3 import S3Store, UnlistedS3Store, connect
from support.moto import CREDENTIALS, REGION

KEY = "events/a"


class Server(ThreadingHTTPServer):
    """Answers every request with one status; 0 closes the connection instead."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.status = 0
        self.code = ""
        self.body: bytes | None = None
        self.headers: dict[str, str] = {}
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
        if self.server.body is not None:
            body = self.server.body
        self.send_response_only(self.server.status)
        for key, value in self.server.headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body)

    do_GET = do_HEAD = do_PUT = do_DELETE = _answer  # noqa: N815

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
    server.body, server.headers = None, {}
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
    "list_folders": lambda store: list(store.list_folders("")),
    "server_time": lambda store: store.server_time(),
}
PUTS = ["put_if_absent", "put_if_match"]


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    ("status", "code"), [(500, "InternalError"), (503, "SlowDown"), (501, "NotImplemented"), (403, "AccessDenied")]
)
def test_unclear_response_is_unavailable_and_not_retried(
    server: Server, store: Store, name: str, status: int, code: str
) -> None:
    server.status, server.code = status, code
    with pytest.raises(StoreUnavailableError, match=code):
        CALLS[name](store)
    assert len(server.requests) == 1


@pytest.mark.parametrize("name", CALLS)
def test_broken_connection_is_unavailable_and_not_retried(server: Server, store: Store, name: str) -> None:
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
    assert [request["method"] for request in server.requests if request["method"] != "HEAD"] == ["PUT"]


@pytest.mark.parametrize(("name", "header", "value"), [
    ("put_if_absent", "if-none-match", "*"),
    ("put_if_match", "if-match", "0" * 32),
])  # fmt: skip
def test_write_is_one_conditional_put(server: Server, store: Store, name: str, header: str, value: str) -> None:
    with pytest.raises(StoreError):
        CALLS[name](store)
    (request,) = server.requests
    assert request["method"] == "PUT"
    assert request[header] == value


LISTING = b"<ListBucketResult><Contents><Key>a</Key><ETag>x</ETag><Size>%s</Size>%s</Contents></ListBucketResult>"
GARBAGE: dict[str, tuple[str, bytes, dict[str, str]]] = {
    "a listing that is no XML": ("list", b"hello", {}),
    "a listing that is no text": ("list", b"<ListBucketResult>\xff\xfe\x00", {}),
    "a listing cut short": ("list", LISTING[:40], {}),
    "a listing with a wrong time": ("list", LISTING % (b"1", b"<LastModified>x</LastModified>"), {}),
    "a listing without times": ("list", LISTING % (b"1", b""), {}),
    "a listing with a wrong size": ("list", LISTING % (b"x", b"<LastModified>2026-01-02</LastModified>"), {}),
    "a listing without a key": (
        "list",
        b"<ListBucketResult><Contents><Size>1</Size></Contents></ListBucketResult>",
        {},
    ),
    "a folder without a name": ("list_folders", b"<ListBucketResult><CommonPrefixes/></ListBucketResult>", {}),
    "an object without an ETag": ("get", b"1", {}),
    "a creation without an ETag": ("put_if_absent", b"", {}),
    "a swap without an ETag": ("put_if_match", b"", {}),
    "an answer with a wrong time": ("server_time", LISTING % (b"1", b""), {"Date": "never"}),
}


@pytest.mark.parametrize("name", GARBAGE)
def test_malformed_response_is_unavailable(server: Server, store: Store, name: str) -> None:
    call, server.body, server.headers = GARBAGE[name]
    server.status = 200
    with pytest.raises(StoreUnavailableError):
        CALLS[call](store)
    assert len(server.requests) == 1


@pytest.mark.parametrize("name", [name for name in CALLS if name != "server_time"])
@pytest.mark.parametrize("error", [LookupError, ValueError, OSError])
def test_programming_errors_are_not_wrapped(
    server: Server, store: Store, monkeypatch: pytest.MonkeyPatch, name: str, error: type[Exception]
) -> None:
    def fail(*_: object) -> None:
        raise error("ours")

    server.status, server.body = 200, LISTING % (b"1", b"<LastModified>2026-01-02</LastModified>")
    server.body = server.body.replace(
        b"</Contents>", b"</Contents><CommonPrefixes><Prefix>a/</Prefix></CommonPrefixes>"
    )
    monkeypatch.setattr(S3Store, "_field" if name.startswith("list") else "_object", fail)
    with pytest.raises(error, match="ours"):
        CALLS[name](store)


def test_server_time_is_none_without_a_date_header(server: Server, store: Store) -> None:
    server.status, server.body = 200, b"<ListBucketResult></ListBucketResult>"
    assert store.server_time() is None


@pytest.mark.parametrize(("status", "code"), [(501, "NotImplemented"), (405, "MethodNotAllowed")])
def test_server_without_versioning_support_keeps_no_versions(
    server: Server, store: Store, status: int, code: str
) -> None:
    server.status, server.code = status, code
    assert not store.keeps_versions()
    assert store.delete_old_versions("") == 0


@pytest.mark.parametrize(("status", "code"), [(403, "AccessDenied"), (500, "InternalError")])
def test_unclear_versioning_response_is_unavailable(server: Server, store: Store, status: int, code: str) -> None:
    server.status, server.code = status, code
    with pytest.raises(StoreUnavailableError, match=code):
        store.keeps_versions()
    with pytest.raises(StoreUnavailableError, match=code):
        store.delete_old_versions("")


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(("status", "code"), [(501, "NotImplemented"), (405, "MethodNotAllowed")])
def test_unknown_operation_is_unsupported(server: Server, store: Store, name: str, status: int, code: str) -> None:
    server.status, server.code = status, code
    with pytest.raises(StoreUnsupportedError, match=code):
        CALLS[name](store)


@pytest.mark.parametrize(("endpoint", "region"), [("http://a b", REGION), ("http://127.0.0.1", "no region")])
def test_invalid_endpoint_is_a_config_error(endpoint: str, region: str) -> None:
    with pytest.raises(ConfigError, match="MALLARD_S3_ENDPOINT"):
        connect("s3://bucket", endpoint=endpoint, region=region)


def test_get_without_the_list_right_treats_access_denied_as_absent(server: Server) -> None:
    """A write that is denied, and every other refusal, stay faults."""
    with patch.dict(os.environ, CREDENTIALS):
        address = f"http://127.0.0.1:{server.server_port}"
        store = connect("s3://bucket", endpoint=address, region=REGION, kind=UnlistedS3Store)
    server.status, server.code = 403, "AccessDenied"
    assert store.get(KEY) is None
    for name in PUTS:
        with pytest.raises(StoreUnavailableError, match="AccessDenied"):
            CALLS[name](store)
    for code in ("ExpiredToken", "SignatureDoesNotMatch", "RequestTimeTooSkewed"):
        server.code = code
        with pytest.raises(StoreUnavailableError, match=code):
            store.get(KEY)
