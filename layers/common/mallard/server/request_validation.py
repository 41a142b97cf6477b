"""Refusal of ambiguous and malformed request heads."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from mallard.http.header_policy import completed

MAX_HEAD_BYTES = 64 * 1024
MAX_HEADERS = 100
MAX_TARGET_BYTES = 32 * 1024
VERSIONS = ("1.1", "1.0")

Headers = Sequence[tuple[bytes, bytes]]
"""Names in small letters."""

_HOST = re.compile(rb"[A-Za-z0-9._~%!$&'()*+,;=:\[\]-]*")


@dataclass(frozen=True, slots=True)
class RequestRefusal:
    """A status and a sentence."""

    status: int
    sentence: str

    @property
    def wire(self) -> bytes:
        """The whole answer; it ends the connection."""
        body = json.dumps({"error": self.sentence}).encode()
        given = {"content-type": "application/json", "content-length": str(len(body)), "connection": "close"}
        headers = given | completed(given, is_tls=False)
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode() + body


MALFORMED = RequestRefusal(400, "This is not a request of HTTP/1.1.")
LARGE_HEAD = RequestRefusal(431, f"The head of the request is over {MAX_HEAD_BYTES // 1024} KB.")
TOO_MANY_HEADERS = RequestRefusal(431, f"The request has over {MAX_HEADERS} headers.")
LONG_TARGET = RequestRefusal(414, f"The address is over {MAX_TARGET_BYTES // 1024} KB.")
NO_TUNNEL = RequestRefusal(501, "CONNECT is not supported.")
WRONG_VERSION = RequestRefusal(505, "This server speaks HTTP/1.1 and HTTP/1.0.")
WRONG_HOST = RequestRefusal(400, "The request needs one header Host, which names a host.")
OTHER_HOST = RequestRefusal(400, "The address names another host than the header Host.")
WRONG_TARGET = RequestRefusal(400, "The address must begin with a slash, and have no # in it.")
PACKED = RequestRefusal(501, "The body may be sent in chunks, but in no other transfer coding.")


def refusal_of(method: bytes, target: bytes, version: str, headers: Headers) -> RequestRefusal | None:
    """Why a head is no request; None where it is one. httptools has refused what is against the grammar."""
    names = [name for name, _ in headers]
    if version not in VERSIONS:
        return WRONG_VERSION
    if method == b"CONNECT":
        return NO_TUNNEL
    if len(target) > MAX_TARGET_BYTES:
        return LONG_TARGET
    if len(names) > MAX_HEADERS:
        return TOO_MANY_HEADERS
    if bytes_of(headers) > MAX_HEAD_BYTES:
        return LARGE_HEAD
    hosts = [value.strip() for name, value in headers if name == b"host"]
    if len(hosts) > 1 or (not hosts and version == "1.1") or not all(map(_HOST.fullmatch, hosts)):
        return WRONG_HOST
    if not is_chunked(headers):
        return PACKED
    if b"#" in target:
        return WRONG_TARGET
    return None if target.startswith(b"/") else _refusal_of_absolute(target, hosts)


def bytes_of(headers: Headers) -> int:
    """The size of headers, without what stands between them."""
    return sum(len(name) + len(value) for name, value in headers)


def is_chunked(headers: Headers) -> bool:
    """True for a body whose only transfer coding is chunked."""
    return all(value.strip().lower() == b"chunked" for name, value in headers if name == b"transfer-encoding")


def _refusal_of_absolute(target: bytes, hosts: Sequence[bytes]) -> RequestRefusal | None:
    """``http://host/path`` is what a proxy is asked; it must be asked of the host that ``Host`` names."""
    try:
        parts = urlsplit(target.decode("ascii"))
    except ValueError:
        return WRONG_TARGET
    if parts.scheme not in ("http", "https"):
        return WRONG_TARGET
    host = hosts[0].decode("ascii").lower() if hosts else parts.netloc.lower()
    return None if parts.netloc.lower() == host else OTHER_HOST
