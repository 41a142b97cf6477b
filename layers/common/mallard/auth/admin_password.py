"""The administrator's password: stored, or configured by MALLARD_ADMIN_PASSWORD, which wins."""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from mallard.auth.common_passwords import is_common
from mallard.auth.password_hashing import MAX_LENGTH, PasswordHashing
from mallard.errors import ConflictError, PasswordError, StoreError
from mallard.store.base import Store
from mallard.store.stored_object import JsonFormat, StoredObject

PASSWORD_KEY = "config/password.json"  # noqa: S105  # the name of the object
MIN_LENGTH = 8


def refuse_weak(password: str) -> None:
    """Raise PasswordError, with one sentence, where the password is too short, too long, or common."""
    if len(password) < MIN_LENGTH:
        raise PasswordError(f"The password has {len(password)} characters, but needs at least {MIN_LENGTH}.")
    if len(password) > MAX_LENGTH:
        raise PasswordError(f"The password may have at most {MAX_LENGTH} characters.")
    if is_common(password):
        raise PasswordError("The password is one of the most common ones; choose a longer, less usual one.")


@dataclass(frozen=True, slots=True)
class _Record:
    """The stored password. ``mark`` is random and new for each password: sessions are signed with it."""

    hash: str
    mark: str
    set_at: str

    def __post_init__(self) -> None:
        if not self.mark:
            # An empty mark would mean that no password is set: anyone could set one.
            raise ValueError("the mark is empty")


_FORMAT = JsonFormat.of(_Record)


class AdminPassword:
    """The administrator password; ``configured`` wins over the stored one. ``clock`` is monotonic seconds."""

    def __init__(
        self,
        store: Store,
        configured: str = "",
        *,
        hashing: PasswordHashing | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._configured = configured
        self.hashing = hashing or PasswordHashing()
        self._record = StoredObject.cached(store, PASSWORD_KEY, _FORMAT, clock=clock)

    @property
    def is_configured(self) -> bool:
        """True where MALLARD_ADMIN_PASSWORD sets it, so that it can be changed there only."""
        return bool(self._configured)

    def mark(self) -> str:
        """A text that differs for each password, empty while none is set. At most TTL_SECONDS behind the store.

        For signing only: it reveals nothing about the password.
        """
        if self._configured:
            return hashlib.sha256(b"configured\0" + _bytes(self._configured)).hexdigest()
        record = self._record.get()
        if record is None:
            # A first password, set on another instance, counts here at once.
            self._record.forget()
            return ""
        return record.mark

    def set_first(self, password: str, now: datetime) -> bool:
        """Set the password where none is set; False where one is. Of two callers at once, one wins.

        Raises PasswordError for a weak one; StoreUnavailableError where it is unclear whether it is set now.
        """
        refuse_weak(password)
        if self.mark():
            return False
        try:
            self._record.create(self._new(password, now))
        except ConflictError:
            return False
        return True

    def check(self, password: str, unknown_network: str = "") -> bool:
        """True where this is the password; a hash with old parameters is replaced.

        ``unknown_network`` as of ``PasswordHashing.fits``.
        """
        if self._configured:
            return hmac.compare_digest(_digest(self._configured), _digest(password))
        record = self._record.read()
        if record is None or not self.hashing.fits(password, record.hash, unknown_network):
            return False
        if self.hashing.is_old(record.hash):
            # The next login does it where this one cannot.
            with suppress(StoreError):
                self._replace(record.hash, replace(record, hash=self.hashing.hash(password)))
        return True

    def change(self, current: str, new: str, now: datetime) -> bool:
        """Replace the password where ``current`` is the right one; False where it is not.

        Every session ends, because sessions are signed with ``mark``. Raises PasswordError for a weak one.
        """
        refuse_weak(new)
        record = self._record.read()
        if self._configured or record is None or not self.hashing.fits(current, record.hash):
            return False
        return self._replace(record.hash, self._new(new, now))

    def put(self, password: str, now: datetime) -> None:
        """Set the password whatever was there, for an operator with access to the store. Raises PasswordError."""
        refuse_weak(password)
        self._record.put(self._new(password, now))

    def _new(self, password: str, now: datetime) -> _Record:
        return _Record(self.hashing.hash(password), secrets.token_hex(16), now.isoformat(timespec="seconds"))

    def _replace(self, known_hash: str, record: _Record) -> bool:
        """True where the record was written: only where the password is still the one of ``known_hash``."""
        after = self._record.change(lambda found: record if found and found.hash == known_hash else found)
        return after == record


def _bytes(password: str) -> bytes:
    # JSON can say half of a character, which no encoding holds.
    return password.encode("utf-8", "surrogatepass")


def _digest(password: str) -> bytes:
    return hashlib.sha256(_bytes(password)).digest()
