"""The client of a request, by its address and headers."""

from collections.abc import Mapping
from contextlib import suppress

import msgspec

from mallard.ingest.enrich import cdn_headers, client_hints
from mallard.ingest.enrich.cdn_headers import CdnHeaders
from mallard.ingest.enrich.client_hints import NO_HINTS, ClientHints, read_hints
from mallard.ingest.enrich.geoip import Place
from mallard.ingest.enrich.user_agent import MAX_AGENT_LENGTH

_PURPOSES = frozenset(("sec-purpose", "purpose", "x-purpose", "x-moz"))
HEADERS = {
    "user-agent",
    "origin",
    "accept-language",
    "sec-gpc",
    "dnt",
    "x-forwarded-for",
    *_PURPOSES,
    *client_hints.HEADERS,
    *cdn_headers.HEADERS,
}
"""The headers that are read, in small letters; no other is looked at."""

MAX_LANGUAGES_LENGTH = 256


class Client(msgspec.Struct, frozen=True):
    """The client of one request. It is never stored, queued or logged.

    ``place`` is what the CDN says, None without one. ``is_prefetch``: no person has asked for the page yet.
    ``vouched``: a server with a key says it; what it leaves out is unknown, and no sign of a bot.
    """

    address: str
    user_agent: str
    origin: str | None = None
    accept_language: str = ""
    opted_out: bool = False
    vouched: bool = False
    hints: ClientHints = NO_HINTS
    is_prefetch: bool = False
    place: Place | None = None


def read_sender(headers: Mapping[str, str], address: str, cdn: CdnHeaders) -> Client:
    """The sender, by headers in small letters and the address that our own side saw.

    The address that the CDN names wins where the request came through it.
    """
    viewer = cdn.viewer(headers)
    return Client(
        address=(viewer and viewer.address) or address,
        # Cut here, before they become keys of caches: a header may have 64 KB.
        user_agent=agent_text(headers.get("user-agent", "")),
        origin=headers.get("origin"),
        accept_language=headers.get("accept-language", "")[:MAX_LANGUAGES_LENGTH],
        opted_out=headers.get("sec-gpc") == "1" or headers.get("dnt") == "1",
        hints=read_hints(headers),
        is_prefetch=_is_prefetch(headers),
        place=viewer.place if viewer else None,
    )


def agent_text(text: str) -> str:
    """A user agent in the one form that visitors are made of: trimmed, at most MAX_AGENT_LENGTH characters.

    Letters beyond ASCII are bytes of UTF-8 that were read as Latin-1 on the way, where they can be.
    """
    text = text.strip()
    if not text.isascii():
        with suppress(UnicodeEncodeError, UnicodeDecodeError):
            text = text.encode("latin-1").decode()
    return text[:MAX_AGENT_LENGTH]


def _is_prefetch(headers: Mapping[str, str]) -> bool:
    """``Sec-Purpose`` (and what browsers sent before it) of a page that is fetched ahead or rendered unseen."""
    if _PURPOSES.isdisjoint(headers):
        return False
    given = [headers[name].lower() for name in _PURPOSES if name in headers]
    return any(word in purpose for purpose in given for word in ("prefetch", "prerender", "preview"))
