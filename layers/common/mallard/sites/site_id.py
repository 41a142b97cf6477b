"""Site ids: the characters, the length, the stored form and the folder name."""

import re
from urllib.parse import quote, unquote

from mallard.errors import QueryError
from mallard.normalize.hashed_cache import hashed_cache
from mallard.normalize.names import NAMES_BYTES, stored_host

MAX_SITE_ID_LENGTH = 200
MAX_FOLDER_NAME_BYTES = 255 - len("site_id=")
"""The longest name that file systems take, without the part before the id; `:` is `%3A` there."""

_CHARACTERS = re.compile(r"[a-z0-9._:-]+")


@hashed_cache(most_bytes=NAMES_BYTES)
def read_site_id(text: str) -> str | None:
    """The stored form of a site id: ASCII in lower case, an international name as ``xn--``; None for other text.

    ``Bücher.example:8080`` is ``xn--bcher-kva.example:8080``.
    """
    host, colon, rest = text.strip().partition(":")
    ascii_host = host if host.isascii() else stored_host(host)
    if ascii_host is None:
        return None
    name = f"{ascii_host}{colon}{rest}"
    if len(name) > MAX_SITE_ID_LENGTH or not name.isascii() or not _CHARACTERS.fullmatch(name := name.lower()):
        return None
    return name if name.strip(".") else None


def escaped(site_id: str) -> str:
    """A site id as part of an object's name: ``:`` is ``%3A``."""
    return quote(site_id, safe="")


def unescaped(name: str) -> str:
    """The site id of a part of an object's name."""
    return unquote(name)


def folder_name(site_id: str) -> str:
    """The name of a site's folder below ``events/``, ``rollups/`` and ``salts/``."""
    return f"site_id={escaped(site_id)}"


def fits_folder(site_id: str) -> bool:
    """True where a folder of the table can be named after a site id."""
    return len(escaped(site_id)) <= MAX_FOLDER_NAME_BYTES


def read_site(site_id: str | None) -> str:
    """As of ``read_site_id``. Raises QueryError with a sentence for the sender."""
    if not site_id:
        raise QueryError("site_id is missing; it names the site, such as example.com.")
    site = read_site_id(site_id)
    if not site_id.strip(". ") or (site is not None and not fits_folder(site)):
        raise QueryError("site_id is no site's: it is dots only, or has too many colons for its length.")
    if site is None:
        raise QueryError(
            "site_id may hold only a host's name such as example.com, or ASCII letters, digits and . - _ :,"
            f" at most {MAX_SITE_ID_LENGTH}."
        )
    return site
