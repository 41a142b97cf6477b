"""The file that an export writes: complete under its name, or absent."""

import fcntl
import os
import re
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

from mallard.errors import TransferError

STANDARD_OUTPUT = "-"

SUFFIX = ".mallard-export"
"""Of unfinished files, ``.<name>.<random><SUFFIX>``: no file of anyone else has such a name."""

YOUNG_SECONDS = 60
"""A younger unfinished file is left alone: its owner may not hold the lock yet."""


@contextmanager
def open_output(output: str, *, force: bool) -> Iterator[IO[bytes]]:
    """The standard output, or a temporary file beside ``output`` that is renamed when it is complete.

    The file is locked as long as its process lives. Files of the same ``output`` that killed processes left are removed
    first. TransferError where the file exists and not ``force``, or cannot be written.
    """
    if output == STANDARD_OUTPUT:
        try:
            yield sys.stdout.buffer
            sys.stdout.flush()
        except BrokenPipeError:
            # Otherwise Python reports the closed pipe again at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise TransferError("The reader of the standard output closed it.") from None
        return
    path = Path(output)
    if path.exists() and not force:
        raise TransferError(f"{output} exists; --force replaces it.")
    remove_unfinished(path, time.time())
    try:
        with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", suffix=SUFFIX, delete=False) as file:
            unfinished = Path(file.name)
            try:
                # A file system without locks removes nothing either.
                with suppress(OSError):
                    fcntl.flock(file.fileno(), fcntl.LOCK_EX)
                yield file
                file.flush()
                os.fsync(file.fileno())
                _place(unfinished, path, force)
            finally:
                unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise TransferError(f"{output} cannot be written: {error.strerror}.") from error


def remove_unfinished(path: Path, now: float) -> None:
    """Remove the unfinished files of ``path`` whose processes are gone; ``now`` is seconds since 1970.

    The kernel releases a lock when its process ends, however it ends.
    """
    name = re.compile(rf"\.{re.escape(path.name)}\.[a-z0-9_]+{re.escape(SUFFIX)}")
    with suppress(OSError):
        for each in path.parent.iterdir():
            if name.fullmatch(each.name):
                with suppress(OSError):
                    _remove_if_left(each, now)


def _remove_if_left(file: Path, now: float) -> None:
    """Unlink a regular file of this account that is old enough and not locked. OSError where it is locked or gone."""
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        facts = os.fstat(descriptor)
        is_ours = stat.S_ISREG(facts.st_mode) and facts.st_uid == os.getuid()
        if is_ours and facts.st_mtime < now - YOUNG_SECONDS:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            file.unlink()
    finally:
        os.close(descriptor)


def _place(unfinished: Path, path: Path, force: bool) -> None:
    # A temporary file is readable by its owner only; an export has the mode of any new file.
    mask = os.umask(0)
    os.umask(mask)
    unfinished.chmod(0o666 & ~mask)
    if force:
        unfinished.replace(path)
        return
    try:
        os.link(unfinished, path)
    except FileExistsError:
        raise TransferError(f"{path} exists; --force replaces it.") from None
