"""Signed tokens: readable by their holder, forgeable only with the secret."""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from itsdangerous import BadData, URLSafeSerializer

MAX_TOKEN_LENGTH = 512
MAX_AHEAD_SECONDS = 60
"""The most that the clocks of two instances may be apart."""

_SIGNED_AT = "t"
_FORM = re.compile(r"\.?[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{43}")
"""The form that ``sign`` makes; the decoder is less strict and takes one token in many spellings."""


def sign(secret: bytes, purpose: str, content: Mapping[str, Any], now: datetime) -> str:
    """A token for one purpose. ``content`` is JSON; the moment is added, in whole seconds since 1970."""
    token = _serializer(secret, purpose).dumps({**content, _SIGNED_AT: int(now.timestamp())})
    return token.decode() if isinstance(token, bytes) else token


def read(secret: bytes, purpose: str, token: str, lasts_seconds: int, now: datetime) -> dict[str, Any] | None:
    """The content of a token; None where it has another purpose, is too old, or is not one."""
    if len(token) > MAX_TOKEN_LENGTH or not _FORM.fullmatch(token):
        return None
    serializer = _serializer(secret, purpose)
    try:
        content = serializer.loads(token)
    except BadData:
        return None
    # The last character of a signature has two idle bits: only the spelling that is made here is a token.
    if serializer.dumps(content) != token:
        return None
    age = now.timestamp() - content[_SIGNED_AT]
    return content if -MAX_AHEAD_SECONDS <= age < lasts_seconds else None


def _serializer(secret: bytes, purpose: str) -> URLSafeSerializer:
    return URLSafeSerializer(
        secret,
        salt=f"mallard {purpose}",
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
    )
