"""The administrator's password: set by who comes first, or given by MALLARD_ADMIN_PASSWORD, which wins."""

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from mallard.auth.common_passwords import is_common
from mallard.auth.password_hashing import MAX_LENGTH, PasswordHashing
from mallard.auth.ttl_cache import TtlCache
from mallard.errors import ConflictError, DamagedObjectError, PasswordError, StoreError
from mallard.store.base import Store
from mallard.store.compare_and_swap import swap

PASSWORD_KEY = "config/password.json"  # noqa: S105  # the name of the object
MIN_LENGTH = 8


def refuse_weak(password: str) -> None:
    """Raise PasswordError, with one sentence, where it is too short, too long, or everybody's first guess."""
    if len(password) < MIN_LENGTH:
        raise PasswordError(f"The password has {len(password)} characters, but needs at least {MIN_LENGTH}.")
    if len(password) > MAX_LENGTH:
        raise PasswordError(f"The password may have at most {MAX_LENGTH} characters.")
    if is_common(password):
        raise PasswordError("The password is one of those that everybody tries first; take a longer, less usual one.")


@dataclass(frozen=True, slots=True)
class _Record:
    """What the store knows. ``mark`` is random and new for each password: sessions are signed with it."""

    hash: str
    mark: str
    set_at: str


class AdminPassword:
    """The one password of a store. ``configured`` wins over what is stored. ``clock`` is monotonic seconds."""

    def __init__(
        self,
        store: Store,
        configured: str = "",
        *,
        hashing: PasswordHashing | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._configured = configured
        self.hashing = hashing or PasswordHashing()
        self._marks: TtlCache[str] = TtlCache(lambda _: self._stored_mark(), clock=clock)

    @property
    def is_configured(self) -> bool:
        """Whether MALLARD_ADMIN_PASSWORD gives it, so that it can be changed there only."""
        return bool(self._configured)

    def mark(self) -> str:
        """A text that is another for each password, empty while none is set. At most KEPT_SECONDS behind the store.

        It says nothing about the password to who does not know it: it is for signing only.
        """
        if self._configured:
            return hashlib.sha256(b"configured\0" + _bytes(self._configured)).hexdigest()
        mark = self._marks.get(PASSWORD_KEY)
        if not mark:
            # A first password opens the door at once, not in some seconds.
            self._marks.forget(PASSWORD_KEY)
        return mark

    def set_first(self, password: str, now: datetime) -> bool:
        """Set the password where there is none; False where one is set. Of two at once, one wins.

        PasswordError for a weak one; StoreUnavailableError where nobody can tell whether it is set now.
        """
        refuse_weak(password)
        if self.mark():
            return False
        record = self._new(password, now)
        try:
            self._store.put_if_absent(PASSWORD_KEY, _to_json(record))
        except ConflictError:
            return False
        self._marks.put(PASSWORD_KEY, record.mark)
        return True

    def check(self, password: str, stranger: str = "") -> bool:
        """True where this is the password; an old hash gets new parameters.

        ``stranger`` as of ``PasswordHashing.fits``.
        """
        if self._configured:
            return hmac.compare_digest(_digest(self._configured), _digest(password))
        record = self._read()
        if record is None or not self.hashing.fits(password, record.hash, stranger):
            return False
        if self.hashing.is_old(record.hash):
            # The next login does it where this one cannot.
            with suppress(StoreError):
                self._replace(record.hash, replace(record, hash=self.hashing.hash(password)))
        return True

    def change(self, current: str, new: str, now: datetime) -> bool:
        """Replace the password by a new one where ``current`` is it; False where it is not, or not any more.

        Every session ends with it, for they are signed with ``mark``. PasswordError for a weak one.
        """
        refuse_weak(new)
        record = self._read()
        if self._configured or record is None or not self.hashing.fits(current, record.hash):
            return False
        return self._replace(record.hash, self._new(new, now))

    def put(self, password: str, now: datetime) -> None:
        """Set the password whatever was there: for who has the store itself. PasswordError for a weak one."""
        refuse_weak(password)
        record = self._new(password, now)
        swap(self._store, PASSWORD_KEY, lambda _: (None, _to_json(record)))
        self._marks.put(PASSWORD_KEY, record.mark)

    def _new(self, password: str, now: datetime) -> _Record:
        return _Record(self.hashing.hash(password), secrets.token_hex(16), now.isoformat(timespec="seconds"))

    def _replace(self, known: str, record: _Record) -> bool:
        def replaced(data: bytes | None) -> tuple[bool, bytes | None]:
            found = _from_json(data)
            still = found is not None and found.hash == known
            return still, _to_json(record) if still else None

        done = swap(self._store, PASSWORD_KEY, replaced)
        if done:
            self._marks.put(PASSWORD_KEY, record.mark)
        return done

    def _stored_mark(self) -> str:
        record = self._read()
        return record.mark if record else ""

    def _read(self) -> _Record | None:
        stored = self._store.get(PASSWORD_KEY)
        return _from_json(stored.data if stored else None)


def _bytes(password: str) -> bytes:
    # JSON can say half of a character, which no encoding holds.
    return password.encode("utf-8", "surrogatepass")


def _digest(password: str) -> bytes:
    return hashlib.sha256(_bytes(password)).digest()


def _to_json(record: _Record) -> bytes:
    return json.dumps({"hash": record.hash, "mark": record.mark, "set_at": record.set_at}).encode()


def _from_json(data: bytes | None) -> _Record | None:
    if data is None:
        return None
    try:
        found = json.loads(data)
        record = _Record(str(found["hash"]), str(found["mark"]), str(found["set_at"]))
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedObjectError(PASSWORD_KEY) from error
    if not record.mark:
        # An empty mark means that none is set: whoever comes next would set one.
        raise DamagedObjectError(PASSWORD_KEY)
    return record
