"""What a page's address says: hostname, path, campaign, and who sent the visitor."""

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from mallard.ingest.channel import CLICK_IDS

MAX_TAG_LENGTH = 256
MAX_QUERY_FIELDS = 200
CACHED_HOSTS = 4096

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?|[0-9a-f:.]+")
_SESSION = re.compile(r";(?:jsessionid|phpsessid|sid)=[^/;]*", re.IGNORECASE)
"""A session's id that old servers write into the path: it would make each visit a page of its own."""

UTM_TAGS = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")
_SOURCE_KEYS = ("source", "ref")


@dataclass(frozen=True, slots=True)
class Page:
    """One page address understood.

    ``tags`` holds the utm_* parameters that are present, ``named`` the word of ``source`` or ``ref``, ``click_id`` the
    key (never the value) of the first click id of ``channel.CLICK_IDS``.
    """

    hostname: str
    pathname: str
    tags: dict[str, str]
    named: str | None = None
    click_id: str | None = None


def read_page(url: str, site_id: str) -> Page | None:
    """A full URL, or a bare path whose hostname is the site id; None where it is neither.

    ``pathname`` is percent-decoded once, without what trails it (spaces, a session's id), and carries no query: what
    a site wants to keep of one (``data-keep-query``), the script sends as part of the path.
    """
    try:
        parts = urlsplit(url.strip())
        hostname = _hostname(parts)
    except ValueError:
        return None
    if not parts.scheme and not parts.netloc and url.startswith("/"):
        hostname = site_id
    elif not parts.scheme or not hostname:
        return None
    name, path = hostname or site_id, _pathname(parts.path)
    if not parts.query:
        return Page(name, path, {})
    found = {key.lower(): neat for key, value in reversed(_pairs(parts.query)) if (neat := _neat(value))}
    return Page(
        name,
        path,
        {tag: found[tag] for tag in UTM_TAGS if tag in found},
        next((found[key] for key in _SOURCE_KEYS if key in found), None),
        next((key for key in CLICK_IDS if key in found), None),
    )


def host_of(url: str) -> str | None:
    """The hostname of a full URL, without port, in the one form of hosts here; None where there is none."""
    try:
        return _hostname(urlsplit(url))
    except ValueError:
        return None


def _hostname(parts: SplitResult) -> str | None:
    return _one_form(parts.hostname) if parts.hostname else None


@lru_cache(maxsize=CACHED_HOSTS)
def _one_form(name: str) -> str:
    """Small letters, no dot at the end, and a name of other letters in its ASCII form (xn--…), as browsers send it.

    Raises ValueError where it is no name and no address.
    """
    host = name.rstrip(".")
    if not host.isascii():
        host = host.encode("idna").decode()
    if not _HOST.fullmatch(host):
        raise ValueError("no hostname")
    return host


def _pathname(path: str) -> str:
    plain = _decoded(path) if "%" in path else path
    return (_SESSION.sub("", plain) if ";" in plain else plain).rstrip() or "/"


def _decoded(path: str) -> str:
    try:
        decoded = unquote(path, errors="strict")
    except UnicodeDecodeError:
        return path
    return path if _CONTROL.search(decoded) else decoded


def _pairs(query: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query, max_num_fields=MAX_QUERY_FIELDS, errors="replace") if query else []
    except ValueError:
        return []


def _neat(value: str) -> str:
    return _CONTROL.sub("", value.strip())[:MAX_TAG_LENGTH]
