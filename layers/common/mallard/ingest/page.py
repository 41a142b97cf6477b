"""What a page's address says: hostname, path and campaign."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

MAX_TAG_LENGTH = 256
MAX_QUERY_FIELDS = 200

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
UTM_TAGS = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")


@dataclass(frozen=True, slots=True)
class Page:
    """One page address understood; ``tags`` holds the utm_* parameters that are present."""

    hostname: str
    pathname: str
    tags: dict[str, str]


def read_page(url: str, site_id: str) -> Page | None:
    """A full URL, or a bare path whose hostname is the site id; None where it is neither.

    ``pathname`` is percent-decoded once and carries no query; a host loses its port and its letters' case.
    """
    try:
        parts = urlsplit(url.strip())
        hostname = parts.hostname
    except ValueError:
        return None
    if not parts.scheme and not parts.netloc and url.startswith("/"):
        hostname = site_id
    elif not parts.scheme or not hostname:
        return None
    return Page(hostname or site_id, _decoded(parts.path) or "/", _tags(parts.query))


def host_of(url: str) -> str | None:
    """The hostname of a full URL in lower case, without port; None where there is none."""
    try:
        return urlsplit(url).hostname or None
    except ValueError:
        return None


def _decoded(path: str) -> str:
    try:
        decoded = unquote(path, errors="strict")
    except UnicodeDecodeError:
        return path
    return path if _CONTROL.search(decoded) else decoded


def _tags(query: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, max_num_fields=MAX_QUERY_FIELDS, errors="replace")
    except ValueError:
        return {}
    found: dict[str, str] = {}
    for key, value in pairs:
        tag = key.lower()
        if tag in UTM_TAGS and tag not in found and value.strip():
            found[tag] = _CONTROL.sub("", value.strip())[:MAX_TAG_LENGTH]
    return found
