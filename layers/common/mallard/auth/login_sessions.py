"""Login sessions: signed tokens, and one stored epoch whose replacement ends them all."""

import logging
import secrets
import time
from collections.abc import Callable
from datetime import datetime

from mallard.auth import signed_tokens
from mallard.store.base import Store
from mallard.store.stored_object import JsonFormat, StoredObject

EPOCH_KEY = "config/session-epoch.json"
COOKIE = "mm_session"
SECURE_COOKIE = f"__Host-{COOKIE}"
"""The name over TLS: browsers take it from this very host only, so a neighbour under one domain cannot set it."""

MAX_COOKIES = 4
"""Session cookies of one request that are tried; one of a neighbouring host may stand before the right one."""

log = logging.getLogger("mallard.auth")


class LoginSessions:
    """The sessions of one store, signed with ``secret``. ``clock`` is monotonic seconds.

    ``password_mark`` differs for each password, so that tokens of an earlier password are invalid.
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
        self._secret = secret
        self._password_mark = password_mark
        self.lasts_seconds = lasts_seconds
        self._epoch = StoredObject.cached(store, EPOCH_KEY, _FORMAT, clock=clock)

    def begin(self, now: datetime) -> str:
        """The token of a new session."""
        return signed_tokens.sign(self._secret, self._purpose(), {"n": secrets.token_urlsafe(9)}, now)

    def holds(self, token: str, now: datetime) -> bool:
        """True for the token of a living session. Ends elsewhere are known after TTL_SECONDS."""
        # Before a password is set there is no owner whom a token could stand for.
        if not token or not self._password_mark():
            return False
        return signed_tokens.read(self._secret, self._purpose(), token, self.lasts_seconds, now) is not None

    def end_all(self) -> None:
        """End every session of every instance."""
        self._epoch.put(_new_epoch())

    def _purpose(self) -> str:
        epoch = self._epoch.get() or self._epoch.change(lambda stored: stored or _new_epoch())
        return f"session {epoch} {self._password_mark()}"


def _new_epoch() -> str:
    return secrets.token_hex(16)


def _log_damage(key: str) -> None:
    log.error("%s is damaged: all sessions end, and a new login is required", key)


_FORMAT: JsonFormat[str] = JsonFormat(
    lambda record: str(record["epoch"]), lambda epoch: {"epoch": epoch}, on_damage=_log_damage
)
