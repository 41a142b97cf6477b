"""Temporary files of one process, removed at exit or by the next process."""

import fcntl
import os
import shutil
import tempfile
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

PREFIX = "mallard-scratch-"
YOUNG_SECONDS = 60
"""A younger folder is left alone: its owner may not hold the lock yet."""

_LOCK = "owner.lock"


class ScratchFolder:
    """A folder below ``parent`` that this process owns by a lock on a file in it. Safe between threads.

    The kernel releases the lock when the process ends, however it ends, so a folder whose lock is free is left over.
    """

    def __init__(self, parent: Path, *, now: Callable[[], float] = time.time) -> None:
        """Creates no folder before the first use of ``path``. ``now`` is seconds since 1970."""
        self._parent = parent
        self._now = now
        self._mutex = threading.Lock()
        self._folder: Path | None = None
        self._close: Callable[[], object] = lambda: None

    def path(self) -> Path:
        """The folder; the first call creates it and removes those of dead processes. Raises OSError."""
        with self._mutex:
            if self._folder is None or not self._folder.exists():
                self._close()
                sweep(self._parent, self._now())
                if self._folder is None:
                    self._folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=self._parent))
                else:
                    # Removed from outside; created again under the same name, which DuckDB uses.
                    self._folder.mkdir(0o700)
                lock = os.open(self._folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
                fcntl.flock(lock, fcntl.LOCK_EX)
                self._close = weakref.finalize(self, _remove, self._folder, lock)
            return self._folder

    def close(self) -> None:
        """Remove the folder."""
        self._close()


def sweep(parent: Path, now: float) -> None:
    """Remove the scratch folders of dead processes of this account."""
    for folder in parent.glob(f"{PREFIX}*"):
        with suppress(OSError):
            facts = folder.lstat()
            if facts.st_uid == os.getuid() and facts.st_mtime < now - YOUNG_SECONDS and not _is_owned(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _is_owned(folder: Path) -> bool:
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _remove(folder: Path, lock: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    os.close(lock)
