"""Argon2id hashes of passwords, few at a time, in threads of low priority."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from time import monotonic

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from mallard.errors import PasswordBusyError
from mallard.thread_priority import lower_priority

MAX_LENGTH = 1000
AT_ONCE = 2
"""Hashes a process computes at once: each takes 19 MiB and a core."""

UNKNOWN_NETWORKS_AT_ONCE = 1
"""Of those, hashes for clients whose network failed before; the other place is free for all others."""

UNKNOWN_NETWORKS_WAITING = 8
WAITING_PER_NETWORK = 2
WAIT_SECONDS = 3.0
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""Argon2id with 19 MiB, two passes and one lane, as OWASP's cheat sheet on storing passwords asks for."""


class PasswordHashing:
    """Argon2id for a process: at most AT_ONCE at a time, so that guesses take neither its memory nor its cores."""

    def __init__(self, hasher: PasswordHasher = HASHER, *, wait_seconds: float = WAIT_SECONDS) -> None:
        self._hasher = hasher
        self._wait_seconds = wait_seconds
        self._places = threading.BoundedSemaphore(AT_ONCE)
        self._unknown_places = threading.BoundedSemaphore(UNKNOWN_NETWORKS_AT_ONCE)
        self._lock = threading.Lock()
        self._waiting: Counter[str] = Counter()
        # A storm of guesses takes the cores that events and queries leave.
        self._pool = ThreadPoolExecutor(AT_ONCE, "password-hash", lower_priority)

    def hash(self, password: str) -> str:
        """The password's hash with a salt of its own. Raises PasswordBusyError where too many requests wait."""
        with self._place(""):
            return self._pool.submit(self._hasher.hash, _bytes(password)).result()

    def fits(self, password: str, password_hash: str, unknown_network: str = "") -> bool:
        """True where the hash is of this password. Raises PasswordBusyError where too many requests wait.

        ``unknown_network`` is the network of a client without precedence: few such wait, and few of one network.
        """
        if len(password) > MAX_LENGTH:
            return False
        with self._place(unknown_network), suppress(VerificationError, InvalidHashError):
            return self._pool.submit(self._hasher.verify, password_hash, _bytes(password)).result()
        return False

    def is_old(self, password_hash: str) -> bool:
        """True where the hash was made with other parameters than those of this version."""
        return self._hasher.check_needs_rehash(password_hash)

    @contextmanager
    def _place(self, unknown_network: str) -> Iterator[None]:
        deadline = monotonic() + self._wait_seconds
        with self._unknown_place(unknown_network, deadline), _acquired(self._places, deadline):
            yield

    @contextmanager
    def _unknown_place(self, network: str, deadline: float) -> Iterator[None]:
        if not network:
            yield
            return
        with self._lock:
            if self._waiting.total() >= UNKNOWN_NETWORKS_WAITING or self._waiting[network] >= WAITING_PER_NETWORK:
                raise _busy()
            self._waiting[network] += 1
        try:
            with _acquired(self._unknown_places, deadline):
                yield
        finally:
            with self._lock:
                self._waiting[network] -= 1
                self._waiting += Counter()


@contextmanager
def _acquired(places: threading.BoundedSemaphore, deadline: float) -> Iterator[None]:
    if not places.acquire(timeout=max(0.0, deadline - monotonic())):
        raise _busy()
    try:
        yield
    finally:
        places.release()


def _busy() -> PasswordBusyError:
    return PasswordBusyError("Too many passwords are being checked; try again in a few seconds.")


def _bytes(password: str) -> bytes:
    # JSON can say half of a character, which no encoding holds.
    return password.encode("utf-8", "surrogatepass")
