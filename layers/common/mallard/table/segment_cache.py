"""Private files of growing segments over a network: fetched side by side, and kept under their version."""

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

MAX_KEPT_BYTES = 128 * 1024 * 1024
"""On disk: a quarter of what a function on AWS has."""


@dataclass(frozen=True, slots=True)
class _Kept:
    version: str
    path: Path
    size_bytes: int


class SegmentCache:
    """Whole segments of one store, each in its latest version that was asked for, up to ``max_bytes``.

    A reader gets a link of its own, so what is let go meanwhile stays with who reads it. Safe between threads.
    """

    def __init__(self, store: Store, *, max_bytes: int = MAX_KEPT_BYTES) -> None:
        """The folder lies in the store's scratch, and goes with this object or the process."""
        self._store = store
        self._max_bytes = max_bytes
        self._folder = Path(tempfile.mkdtemp(prefix="mallard-pins-", dir=store.scratch))
        self._pool = ThreadPoolExecutor(FETCHED_AT_ONCE, "mallard-pins")
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}
        self._number = 0
        self._remove = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)

    def take(self, rows: Sequence[Listed], folder: Path) -> list[Path | None]:
        """A file ``folder/key`` of each row, None where the object is gone; StoreUnavailableError.

        It is the version that was listed, or a later one.
        """
        found = {row.key: self._linked(row, folder / row.key) for row in rows}
        fetched = {
            row.key: self._pool.submit(self._fetched, row.key, folder / row.key)
            for row in rows
            if found[row.key] is None
        }
        # All of them, also after a failure: whoever asked removes the folder then.
        wait(fetched.values())
        return [fetched[row.key].result() if row.key in fetched else found[row.key] for row in rows]

    def has_room_for(self, rows: Sequence[Listed]) -> bool:
        """Whether to fetch all of them whole, and keep them, is better than to read parts of them where they are."""
        return 2 * sum(row.size_bytes for row in rows) <= self._max_bytes

    def forget_replaced(self, prefix: str, listed: Mapping[str, str], since: str = "") -> None:
        """Let go what lies below ``prefix``, from the key ``since`` on, and is not ``listed``, a version by key.

        It may have been erased.
        """
        with self._lock:
            for key in [key for key, kept in self._kept.items() if key.startswith(prefix) and key >= since]:
                if listed.get(key) != self._kept[key].version:
                    self._drop(key)

    def first_key(self, prefix: str) -> str | None:
        """The first key in the cache that begins with ``prefix``, None without any."""
        with self._lock:
            return min((key for key in self._kept if key.startswith(prefix)), default=None)

    def forget(self) -> None:
        """Let go everything."""
        with self._lock:
            for key in list(self._kept):
                self._drop(key)

    def close(self) -> None:
        """End the threads and remove the folder."""
        self._pool.shutdown()
        self._remove()

    def _linked(self, row: Listed, pinned: Path) -> Path | None:
        with self._lock:
            kept = self._kept.get(row.key)
            if kept is None or kept.version != row.version:
                return None
            # The last that was used goes last.
            self._kept[row.key] = self._kept.pop(row.key)
            try:
                pinned.parent.mkdir(parents=True, exist_ok=True)
                link_or_copy(kept.path, pinned)
            except OSError:
                # Somebody tidied up the temporary files.
                self._drop(row.key)
                return None
        return pinned

    def _fetched(self, key: str, pinned: Path) -> Path | None:
        found = self._store.get(key)
        if found is None:
            return None
        try:
            pinned.parent.mkdir(parents=True, exist_ok=True)
            pinned.write_bytes(found.data)
        except OSError as error:
            raise StoreUnavailableError(f"The folder {pinned.parent} cannot be used: {error.strerror}.") from error
        self._keep(key, found.etag, pinned, len(found.data))
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
                # Not to keep it costs a fetch; the reader has its file.
                path.unlink(missing_ok=True)
                return
            self._kept[key] = _Kept(version, path, size_bytes)
            while sum(each.size_bytes for each in self._kept.values()) > self._max_bytes:
                self._drop(next(iter(self._kept)))

    def _drop(self, key: str) -> None:
        if kept := self._kept.pop(key, None):
            kept.path.unlink(missing_ok=True)
