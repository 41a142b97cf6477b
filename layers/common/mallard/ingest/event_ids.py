"""Event ids: 63 bits, unique per process, stable for retries by client id."""

import hashlib
import secrets
import threading
from collections.abc import Callable

from mallard.event import EVENT_ID_EPOCH_MS, EVENT_ID_RANDOM_BITS
from mallard.privacy.derived_keys import derived

_KINDS = {False: "open", True: "keyed"}


class EventIds:
    """Ids of milliseconds and random bits, always rising within one process, and ids of events that are named."""

    def __init__(self, key: bytes, random_bits: Callable[[int], int] = secrets.randbits) -> None:
        """``key`` is the same in every instance: a retry through another one must have the first try's id."""
        self._names = {keyed: derived(key, f"names of {kind} events") for keyed, kind in _KINDS.items()}
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

    def named(self, site_id: str, day: str, client_id: str, *, keyed: bool) -> int:
        """The id of an event that its sender named: 63 bits of keyed BLAKE2b(site | day | sender's id).

        The same name within a day is the same event, whenever and through whichever function it came. ``keyed`` says
        that it came with an API key: an anonymous sender can neither take the id of such an event nor test a name.
        """
        text = f"{site_id}|{day}|{client_id}".encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=8, key=self._names[keyed]).digest(), "big") >> 1


def blind_event_id(random_bits: Callable[[int], int] = secrets.randbits) -> int:
    """An id that tells no time, for events whose time is rounded: 63 random bits."""
    return random_bits(63)
