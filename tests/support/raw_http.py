"""Requests as bytes over a socket of their own, and the answers as they came."""

import json
import socket
import time
from dataclasses import dataclass
from typing import Any

SOON_SECONDS = 60
APART_SECONDS = 0.05


@dataclass(frozen=True)
class Reply:
    """One answer; names of headers are in small letters."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> str:
        """The sentence of a refusal."""
        return str(json.loads(self.body)["error"])


def ask(origin: str, method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Reply:
    """One request on a connection of its own."""
    lines = {"Host": "x", "Connection": "close", **(headers or {})}
    if body:
        lines.setdefault("Content-Length", str(len(body)))
    head = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in lines.items())]
    (reply,) = exchange(origin, "\r\n".join([*head, "", ""]).encode("latin-1") + body, method)
    return reply


def put(origin: str, target: str, body: bytes, method: str = "PUT", **headers: str) -> Reply:
    """A body of JSON."""
    return ask(origin, method, target, body, {"Content-Type": "application/json", **headers})


def exchange(origin: str, *sent: bytes | str) -> list[Reply]:
    """Send bytes, and read what comes until the server closes; a text names the method of all requests.

    Several pieces are sent one after another, so that the server reads them apart.
    """
    host, _, port = origin.removeprefix("http://").rpartition(":")
    method = next((each for each in sent if isinstance(each, str)), "GET")
    pieces = [each for each in sent if isinstance(each, bytes)]
    found = b""
    with socket.create_connection((host, int(port)), SOON_SECONDS) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for number, piece in enumerate(pieces):
                time.sleep(APART_SECONDS if number else 0)
                client.sendall(piece)
            while more := client.recv(65_536):
                found += more
        except ConnectionError:
            pass
    return _replies(found, method)


def _replies(found: bytes, method: str) -> list[Reply]:
    replies = []
    while found:
        head, _, found = found.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        length = 0 if method == "HEAD" else int(headers.get("content-length", 0))
        body, found = _unchunked(found) if headers.get("transfer-encoding") else (found[:length], found[length:])
        replies.append(Reply(int(first.split()[1]), headers, body))
    return replies


def _unchunked(found: bytes) -> tuple[bytes, bytes]:
    body = b""
    while True:
        size, _, found = found.partition(b"\r\n")
        length = int(size, 16)
        body, found = body + found[:length], found[length + 2 :]
        if not length:
            return body, found


def as_json(reply: Reply) -> Any:
    """The body."""
    return json.loads(reply.body)
