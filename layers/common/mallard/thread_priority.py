"""Threads that take the cores which others leave."""

import os
import threading
from contextlib import suppress

NICENESS = 10


def lower_priority() -> None:
    """Lower the priority of the thread that calls this, for good; nothing where the system has none of threads."""
    # On Linux a thread has a priority of its own; elsewhere this is refused.
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
