"""Interface to object storage with conditional writes only.

Implementations: ``store/local.py`` (a folder) and ``store/s3.py`` (any S3 API). Keys are ``/``-separated.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Listed:
    """A row of a listing: the object's key, a version that changes with each replacement, size, and last write.

    On S3 ``version`` is the ETag; on a folder it identifies the file without reading it.
    ``modified`` is seconds since 1970 by the store's own clock: compare it with other rows, not with ours.
    """

    key: str
    version: str
    size_bytes: int
    modified: float = 0.0


@dataclass(frozen=True, slots=True)
class Stored:
    """An object's whole content, with the ETag of exactly these bytes."""

    data: bytes
    etag: str


def surely_past(store: "Store", now: datetime) -> datetime:
    """The earlier of our clock and the store's, where it has one; final deletions go by it.

    A clock of ours that is ahead then deletes nothing early. Raises StoreUnavailableError.
    """
    theirs = store.server_time()
    return now if theirs is None else min(now, theirs)


class Store(Protocol):
    """An object store. Every method may raise StoreUnavailableError; a write that raised it may have landed."""

    @property
    def scratch(self) -> Path:
        """A folder for the private files of readers, on the file system where ``pin`` is cheapest."""
        ...

    def get(self, key: str) -> Stored | None:
        """The whole object, None where it is absent."""
        ...

    def put_if_absent(self, key: str, data: bytes) -> str:
        """Create the object and return its ETag; ConflictError where it exists."""
        ...

    def put_if_match(self, key: str, data: bytes, etag: str) -> str:
        """Replace the object whose ETag is ``etag``, return the new; ConflictError where it is another or absent."""
        ...

    def delete(self, key: str) -> None:
        """Remove the object, which may be absent."""
        ...

    def list(self, prefix: str, *, start_after: str = "") -> Iterator[Listed]:
        """All objects whose key begins with ``prefix`` and comes after ``start_after``, in order of key."""
        ...

    def list_folders(self, prefix: str) -> Iterator[str]:
        """The folders below ``prefix`` that hold an object, each as a prefix with a slash at its end, in order.

        Of ``events/`` these are ``events/site_id=a/`` and the like. The cost goes by folders, not by objects.
        """
        ...

    def keeps_versions(self) -> bool:
        """True where the store keeps deleted and replaced objects, as a versioned bucket does."""
        ...

    def delete_old_versions(self, prefix: str) -> int:
        """Permanently remove deleted and replaced versions below a prefix; returns their number."""
        ...

    def server_time(self) -> datetime | None:
        """The time by the store's own clock, None where it has none of its own."""
        ...

    def pin(self, key: str, folder: Path) -> Path | None:
        """A private file ``folder/key`` with the whole object at one moment, None where there is none.

        Later replacements of the object do not show in it: a reader of the growing tail needs that.
        """
        ...

    def presigned(self, key: str, seconds: int, disposition: str, media_type: str) -> str | None:
        """A URL that anyone may GET the object by for ``seconds``; None where the store has none.

        The response has ``disposition`` and ``media_type`` as Content-Disposition and Content-Type.
        """
        ...

    @property
    def pins_are_cheap(self) -> bool:
        """True where ``pin`` copies no data: then readers also pin sealed segments, which an erasure may replace."""
        ...

    def location(self, key: str) -> str:
        """The address for DuckDB to read an object: a path or an ``s3://`` address. The empty key is the root."""
        ...

    def reader_setup(self) -> Sequence[str]:
        """The SQL that a DuckDB session needs before it can read a ``location``."""
        ...
