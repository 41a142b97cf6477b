"""Suppression of core dumps, which would hold addresses and keys."""

import ctypes
import resource
import sys

PR_SET_DUMPABLE = 4
"""Of Linux's ``prctl``."""


def forbid_core_dumps() -> None:
    """Let no crash of this process leave its memory in a file, and no other process of this account read it.

    The limit alone does not hold where the kernel hands a dump to a program (``core_pattern`` with a pipe).
    """
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
