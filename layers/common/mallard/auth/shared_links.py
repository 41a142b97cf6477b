"""Shared links: read access to one site's statistics, with or without a password.

A link is stored under the SHA-256 of its slug, so that a list of names opens nothing. Earlier versions stored it under
the slug: such a link is moved when it is read or listed.
"""

import hashlib
import logging
import re
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from mallard.auth.admin_password import MIN_LENGTH
from mallard.auth.common_passwords import is_common
from mallard.auth.password_hashing import MAX_LENGTH, PasswordHashing
from mallard.errors import ConflictError, DamagedObjectError, LinkError, PasswordError
from mallard.store.base import Store
from mallard.store.compare_and_swap import swap
from mallard.store.stored_object import JsonFormat, StoredObject
from mallard.store.ttl_cache import TtlCache

LINKS = "config/links/"
SLUG_BYTES = 16
MAX_NAME_LENGTH = 100
MAX_FILTERS_LENGTH = 4000
SHOWN_LETTERS = 4

log = logging.getLogger("mallard.auth")

_SLUG = re.compile(r"[A-Za-z0-9_-]{22}")
_REVOKED = b'{"revoked": true}'
"""In place of a link that was revoked under its slug: another instance that is moving it must not bring it back."""


@dataclass(frozen=True, slots=True)
class SharedLink:
    """``slug`` is random and grants access by itself. ``filters`` is JSON text that narrows the statistics shown.

    ``embeddable``: pages of other sites may show it in a frame. ``created_at`` is RFC 3339.
    """

    slug: str
    site_id: str
    name: str
    created_at: str
    password_hash: str = ""
    filters: str = ""
    embeddable: bool = False


_FORMAT = JsonFormat.of(SharedLink)


class SharedLinks:
    """The links of one store. ``clock`` is monotonic seconds."""

    def __init__(self, store: Store, hashing: PasswordHashing, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._hashing = hashing
        self._cache: TtlCache[SharedLink] = TtlCache(self.read, clock=clock)

    def create(
        self,
        site_id: str,
        name: str,
        now: datetime,
        *,
        password: str = "",
        filters: str = "",
        embeddable: bool = False,
    ) -> SharedLink:
        """Make a link for a valid site id and valid filters. Raises LinkError or PasswordError for the rest."""
        if not name.strip() or len(name) > MAX_NAME_LENGTH:
            raise LinkError(f"name must be 1 to {MAX_NAME_LENGTH} characters.")
        if len(filters) > MAX_FILTERS_LENGTH:
            raise LinkError(f"filters may have at most {MAX_FILTERS_LENGTH} characters.")
        if password and not MIN_LENGTH <= len(password) <= MAX_LENGTH:
            raise PasswordError(f"The link's password must have {MIN_LENGTH} to {MAX_LENGTH} characters, or be none.")
        if password and is_common(password):
            raise PasswordError("The link's password is one of the most common ones; choose another.")
        hashed = self._hashing.hash(password) if password else ""
        slug = secrets.token_urlsafe(SLUG_BYTES)
        link = SharedLink(slug, site_id, name.strip(), now.isoformat(timespec="seconds"), hashed, filters, embeddable)
        StoredObject(self._store, _object(slug), _FORMAT, cache=self._cache, name=slug).create(link)
        return link

    def find(self, slug: str) -> SharedLink | None:
        """The link, None where there is none or it was revoked. At most TTL_SECONDS behind the store."""
        return self._cache.get(slug) if _SLUG.fullmatch(slug) else None

    def opens(self, link: SharedLink, password: str, unknown_network: str = "") -> bool:
        """True where this is the link's password, or the link has none.

        ``unknown_network`` as of ``PasswordHashing.fits``.
        """
        return not link.password_hash or self._hashing.fits(password, link.password_hash, unknown_network)

    def all(self, site_id: str | None = None) -> list[SharedLink]:
        """Every link, or those of a site, the oldest first. Damaged links are logged and left out."""
        links = []
        for key in [row.key for row in self._store.list(LINKS)]:
            try:
                links.append(self.read_object(key))
            except DamagedObjectError as error:
                log.error("%s", error)
        # One that is moved meanwhile may stand there twice.
        by_slug = {link.slug: link for link in links if link and site_id in (None, link.site_id)}
        return sorted(by_slug.values(), key=lambda link: (link.created_at, link.slug))

    def revoke(self, slug: str) -> bool:
        """Revoke a link; False where there is none."""
        if not _SLUG.fullmatch(slug):
            return False
        is_under_slug = self._store.get(_under_slug(slug)) is not None
        if not is_under_slug and self._store.get(_object(slug)) is None:
            return False
        if is_under_slug:
            swap(self._store, _object(slug), lambda _: (None, _REVOKED))
            self._store.delete(_under_slug(slug))
        else:
            self._store.delete(_object(slug))
        self._cache.put(slug, None)
        return True

    def read(self, slug: str) -> SharedLink | None:
        """The stored link, past the cache. Raises DamagedObjectError."""
        return self._at(_object(slug)) or self._moved(slug)

    def read_object(self, key: str) -> SharedLink | None:
        """The link under a key of the store, moved to its place. Raises DamagedObjectError."""
        name = key.removeprefix(LINKS).removesuffix(".json")
        return self._moved(name) if _SLUG.fullmatch(name) else self._at(key)

    def _moved(self, slug: str) -> SharedLink | None:
        """The link that an earlier version stored under its slug."""
        old = self._store.get(_under_slug(slug))
        if old is None or _decoded(old.data, _under_slug(slug)) is None:
            return None
        # Moved by another instance, or revoked meanwhile: what stands there counts.
        with suppress(ConflictError):
            self._store.put_if_absent(_object(slug), old.data)
        self._store.delete(_under_slug(slug))
        return self._at(_object(slug))

    def _at(self, key: str) -> SharedLink | None:
        stored = self._store.get(key)
        return _decoded(stored.data, key) if stored else None


def _decoded(data: bytes, key: str) -> SharedLink | None:
    """The link; None where it was revoked. Raises DamagedObjectError, whose sentence shows a part of the name only.

    The whole name of a link that an earlier version stored opens it.
    """
    return None if data == _REVOKED else _FORMAT.read(f"{key[: len(LINKS) + SHOWN_LETTERS]}….json", data)


def _object(slug: str) -> str:
    return f"{LINKS}{hashlib.sha256(slug.encode()).hexdigest()}.json"


def _under_slug(slug: str) -> str:
    return f"{LINKS}{slug}.json"
