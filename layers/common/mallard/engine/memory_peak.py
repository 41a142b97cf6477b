"""Peak memory of the statements of one request."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class MemoryPeak:
    """The most ``bytes`` that any statement's buffers had; a result is then counted anew, and not cached."""

    def __init__(self) -> None:
        self.bytes = 0

    def note(self, count: int) -> None:
        """Take in another statement."""
        self.bytes = max(self.bytes, count)


_CURRENT: ContextVar[MemoryPeak | None] = ContextVar("mallard.query.memory_peak", default=None)


@contextmanager
def measuring_memory() -> Iterator[MemoryPeak]:
    """Inside, the engine notes the memory of the current request."""
    peak = MemoryPeak()
    token = _CURRENT.set(peak)
    try:
        yield peak
    finally:
        _CURRENT.reset(token)


def memory_peak() -> MemoryPeak | None:
    """That of the current request; None where nobody measures it."""
    return _CURRENT.get()
