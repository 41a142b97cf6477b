"""Object store in a folder: atomic across processes, durable at return."""

import fcntl
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from operator import itemgetter
from pathlib import Path, PurePosixPath

from mallard.errors import ConflictError, StoreError, StoreUnavailableError
from mallard.store.base import Listed, Stored
from mallard.store.hard_link import link_or_copy

LOCK_COUNT = 64
FOLDER_MODE = 0o700
FILE_MODE = 0o600
"""Secrets, salts and events are for this account alone, whatever the umask; existing files keep their mode."""

TEMPORARY_FILE_SECONDS = 3600

_FOLDER_ETAG = "folder"


def _etag(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


class LocalStore:
    """Objects are files below ``root``; locks and unfinished files live in ``root/.mallard``, a sibling of all of them.

    ``put_if_absent`` is link(), ``put_if_match`` compares the content hash under a lock and renames. A write
    returns after the file, its directory and every new parent are on disk.
    """

    def __init__(self, root: Path, *, now: float | None = None) -> None:
        """Open or create the folder; ``now`` is Unix seconds, for the removal of temporary files after a crash."""
        root = root.absolute()
        self.root = root
        self._private = root / ".mallard"
        self._temporary = self._private / "tmp"
        try:
            if not root.exists():
                root.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
            for folder in (self._private, self._temporary, self._private / "locks"):
                folder.mkdir(FOLDER_MODE, exist_ok=True)
            self._sweep(time.time() if now is None else now)
        except OSError as error:
            raise self._unavailable(error) from error

    def get(self, key: str) -> Stored | None:
        """The whole object; a rename under way shows the old or the new one, never a mix."""
        try:
            data = self._path(key).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except IsADirectoryError:
            # A folder at the key counts as a damaged object, like an empty file.
            return Stored(b"", _FOLDER_ETAG)
        except OSError as error:
            raise self._unavailable(error) from error
        return Stored(data, _etag(data))

    def put_if_absent(self, key: str, data: bytes) -> str:
        """Create the object by link(), which fails where the name is taken."""
        path = self._path(key)
        try:
            with self._temporary_copy(data) as unfinished:
                self._make_parents(path.parent)
                os.link(unfinished, path)
                _sync_folder(path.parent)
        except FileExistsError:
            raise ConflictError(f"{key} exists.") from None
        except OSError as error:
            raise self._unavailable(error) from error
        return _etag(data)

    def put_if_match(self, key: str, data: bytes, etag: str) -> str:
        """Replace the object under its lock where its content hash is ``etag``."""
        path = self._path(key)
        try:
            with self._locked(key), self._temporary_copy(data) as unfinished:
                stored = self.get(key)
                if stored is None or stored.etag != etag:
                    raise ConflictError(f"{key} is not the version that was read.")
                self._replace(path, unfinished, key)
                _sync_folder(path.parent)
        except OSError as error:
            raise self._unavailable(error) from error
        return _etag(data)

    def delete(self, key: str) -> None:
        """Remove the file."""
        path = self._path(key)
        try:
            with self._locked(key), suppress(FileNotFoundError):
                path.unlink()
                _sync_folder(path.parent)
        except OSError as error:
            raise self._unavailable(error) from error

    def list(self, prefix: str, *, start_after: str = "") -> Iterator[Listed]:
        """All objects below a prefix; ``version`` is inode, time and size."""
        if _is_outside(prefix):
            return
        for key, facts in self._below(_folder_of(prefix), prefix, start_after):
            version = f"{facts.st_ino:x}-{facts.st_mtime_ns:x}-{facts.st_size:x}"
            yield Listed(key, version, facts.st_size, facts.st_mtime)

    def list_folders(self, prefix: str) -> Iterator[str]:
        """Folders with a file at any depth: a folder remains when its last file is deleted."""
        if _is_outside(prefix):
            return
        entries = self._entries(_folder_of(prefix))
        folders = [f"{key}/" for key, entry in entries if key.startswith(prefix) and self._is_folder(entry)]
        for folder in sorted(folders):
            if next(self._below(folder), None) is not None:
                yield folder

    def keeps_versions(self) -> bool:
        """False: a replaced file is deleted after its last reader."""
        return False

    def delete_old_versions(self, prefix: str) -> int:  # noqa: ARG002
        """0: a folder keeps no versions."""
        return 0

    def server_time(self) -> None:
        """None: a folder has the clock of this machine."""

    def pin(self, key: str, folder: Path) -> Path | None:
        """Make a hard link: a later swap renames another file to the name and leaves this one unchanged."""
        path = self._path(key)
        pinned = folder / key
        try:
            pinned.parent.mkdir(parents=True, exist_ok=True)
            link_or_copy(path, pinned)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise self._unavailable(error) from error
        return pinned

    def presigned(self, key: str, seconds: int, disposition: str, media_type: str) -> None:
        """None: a folder has no URL."""

    @property
    def pins_are_cheap(self) -> bool:
        """True: a pin is a hard link."""
        return True

    def location(self, key: str) -> str:
        """The file's path."""
        return str(self._path(key)) if key else f"{self.root}/"

    def reader_setup(self) -> Sequence[str]:
        """No statements: DuckDB reads files directly."""
        return ()

    @property
    def scratch(self) -> Path:
        """A folder on the same file system for private files of readers."""
        return self._temporary

    def _path(self, key: str) -> Path:
        parts = PurePosixPath(key).parts
        if not parts or key.startswith("/") or {"..", ".", ".mallard"} & set(parts):
            raise StoreError(f"{key!r} is not a key.")
        return self.root / key

    def _below(self, folder_key: str, prefix: str = "", start_after: str = "") -> Iterator[tuple[str, os.stat_result]]:
        """Key and facts of the files below a folder that ``list`` wants, in order of key.

        Folders without such files are not opened, so a short listing does not read the whole history.
        """
        found: list[tuple[str, os.stat_result | None]] = []
        for key, entry in self._entries(folder_key):
            if self._is_folder(entry):
                if _may_hold(f"{key}/", prefix, start_after):
                    # With the slash a folder sorts like its keys.
                    found.append((f"{key}/", None))
            elif key.startswith(prefix) and key > start_after and (facts := self._facts(entry)) is not None:
                found.append((key, facts))
        for key, facts in sorted(found, key=itemgetter(0)):
            if facts is None:
                yield from self._below(key, prefix, start_after)
            else:
                yield key, facts

    def _entries(self, folder_key: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
        try:
            with os.scandir(self.root / folder_key) as entries:
                for entry in entries:
                    yield folder_key + entry.name, entry
        except (FileNotFoundError, NotADirectoryError):
            # An absent folder lists nothing; an unreadable one is an error.
            return
        except OSError as error:
            raise self._unavailable(error) from error

    def _facts(self, entry: os.DirEntry[str]) -> os.stat_result | None:
        """``stat`` of a file; None for a deleted one and for a link to a folder."""
        try:
            return None if entry.is_dir() else entry.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unavailable(error) from error

    def _is_folder(self, entry: os.DirEntry[str]) -> bool:
        return entry.is_dir(follow_symlinks=False) and entry.name != self._private.name

    def _replace(self, path: Path, unfinished: Path, key: str) -> None:
        """Rename the file into place; a folder that stands there is moved to ``damaged/`` first."""
        if not path.is_dir():
            unfinished.rename(path)
            return
        damaged_path = self.root / "damaged" / f"{key}.{secrets.token_hex(4)}"
        damaged_path.parent.mkdir(parents=True, exist_ok=True)
        path.rename(damaged_path)
        # The name is free meanwhile: the link fails where another process has created it.
        os.link(unfinished, path)

    @contextmanager
    def _locked(self, key: str) -> Iterator[None]:
        number = hashlib.blake2b(key.encode(), digest_size=2).digest()[0] % LOCK_COUNT
        with open(self._private / "locks" / f"{number:02d}", "a", opener=open_private) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _temporary_copy(self, data: bytes) -> Iterator[Path]:
        unfinished = self._temporary / secrets.token_hex(8)
        try:
            with open(unfinished, "wb", opener=open_private) as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            yield unfinished
        finally:
            unfinished.unlink(missing_ok=True)

    def _make_parents(self, folder: Path) -> None:
        missing = []
        while not folder.exists():
            missing.append(folder)
            folder = folder.parent
        for each in reversed(missing):
            each.mkdir(FOLDER_MODE, exist_ok=True)
            _sync_folder(each.parent)

    def _sweep(self, now: float) -> None:
        for file in self._temporary.iterdir():
            with suppress(OSError):
                if file.stat().st_ctime < now - TEMPORARY_FILE_SECONDS:
                    shutil.rmtree(file) if file.is_dir() else file.unlink()

    def _unavailable(self, error: OSError) -> StoreUnavailableError:
        return StoreUnavailableError(f"The folder {self.root} cannot be used: {error.strerror}.")


def _folder_of(prefix: str) -> str:
    """The folder that holds all keys of a prefix, with its slash; empty for the root."""
    return prefix[: prefix.rfind("/") + 1]


def _is_outside(prefix: str) -> bool:
    return ".." in PurePosixPath(prefix).parts or prefix.startswith("/")


def _may_hold(folder: str, prefix: str, start_after: str) -> bool:
    """True where keys below a folder can begin with ``prefix`` and come after ``start_after``."""
    overlaps = folder.startswith(prefix) or prefix.startswith(folder)
    return overlaps and (folder > start_after or start_after.startswith(folder))


def open_private(path: str, flags: int) -> int:
    """An opener for ``open()`` that creates files readable by this account alone."""
    return os.open(path, flags, FILE_MODE)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
