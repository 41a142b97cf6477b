"""Cache of whole segments as private files, fetched in parallel, by version."""

import shutil
import tempfile
import threading
import weakref
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from mallard.errors import StoreUnavailableError
from mallard.store.base import Listed, Store
from mallard.store.hard_link import link_or_copy

FETCHED_AT_ONCE = 8
"""Whole segments in memory at a time, and connections to the store."""

MAX_CACHED_BYTES = 128 * 1024 * 1024
"""On disk: a quarter of what a function on AWS has."""


@dataclass(frozen=True, slots=True)
class _Entry:
    version: str
    path: Path
    size_bytes: int


class SegmentCache:
    """Whole segments of one store, each in the latest version that was requested, up to ``max_bytes``.

    Each reader gets its own hard link, so an eviction does not affect it. Safe between threads.
    """

    def __init__(self, store: Store, *, max_bytes: int = MAX_CACHED_BYTES) -> None:
        """Create the folder in the store's scratch; it is removed with this object or the process."""
        self._store = store
        self._max_bytes = max_bytes
        self._folder = Path(tempfile.mkdtemp(prefix="mallard-segments-", dir=store.scratch))
        self._pool = ThreadPoolExecutor(FETCHED_AT_ONCE, "mallard-segments")
        self._lock = threading.Lock()
        self._entries: dict[str, _Entry] = {}
        self._number = 0
        self._remove = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)

    def copy_to(self, rows: Sequence[Listed], folder: Path) -> list[Path | None]:
        """A file ``folder/key`` for each row, None for a deleted object; StoreUnavailableError.

        It is the version that was listed, or a later one.
        """
        links = {row.key: self._link(row, folder / row.key) for row in rows}
        fetched = {
            row.key: self._pool.submit(self._fetch, row.key, folder / row.key) for row in rows if links[row.key] is None
        }
        # Wait for all, also after a failure: the caller then removes the folder.
        wait(fetched.values())
        return [fetched[row.key].result() if row.key in fetched else links[row.key] for row in rows]

    def has_room_for(self, rows: Sequence[Listed]) -> bool:
        """True where all segments fit, so that they are fetched whole rather than read in place."""
        return 2 * sum(row.size_bytes for row in rows) <= self._max_bytes

    def forget_replaced(self, prefix: str, listed: Mapping[str, str]) -> None:
        """Evict segments below ``prefix`` whose version is not ``listed`` (by key): they may have been erased."""
        with self._lock:
            for key in [key for key in self._entries if key.startswith(prefix)]:
                if listed.get(key) != self._entries[key].version:
                    self._drop(key)

    def first_key(self, prefix: str) -> str | None:
        """The first key in the cache that begins with ``prefix``, None without any."""
        with self._lock:
            return min((key for key in self._entries if key.startswith(prefix)), default=None)

    def forget(self) -> None:
        """Evict all segments."""
        with self._lock:
            for key in list(self._entries):
                self._drop(key)

    def close(self) -> None:
        """End the threads and remove the folder."""
        self._pool.shutdown()
        self._remove()

    def _link(self, row: Listed, pinned: Path) -> Path | None:
        with self._lock:
            entry = self._entries.get(row.key)
            if entry is None or entry.version != row.version:
                return None
            # Eviction goes by least recent use.
            self._entries[row.key] = self._entries.pop(row.key)
            try:
                pinned.parent.mkdir(parents=True, exist_ok=True)
                link_or_copy(entry.path, pinned)
            except OSError:
                # The temporary files were removed from outside.
                self._drop(row.key)
                return None
        return pinned

    def _fetch(self, key: str, pinned: Path) -> Path | None:
        stored = self._store.get(key)
        if stored is None:
            return None
        try:
            pinned.parent.mkdir(parents=True, exist_ok=True)
            pinned.write_bytes(stored.data)
        except OSError as error:
            raise StoreUnavailableError(f"The folder {pinned.parent} cannot be used: {error.strerror}.") from error
        self._keep(key, stored.etag, pinned, len(stored.data))
        return pinned

    def _keep(self, key: str, version: str, pinned: Path, size_bytes: int) -> None:
        with self._lock:
            self._drop(key)
            if size_bytes > self._max_bytes:
                return
            self._number += 1
            path = self._folder / str(self._number)
            try:
                link_or_copy(pinned, path)
            except OSError:
                # A missing entry costs a fetch; the reader has its file.
                path.unlink(missing_ok=True)
                return
            self._entries[key] = _Entry(version, path, size_bytes)
            while sum(each.size_bytes for each in self._entries.values()) > self._max_bytes:
                self._drop(next(iter(self._entries)))

    def _drop(self, key: str) -> None:
        if entry := self._entries.pop(key, None):
            entry.path.unlink(missing_ok=True)
