"""Hostname, path, campaign tags and click id of a page's address."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

from mallard.ingest.enrich.channel import CLICK_IDS
from mallard.normalize.hashed_cache import hashed_cache
from mallard.normalize.names import MAX_TAG_LENGTH as MAX_TAG_LENGTH
from mallard.normalize.names import split_address, stored_host, stored_path, stored_tag

MAX_QUERY_FIELDS = 200
HOSTS_BYTES = 1024 * 1024

_ESCAPED_AND = re.compile(r"&(?:amp;)+")
"""An ampersand as HTML escapes it, in links that were copied from a page's source."""

UTM_TAGS = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")
_SOURCE_KEYS = ("source", "ref")


@dataclass(frozen=True, slots=True)
class PageUrl:
    """One page address understood.

    ``tags`` holds the utm_* parameters that are present, ``named`` the word of ``source`` or ``ref``, ``click_id`` the
    key (never the value) of the first click id of ``channel.CLICK_IDS``.
    """

    hostname: str
    pathname: str
    tags: dict[str, str]
    named: str | None = None
    click_id: str | None = None


def read_page(url: str, site_id: str) -> PageUrl | None:
    """A full URL, or a bare path whose hostname is the site id; None where it is neither.

    ``pathname`` is percent-decoded once, without what trails it (spaces, a session's id), and carries no query: what
    a site wants to keep of one (``data-keep-query``), the script sends as part of the path.
    """
    try:
        url = url.strip()
        parts = split_address(url)
        hostname = stored_host(parts.hostname) if parts.hostname else None
    except ValueError:
        return None
    if not parts.scheme and not parts.netloc and url.startswith("/"):
        hostname = site_id
    elif not parts.scheme or not hostname:
        return None
    name, path = hostname or site_id, stored_path(parts.path)
    pairs = _pairs(parts.query) + _pairs(_query_of_fragment(parts.fragment))
    if not pairs:
        return PageUrl(name, path, {})
    found = {key.lower(): neat for key, value in reversed(pairs) if (neat := stored_tag(value))}
    return PageUrl(
        name,
        path,
        {tag: found[tag] for tag in UTM_TAGS if tag in found},
        next((found[key] for key in _SOURCE_KEYS if key in found), None),
        next((key for key in CLICK_IDS if key in found), None),
    )


@hashed_cache(most_bytes=HOSTS_BYTES)
def host_of(url: str) -> str | None:
    """The hostname of a full URL, without port, in the one form of hosts here; None where there is none."""
    try:
        name = split_address(url).hostname
    except ValueError:
        return None
    return stored_host(name) if name else None


def _query_of_fragment(fragment: str) -> str:
    """The query of a page that is routed by its fragment (``#/route?utm_source=a``), or tags as the fragment."""
    _, mark, query = fragment.partition("?")
    return query if mark else fragment if "utm_" in fragment else ""


def _pairs(query: str) -> list[tuple[str, str]]:
    if "&amp;" in query:
        query = _ESCAPED_AND.sub("&", query)
    try:
        return parse_qsl(query, max_num_fields=MAX_QUERY_FIELDS, errors="replace") if query else []
    except ValueError:
        return []
