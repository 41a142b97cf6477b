"""Limits on connections per process and per address."""

import resource
from collections import OrderedDict
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import islice
from typing import Protocol

MAX_FILES = 65_536
SHARE_OF_AN_ADDRESS = 8
"""One address has an eighth of all connections at most."""

LOOKED_AT = 16
"""Of the oldest connections, where one has to go: each new connection costs the same."""


class _Open(Protocol):
    def is_idle(self) -> bool: ...

    def abort(self) -> None: ...


class ConnectionLimits:
    """The open connections, oldest first. ``is_shared`` names addresses that many clients share: trusted proxies."""

    def __init__(self, most: int, is_shared: Callable[[str], bool] = lambda _: False) -> None:
        self.most = most
        self._is_shared = is_shared
        self._all: OrderedDict[_Open, str] = OrderedDict()
        self._of_address: dict[str, OrderedDict[_Open, None]] = {}

    def add(self, connection: _Open, address: str) -> bool:
        """Take a connection in. Without room the oldest idle connection is closed, of the same address first.

        False where none is idle: then this one is not taken.
        """
        own = self._of_address.get(address, OrderedDict[_Open, None]())
        share = max(1, self.most // SHARE_OF_AN_ADDRESS)
        too_many = len(own) >= share and not self._is_shared(address)
        if too_many or len(self._all) >= self.most:
            leaving = _oldest_idle(own if too_many else self._all)
            if leaving is None:
                return False
            leaving.abort()
            # Its end is told later; its place is free now.
            self.remove(leaving)
        self._all[connection] = address
        self._of_address.setdefault(address, OrderedDict())[connection] = None
        return True

    def remove(self, connection: _Open) -> None:
        """A connection has ended."""
        address = self._all.pop(connection, None)
        if address is None:
            return
        own = self._of_address[address]
        del own[connection]
        if not own:
            del self._of_address[address]


def raise_file_limit() -> int:
    """Raise the soft limit of open files to the hard one, MAX_FILES at most, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    target = MAX_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_FILES)
    if soft != resource.RLIM_INFINITY and soft < target:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))
            return target
    return target if soft == resource.RLIM_INFINITY else soft


def most_connections(files: int) -> int:
    """Half of the files that may be open: the store and the queue open files as well."""
    return max(16, files // 2)


def _oldest_idle(connections: Iterable[_Open]) -> _Open | None:
    return next((each for each in islice(connections, LOOKED_AT) if each.is_idle()), None)
