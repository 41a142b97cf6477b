"""Sessions: a signed token, nothing in the store but one epoch that ends them all when it is replaced."""

import json
import logging
import secrets
import time
from collections.abc import Callable
from datetime import datetime

from mallard.auth import signed_tokens
from mallard.auth.ttl_cache import TtlCache
from mallard.store.base import Store
from mallard.store.compare_and_swap import swap

EPOCH_KEY = "config/session-epoch.json"
COOKIE = "mm_session"
SECURE_COOKIE = f"__Host-{COOKIE}"
"""The name over TLS: browsers take it from this very host only, so a neighbour under one domain cannot set it."""

MAX_COOKIES = 4
"""Session cookies of one request that are tried; a neighbour's may stand before the right one."""

log = logging.getLogger("mallard.auth")


class LoginSessions:
    """The sessions of one store, signed with ``secret``. ``clock`` is monotonic seconds.

    ``password_mark`` is another text for each password: a token of an earlier password is no token any more.
    """

    def __init__(
        self,
        store: Store,
        secret: bytes,
        password_mark: Callable[[], str],
        *,
        lasts_seconds: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._secret = secret
        self._password_mark = password_mark
        self.lasts_seconds = lasts_seconds
        self._epochs: TtlCache[str] = TtlCache(lambda _: self._agreed_epoch(), clock=clock)

    def begin(self, now: datetime) -> str:
        """The token of a new session."""
        return signed_tokens.sign(self._secret, self._purpose(), {"n": secrets.token_urlsafe(9)}, now)

    def holds(self, token: str, now: datetime) -> bool:
        """Whether a token is of a session that has not ended. What ends elsewhere is known after KEPT_SECONDS."""
        # Before a password is set there is nobody whom a token could stand for.
        if not token or not self._password_mark():
            return False
        return signed_tokens.read(self._secret, self._purpose(), token, self.lasts_seconds, now) is not None

    def end_all(self) -> None:
        """End every session of every instance."""
        epoch = _new_epoch()
        swap(self._store, EPOCH_KEY, lambda _: (None, _to_json(epoch)))
        self._epochs.put(EPOCH_KEY, epoch)

    def _purpose(self) -> str:
        return f"session {self._epochs.get(EPOCH_KEY)} {self._password_mark()}"

    def _agreed_epoch(self) -> str:
        def agreed(data: bytes | None) -> tuple[str, bytes | None]:
            if data is not None and (known := _from_json(data)):
                return known, None
            if data is not None:
                log.error("%s is damaged: all sessions end, and everybody logs in again", EPOCH_KEY)
            epoch = _new_epoch()
            return epoch, _to_json(epoch)

        return swap(self._store, EPOCH_KEY, agreed)


def _new_epoch() -> str:
    return secrets.token_hex(16)


def _to_json(epoch: str) -> bytes:
    return json.dumps({"epoch": epoch}).encode()


def _from_json(data: bytes) -> str:
    """The epoch; empty where the object is damaged."""
    try:
        return str(json.loads(data)["epoch"])
    except (ValueError, KeyError, TypeError):
        return ""
