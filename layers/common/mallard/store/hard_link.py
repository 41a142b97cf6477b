"""Hard links, with a copy as fallback."""

import os
import shutil
from pathlib import Path


def link_or_copy(path: Path, pinned: Path) -> None:
    """Make ``pinned`` a hard link of ``path``, or a copy where links fail. FileNotFoundError; other OSErrors."""
    try:
        os.link(path, pinned)
    except FileNotFoundError:
        raise
    except OSError:
        # Another file system, or one without hard links. An open file is one version, so the copy is consistent too.
        shutil.copyfile(path, pinned)
