"""Event ids: 63 bits, unique within a process, the same again for a client's retry."""

import hashlib
import secrets
import threading
from collections.abc import Callable

from mallard.event import EVENT_ID_EPOCH_MS, EVENT_ID_RANDOM_BITS


class EventIds:
    """Ids of milliseconds and random bits, always rising within one process."""

    def __init__(self, random_bits: Callable[[int], int] = secrets.randbits) -> None:
        self._random_bits = random_bits
        self._last = 0
        self._lock = threading.Lock()

    def next(self, now_ms: int) -> int:
        """``now_ms`` is milliseconds since 1970."""
        drawn = ((now_ms - EVENT_ID_EPOCH_MS) << EVENT_ID_RANDOM_BITS) | self._random_bits(EVENT_ID_RANDOM_BITS)
        with self._lock:
            # A burst within one millisecond would meet itself in 22 random bits: counting up cannot.
            self._last = max(drawn, self._last + 1)
            return self._last


def blind_event_id(random_bits: Callable[[int], int] = secrets.randbits) -> int:
    """An id that tells no time, for events whose time is rounded: 63 random bits."""
    return random_bits(63)


def client_event_id(site_id: str, day: str, client_id: str) -> int:
    """The id of an event that its client named: 63 bits of BLAKE2b(site | day | client's id).

    The same ``(site, i)`` within a day is the same event, whenever and through whichever function it came.
    """
    digest = hashlib.blake2b(f"{site_id}|{day}|{client_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1
