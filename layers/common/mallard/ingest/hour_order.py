"""Order of a visitor's events within an hour for rounded times.

The number is an offset drawn for the visitor and hour, plus the place of the moment under a random order-preserving
function: a binary tree over the hour's milliseconds, each of whose splits is drawn uniformly. All is drawn from the
salt, so every function computes the same on its own, and none can once the salt is deleted.
"""

import hashlib
import struct

from mallard.privacy.salts import Salt

LEVELS = 23
"""2^23 milliseconds are more than the longest hour has, an hour and a half where the clock is changed within it."""

SEQUENCE_BITS = 22
"""Events of one millisecond stand in the order of these bits of their sequence."""

PLACE_BITS = 54
"""So many more than LEVELS + SEQUENCE_BITS that splits, and not the least size of a part, make nearly all distances."""

HOUR_ORDER_BITS = 62
"""So many more than PLACE_BITS that one number alone says of its event's time less than one case in 256 would."""

_LEVELS_OF_A_HASH = 3
_WORD_BITS = 64
_EIGHT_WORDS = struct.Struct(">8Q")


def hour_order(salt: Salt, visitor_id: int, hour_ms: int, moment_ms: int, sequence: int) -> int:
    """A number of HOUR_ORDER_BITS for a moment of the hour that begins at ``hour_ms``, both since 1970.

    Later moments of one visitor's hour have greater numbers; of one millisecond, greater sequences.
    """
    key, offset = _drawn(salt, visitor_id, hour_ms)
    elapsed_ms = min(moment_ms - hour_ms, (1 << LEVELS) - 1)
    return offset + _place(key, elapsed_ms) + sequence % (1 << SEQUENCE_BITS)


def _drawn(salt: Salt, visitor_id: int, hour_ms: int) -> tuple[bytes, int]:
    """The key of a visitor's hour, and its offset."""
    key = salt.mac(f"order|{visitor_id}|{hour_ms}".encode())
    word = int.from_bytes(hashlib.blake2b(b"offset", key=key, digest_size=8).digest(), "big")
    return key, word * ((1 << HOUR_ORDER_BITS) - (1 << PLACE_BITS)) >> _WORD_BITS


def _place(key: bytes, elapsed_ms: int) -> int:
    """The lower end of a millisecond's part of 2^PLACE_BITS; no part is smaller than 2^SEQUENCE_BITS."""
    low, high, node = 0, 1 << PLACE_BITS, 1
    words: tuple[int, ...] = ()
    for level in range(LEVELS):
        if level % _LEVELS_OF_A_HASH == 0:
            # One hash holds the splits of the seven nodes of three levels.
            node, words = 1, _words(key, level, elapsed_ms >> (LEVELS - level))
        below = LEVELS - 1 - level
        least = 1 << (below + SEQUENCE_BITS)
        split = low + least + ((high - low - 2 * least) * words[node] >> _WORD_BITS)
        bit = elapsed_ms >> below & 1
        low, high, node = (split, high, 2 * node + 1) if bit else (low, split, 2 * node)
    return low


def _words(key: bytes, level: int, path: int) -> tuple[int, ...]:
    return _EIGHT_WORDS.unpack(hashlib.blake2b(path.to_bytes(4, "big") + bytes((level,)), key=key).digest())
