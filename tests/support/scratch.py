"""Where tests keep their files: in memory where that can be, since a disk makes whoever calls fsync wait."""

import os
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")
ENOUGH_BYTES = 4 * 2**30
"""All that the tests leave behind is less than a tenth of it."""


def keep_files_in_memory() -> None:
    """For this process and those that it starts, unless TMPDIR says where."""
    if "TMPDIR" not in os.environ and _takes_files(MEMORY):
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None


def _takes_files(folder: Path) -> bool:
    """Whether there is room for files and for programs; of a container's own 64 MB there is not."""
    if not os.access(folder, os.W_OK | os.X_OK):
        return False
    runs_programs = not os.statvfs(folder).f_flag & os.ST_NOEXEC
    return runs_programs and shutil.disk_usage(folder).free >= ENOUGH_BYTES
