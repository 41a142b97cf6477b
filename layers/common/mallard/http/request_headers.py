"""Request headers: one rule for repeated lines, credentials, schemes and packed bodies."""

from collections.abc import Iterable, Mapping

RawHeaders = Iterable[tuple[bytes, bytes]]
"""As ASGI has them: names in small letters, in the order in which they came."""

SEPARATORS: Mapping[str, str] = {
    "cookie": "; ",
    "content-encoding": ",",
    "x-forwarded-for": ",",
    "x-forwarded-proto": ",",
}
"""Headers whose lines are parts of one list. Of any other the last line counts: the nearest proxy wrote it."""


def read_headers(raw: RawHeaders) -> dict[str, str]:
    """All headers by name."""
    headers: dict[str, str] = {}
    for key, value in raw:
        add_header(headers, key.decode("latin-1"), value.decode("latin-1"))
    return headers


def add_header(headers: dict[str, str], name: str, text: str) -> None:
    """Add one line by the rule of SEPARATORS."""
    separator = SEPARATORS.get(name)
    headers[name] = f"{headers[name]}{separator}{text}" if separator and name in headers else text


def bearer_in(headers: Mapping[str, str]) -> str:
    """The credential of ``Authorization: Bearer``, empty without one."""
    scheme, _, text = headers.get("authorization", "").strip().partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""


def is_https(forwarded_proto: str) -> bool:
    """True where ``X-Forwarded-Proto`` says HTTPS; its first word is of the visitor's own connection."""
    return forwarded_proto.partition(",")[0].strip().lower() == "https"


def is_packed(content_encoding: str) -> bool:
    """True where ``Content-Encoding`` names a coding of the body."""
    return any(each.strip().lower() not in ("", "identity") for each in content_encoding.split(","))
