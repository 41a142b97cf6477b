"""Derived keys: one for each purpose, from one secret."""

import hashlib
import hmac

_EXTRACTED_WITH = b"mallard"
_FIRST_BLOCK = b"\x01"


def derived(secret: bytes, purpose: str) -> bytes:
    """32 bytes by HKDF-SHA256 (RFC 5869); ``purpose`` is its info.

    The holder of one key learns neither the secret nor the key of another purpose.
    """
    extracted = hmac.digest(_EXTRACTED_WITH, secret, hashlib.sha256)
    return hmac.digest(extracted, purpose.encode() + _FIRST_BLOCK, hashlib.sha256)
